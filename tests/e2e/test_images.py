"""Images on real daemons, from a real registry with TLS and a password, whose own log of requests is the proof of what was asked of it."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import directory, ssh
from tests.e2e.test_site import Cli, changed
from tests.fakes.archive import write_archive
from xcatflow import lab
from xcatflow.lab import registry
from xcatflow.lab.push import push
from xcatflow.lab.state import load
from xcatflow.load.shipped import make_site

pytestmark = pytest.mark.lab

HOSTS = ("host01", "host02", "host03", "host04")
TRUST = """\
schema: 1
name: trust
summary: Docker hosts trust the registry
nodes: dockerhost
inputs: {registry: {required: true}}
steps:
  - {id: certificates, use: directory.present, with: {path: /etc/docker/certs.d}}
  - {id: directory, use: directory.present, with: {path: "/etc/docker/certs.d/${input.registry}"}}
  - {id: ca, use: file.present, with: {path: "/etc/docker/certs.d/${input.registry}/ca.crt", source: .xcatflow/pki/ca.pem}}
"""
IMAGES = """\
schema: 1
name: images
summary: The image is on all hosts
nodes: dockerhost
inputs:
  image: {required: true}
  pull: {default: missing}
  spread: {type: bool, default: true}
  password: {default: ""}
limits: {stop_after: {failed: 100%}}
steps:
  - id: image
    use: docker.image
    at: ${node.name}:2375
    with:
      name: ${input.image}
      pull: ${input.pull}
      spread: ${input.spread}
      auth: {username: lab, password: "${input.password:-${secret.registry}}"}
"""
PRUNE = """\
schema: 1
name: prune
summary: What nothing uses is gone
nodes: dockerhost
inputs: {keep: {default: ""}}
steps:
  - {id: prune, use: docker.prune, at: "${node.name}:2375", with: {what: images, keep: ["${input.keep:-none}"]}}
"""
LOGIN = """\
schema: 1
name: login
summary: root is logged in
nodes: dockerhost
inputs: {registry: {required: true}, password: {default: ""}, state: {default: present}}
steps:
  - id: login
    use: docker.registry_login
    at: ${node.name}:2375
    with:
      registry: ${input.registry}
      username: lab
      password: ${input.password:-${secret.registry}}
      state: ${input.state}
"""


class Site(Cli):
    """A site with four Docker hosts and a registry."""

    @property
    def registry(self) -> str:
        return registry.address(self.site).host

    def push(self, reference: str, archive: Path | None = None) -> str:
        """Put an image in, the lab's own busybox unless another is given; its digest."""
        data = (archive or self.site / "images" / "busybox.tar").read_bytes()
        return push(registry.address(self.site), data, reference)

    def requests(self) -> list[str]:
        """What was asked of the registry so far: `GET /v2/…`; those it refused are left out."""
        text = registry.access_log(self.site).read_text()
        return [found[1] for line in text.splitlines() if (found := re.search(r'"(\S+ \S+) HTTP/1.1" 200 ', line))]

    def image(self, name: str, *options: str, code: int = 0) -> list[dict[str, object]]:
        given = ("-i", f"image={self.registry}/{name}", *(word for option in options for word in ("-i", option)))
        return self.events("apply", "images", *given, code=code)

    def ids(self, name: str) -> list[str]:
        """The id of an image on each host, empty where it is not there."""
        command = f"docker image inspect -f '{{{{.Id}}}}' {self.registry}/{name} 2>/dev/null; :"
        return [ssh(self.site, host, command).strip() for host in HOSTS]

    def stored(self) -> list[str]:
        """All images of all hosts, with names and digests."""
        command = "docker images -a --digests --no-trunc --format '{{.Repository}}:{{.Tag}} {{.Digest}} {{.ID}}' | sort"
        return [ssh(self.site, host, command) for host in HOSTS]


@pytest.fixture(scope="module")
def site(lab_possible: None) -> Iterator[Site]:
    with directory() as root:
        for _ in make_site(root, inventory=False):
            pass
        lab.up(root, hosts=len(HOSTS), containers=0, registry=True, say=print)
        for name, text in (("trust", TRUST), ("images", IMAGES), ("prune", PRUNE), ("login", LOGIN)):
            (root / "workflows" / f"{name}.yaml").write_text(text)
        site = Site(root)
        site("apply", "provision-dockerhost")
        site("apply", "trust", "-i", f"registry={site.registry}")
        yield site


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """An image that is not the lab's busybox."""
    write_archive(tmp_path / "other.tar", "busybox:latest")
    return tmp_path / "other.tar"


def message(events: list[dict[str, object]]) -> str:
    return "\n".join(str(event["message"]) for event in events if event["event"] == "step-ended")


def test_one_pull_four_hosts(site: Site) -> None:
    before = len(site.requests())
    plan = site("plan", "images", "-i", f"image={site.registry}/busybox")
    assert "once for all hosts, then from host to host" in plan.stdout
    assert len(site.requests()) == before, "a plan asks nothing of the registry"
    events = site.image("busybox")
    assert changed(events) == [(host, "image") for host in HOSTS]
    asked = site.requests()[before:]
    manifests = [line for line in asked if line.startswith("GET") and "/manifests/" in line]
    blobs = Counter(line for line in asked if line.startswith("GET") and "/blobs/" in line)
    assert len(manifests) == 1
    assert set(blobs.values()) == {1}
    assert len(blobs) == 2, "the configuration and the layer"
    assert len(set(site.ids("busybox"))) == 1
    assert "" not in site.ids("busybox")
    sources = Counter(
        str(event["outputs"]["source"])  # type: ignore[index]
        for event in events
        if event["event"] == "step-ended"
    )
    assert sources["registry"] == 1
    assert sum(count for source, count in sources.items() if source.startswith("host")) == 3
    assert changed(site.image("busybox")) == []


def test_how_far_it_is_is_told_and_not_kept(site: Site) -> None:
    site("apply", "prune")
    events = site.image("busybox")
    assert {event["step"] for event in events if event["event"] == "act-progressed"} == {"image"}
    assert "act-progressed" not in site("show", "last", "--json").stdout


def test_a_host_that_has_it_serves_without_the_registry(site: Site) -> None:
    site.image("busybox")
    site("apply", "prune", "-n", "host01,host02")
    registry.stop(site.site)
    try:
        events = site.image("busybox")
        assert changed(events) == [("host01", "image"), ("host02", "image")]
    finally:
        lab.up(site.site, hosts=len(HOSTS), registry=True, containers=0, say=print)
    assert len(set(site.ids("busybox"))) == 1


def test_a_tag_that_moved_is_pulled_once_and_then_there_is_nothing_to_do(site: Site, other: Path) -> None:
    first = site.push("moving:1")
    site.image("moving:1", "pull=always")
    old = site.ids("moving:1")
    assert changed(site.image("moving:1", "pull=always")) == []
    second = site.push("moving:1", other)
    assert changed(site.image("moving:1")) == [], "missing asks nobody"
    plan = site("plan", "images", "-i", f"image={site.registry}/moving:1", "-i", "pull=always")
    assert f"digest: {first[7:19]} -> {second[7:19]}" in plan.stdout
    before = len(site.requests())
    events = site.image("moving:1", "pull=always")
    assert changed(events) == [(host, "image") for host in HOSTS]
    blobs = [line for line in site.requests()[before:] if "/blobs/" in line]
    (new,) = set(site.ids("moving:1"))
    assert new not in old
    assert {str(event["outputs"]["digest"]) for event in events if event["event"] == "step-ended"} == {second}  # type: ignore[index]
    layers = Counter(line for line in blobs if new not in line)
    assert set(layers.values()) == {1}, "who only asks for the digest reads the configuration, but no layer"
    assert changed(site.image("moving:1", "pull=always")) == []


def test_a_daemon_that_cannot_ask_pulls_and_says_whether_that_changed_anything(
    site: Site, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.push("elderly:1")
    site.image("elderly:1", "pull=always")
    monkeypatch.setenv("DOCKER_API_VERSION", "1.24")
    plan = site("plan", "images", "-i", f"image={site.registry}/elderly:1", "-i", "pull=always")
    assert "this daemon's API cannot ask the registry without pulling" in plan.stdout
    assert changed(site.image("elderly:1", "pull=always")) == [], "pulled, and it was the same"
    site.push("elderly:1", other)
    assert changed(site.image("elderly:1", "pull=always")) == [(host, "image") for host in HOSTS]
    assert len(set(site.ids("elderly:1"))) == 1


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("busybox:nope", (), "manifest for .*/busybox:nope not found: manifest unknown"),
        ("busybox:nope", ("pull=always",), 'cannot ask the registry for ".*/busybox:nope": manifest unknown'),
        ("nothing:1", ("spread=false",), "manifest for .*/nothing:1 not found"),
        ("private:1", ("password=wrong",), "unauthorized: authentication required"),
        ("private:1", ("password=wrong", "pull=always"), "unauthorized: authentication required"),
    ],
)
def test_what_the_registry_refuses_is_told_and_leaves_nothing(
    site: Site, name: str, options: tuple[str, ...], said: str
) -> None:
    site.push("private:1")
    before = site.stored()
    events = site.image(name, *options, code=1)
    assert re.search(said, message(events))
    assert changed(events) == []
    assert site.stored() == before


def test_a_registry_that_is_down_is_told_and_leaves_nothing(site: Site) -> None:
    before = site.stored()
    registry.stop(site.site)
    try:
        for options in ((), ("pull=always",), ("spread=false",)):
            assert "connection refused" in message(site.image("busybox:2", *options, code=1))
    finally:
        lab.up(site.site, hosts=len(HOSTS), registry=True, containers=0, say=print)
    assert site.stored() == before


def test_a_copy_that_breaks_is_made_good(site: Site, other: Path) -> None:
    """The only host that has the image has lost a file of it: the others get it from the registry, once."""
    site.push("cut:1", other)
    site("apply", "prune")
    name = f"{site.registry}/cut:1"
    site.events("apply", "images", "-n", "host01", "-i", f"image={name}")
    ssh(site.site, "host01", f"rm $(docker image inspect -f '{{{{.GraphDriver.Data.UpperDir}}}}' {name})/bin/busybox")
    before = len(site.requests())
    events = site.image("cut:1")
    assert changed(events) == [("host02", "image"), ("host03", "image"), ("host04", "image")]
    failed = [str(event["text"]) for event in events if event["event"] == "act-progressed" and "failed" in str(event)]
    assert all(text.startswith("copying from host01:2375 failed") for text in failed)
    assert failed
    assert len([line for line in site.requests()[before:] if line.startswith("GET") and "/manifests/" in line]) == 1
    assert len(set(site.ids("cut:1"))) == 1
    site("apply", "prune")


def test_unused_images_go_by_name_and_used_ones_stay(site: Site) -> None:
    site.image("busybox")
    ssh(site.site, "host01", f"docker run -d --name user --network none {site.registry}/busybox sleep 1000")
    plan = site("plan", "prune", "-n", "host01,host02", "-i", "keep=nothing/here")
    assert re.search(r"host02.*remove image .*/busybox:latest [0-9a-f]{12}: 2\.0 MB", plan.stdout)
    site("apply", "prune", "-n", "host01,host02")
    assert site.ids("busybox")[0]
    assert not site.ids("busybox")[1]
    site("plan", "prune", "--check", "-n", "host01,host02")
    site.image("busybox", "pull=always")
    name = f"{site.registry}/busybox"
    assert f"{name}@sha256:" in ssh(site.site, "host01", f"docker image inspect -f '{{{{.RepoDigests}}}}' {name}")
    assert "(must force)" in ssh(site.site, "host01", f"! docker rmi {name} 2>&1"), "a tag and its digest are one name"
    ssh(site.site, "host01", "docker rm -f user")


def test_a_login_is_proven_and_lets_docker_pull_by_hand(site: Site) -> None:
    given = ("-i", f"registry={site.registry}")
    assert "does not take the login" in message(site.events("apply", "login", *given, "-i", "password=wrong", code=1))
    assert ssh(site.site, "host01", "ls -A /root/.docker 2>/dev/null; :") == ""
    assert changed(site.events("apply", "login", *given)) == [(host, "login") for host in HOSTS]
    assert changed(site.events("apply", "login", *given)) == []
    assert ssh(site.site, "host01", "stat -c %a /root/.docker/config.json").strip() == "600"
    site("apply", "prune", "-n", "host03")
    ssh(site.site, "host03", f"docker pull -q {site.registry}/busybox")
    password = (site.site / "secrets" / "registry").read_text().strip()
    for file in (site.site / ".xcatflow").glob("*.sqlite*"):
        assert password.encode() not in file.read_bytes()
    site("apply", "login", *given, "-i", "state=absent")
    assert json.loads(ssh(site.site, "host03", "cat /root/.docker/config.json")) == {"auths": {}}


def test_the_registry_goes_with_the_lab(site: Site) -> None:
    """Last: the others need it."""
    assert load(site.site)
    assert "running" in lab.status(site.site).registry
    lab.down(site.site, say=print)
    assert not registry.exists(site.site)
    assert not (site.site / "secrets").exists()
