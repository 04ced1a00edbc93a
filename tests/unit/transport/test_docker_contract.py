"""What every `Docker` does: one set of tests for the fake in memory and for the adapter with a real daemon behind it.

The real daemon is reached both ways, by Unix socket and by mutual TLS. It needs root and dockerd, and is skipped elsewhere.
"""

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.archive import write_archive
from tests.fakes.docker import FakeDocker
from tests.fakes.dockerd import Engine
from xcatflow.errors import ActFailed, Unreachable
from xcatflow.model.endpoint import Endpoint
from xcatflow.model.question import ContainerFacts, DaemonFacts, ImageFacts, Reply
from xcatflow.transport.docker import DockerDaemon
from xcatflow.transport.pki import SiteAuthority
from xcatflow.transport.protocols import Docker, LogPiece, RegistryAuth, Traffic
from xcatflow.transport.tls import TlsFiles

IMAGE = "contract/busybox:1"
BODY: dict[str, Any] = {
    "Image": IMAGE,
    "Cmd": ["/bin/sleep", "3600"],
    "Labels": {"xcatflow.node": "c1", "xcatflow.made-from": "abc"},
    "HostConfig": {"NetworkMode": "none"},
}


@pytest.fixture(
    params=["fake", pytest.param("unix", marks=pytest.mark.lab), pytest.param("tls", marks=pytest.mark.lab)],
)
def docker(request: pytest.FixtureRequest, archive: Path) -> Iterator[Docker]:
    if request.param == "fake":
        it: Docker = FakeDocker()
    else:
        running: Engine = request.getfixturevalue("real_engine")
        place, files = (running.socket, None) if request.param == "unix" else (running.tls, running.files)
        it = DockerDaemon(place, traffic=Traffic(), tls=files)
    it.load_image(archive)
    yield it
    for container in it.containers():
        it.remove_container(container.name, force=True)
    for volume in it.volumes():
        it.remove_volume(volume.name)
    for image in it.images():
        for tag in image.tags:
            it.remove_image(tag)
    it.close()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "busybox.tar"
    write_archive(path, IMAGE, "contract/busybox:other")
    return path


def facts(docker: Docker, name: str) -> ContainerFacts:
    return next(facts for facts in docker.containers() if facts.name == name)


def made(docker: Docker, name: str = "c1", *, started: bool = False) -> str:
    id = docker.create_container(name, BODY).id
    if started:
        docker.start_container(name)
    return id


def test_daemon_names_its_versions(docker: Docker) -> None:
    daemon = docker.daemon()
    assert isinstance(daemon, DaemonFacts)
    assert daemon.engine
    assert float(daemon.min_api) <= float(daemon.used_api) <= float(daemon.api)


def test_created_container_is_listed_with_what_it_was_made_from(docker: Docker) -> None:
    assert docker.containers() == ()
    id = made(docker)
    found = facts(docker, "c1")
    assert (found.id, found.name, found.image, found.state) == (id, "c1", IMAGE, "created")
    assert found.labels == BODY["Labels"]
    image = docker.inspect_image(IMAGE)
    assert image is not None
    assert found.image_id == image.id
    whole = docker.inspect_container("c1")
    assert whole is not None
    assert (whole["Id"], whole["Name"], whole["Config"]["Labels"]) == (id, "/c1", BODY["Labels"])
    assert whole["HostConfig"]["NetworkMode"] == "none"


def test_the_daemon_tells_its_settings_and_whole_images(docker: Docker) -> None:
    info = docker.info()
    assert info["Name"]
    assert info["LoggingDriver"] == "json-file"
    image = docker.inspect_image(IMAGE)
    assert image is not None
    details = docker.image_details(image.id)
    assert details is not None
    assert details["Id"] == image.id
    assert IMAGE in details["RepoTags"]
    assert "Env" in details["Config"]
    assert docker.image_details("nothing/here:1") is None


def test_create_of_a_taken_name_is_refused(docker: Docker) -> None:
    id = made(docker)
    with pytest.raises(ActFailed, match=r'The container name "/c1" is already in use') as caught:
        docker.create_container("c1", {**BODY, "Labels": {}})
    assert id in str(caught.value)
    assert len(docker.containers()) == 1


def test_create_from_a_missing_image_is_refused(docker: Docker) -> None:
    with pytest.raises(ActFailed, match=r"^No such image: nothing/here:latest$"):
        docker.create_container("c1", {**BODY, "Image": "nothing/here"})
    assert docker.containers() == ()


def test_missing_things_are_none_or_refused(docker: Docker) -> None:
    assert docker.inspect_container("c9") is None
    assert docker.inspect_image("nothing/here:1") is None
    for act in (docker.start_container, docker.pause_container, docker.unpause_container):
        with pytest.raises(ActFailed, match=r"^No such container: c9$"):
            act("c9")
    with pytest.raises(ActFailed, match=r"^No such container: c9$"):
        docker.stop_container("c9", grace_s=1)
    with pytest.raises(ActFailed, match=r"^No such container: c9$"):
        docker.stop_container("c9", grace_s=None)
    with pytest.raises(ActFailed, match=r"^No such container: c9$"):
        docker.restart_container("c9", grace_s=1)
    with pytest.raises(ActFailed, match=r"^No such container: c9$"):
        docker.remove_container("c9", force=True)
    with pytest.raises(ActFailed, match=r"^No such container: c9$"), docker.logs("c9") as pieces:
        list(pieces)
    with pytest.raises(ActFailed, match=r"^No such container: c9$"):
        docker.execute("c9", ["true"], timeout_s=5)
    with pytest.raises(ActFailed, match=r"^No such container: c9$"):
        docker.stats("c9")
    with pytest.raises(ActFailed, match=r"(?i)no such volume"):
        docker.remove_volume("nothere")
    with pytest.raises(ActFailed, match=r"(?i)no such image: nothing/here:1"):
        docker.tag_image("nothing/here:1", "other:1")
    with pytest.raises(ActFailed, match="reference does not exist"), docker.save_image("nothing/here:1") as chunks:
        list(chunks)
    with pytest.raises(ActFailed, match=r"^No such container: c9$"):
        docker.update_container("c9", {"RestartPolicy": {"Name": "always"}})
    with pytest.raises(ActFailed, match=r"(?i)no such image"):
        docker.remove_image("nothing/here:1")
    with pytest.raises(ActFailed, match=r"nothere.* not found"):
        docker.remove_network("nothere")


def test_start_and_stop_may_be_repeated(docker: Docker) -> None:
    made(docker)
    assert docker.stop_container("c1", grace_s=0) is False
    assert facts(docker, "c1").state == "created"
    assert docker.start_container("c1") is True
    assert docker.start_container("c1") is False
    assert facts(docker, "c1").state == "running"
    whole = docker.inspect_container("c1")
    assert whole is not None
    assert whole["State"]["Pid"] > 0
    assert docker.stop_container("c1", grace_s=0) is True
    assert docker.stop_container("c1", grace_s=None) is False
    assert facts(docker, "c1").state == "exited"


def test_pause_needs_a_running_container_and_unpause_a_paused_one(docker: Docker) -> None:
    made(docker)
    with pytest.raises(ActFailed, match="is not running"):
        docker.pause_container("c1")
    docker.start_container("c1")
    with pytest.raises(ActFailed, match="is not paused"):
        docker.unpause_container("c1")
    docker.pause_container("c1")
    assert facts(docker, "c1").state == "paused"
    with pytest.raises(ActFailed, match="is already paused"):
        docker.pause_container("c1")
    with pytest.raises(ActFailed, match="cannot start a paused container"):
        docker.start_container("c1")
    docker.unpause_container("c1")
    assert facts(docker, "c1").state == "running"


def test_running_container_is_removed_by_force_only(docker: Docker) -> None:
    made(docker, started=True)
    with pytest.raises(ActFailed, match="You cannot remove a running container"):
        docker.remove_container("c1", force=False)
    docker.remove_container("c1", force=True)
    assert docker.containers() == ()


def test_update_changes_the_restart_policy(docker: Docker) -> None:
    made(docker)
    docker.update_container("c1", {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}})
    whole = docker.inspect_container("c1")
    assert whole is not None
    assert whole["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}


def test_restart_works_from_every_state(docker: Docker) -> None:
    made(docker)
    docker.restart_container("c1", grace_s=0)
    first = docker.inspect_container("c1")
    docker.restart_container("c1", grace_s=0)
    second = docker.inspect_container("c1")
    assert first is not None
    assert second is not None
    assert second["State"]["Running"]
    assert second["State"]["Pid"] != first["State"]["Pid"]
    docker.stop_container("c1", grace_s=0)
    docker.restart_container("c1", grace_s=None)
    assert facts(docker, "c1").state == "running"


def test_the_listing_tells_networks_command_and_age(docker: Docker) -> None:
    made(docker)
    found = facts(docker, "c1")
    assert found.networks == ("none",)
    assert found.command == "/bin/sleep 3600"
    assert found.created_s > 1_700_000_000
    assert found.volumes == ()
    assert found.health == ""


def test_health_is_told_by_the_listing(docker: Docker) -> None:
    check = {"Test": ["CMD", "/bin/true"], "Interval": 1_000_000_000}
    docker.create_container("c1", {**BODY, "Healthcheck": check})
    docker.start_container("c1")
    if isinstance(docker, FakeDocker):
        assert facts(docker, "c1").health == "starting"
        docker.set_health("c1", "healthy")
    deadline = time.monotonic() + 20
    while facts(docker, "c1").health != "healthy":
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_field_of_a_newer_version_is_refused_by_name(docker: Docker) -> None:
    newer = {**BODY, "Healthcheck": {"Test": ["NONE"], "StartInterval": 1_000_000_000}}
    with pytest.raises(ActFailed, match=r'speaks API 1.41, "Healthcheck.StartInterval" needs 1.44$'):
        docker.create_container("c1", newer)
    assert docker.containers() == ()
    made(docker)
    with pytest.raises(ActFailed, match=r'speaks API 1.41, "BlkioDeviceReadBps" needs 1.55$'):
        docker.update_container("c1", {"BlkioDeviceReadBps": []})
    with pytest.raises(ActFailed, match=r'speaks API 1.41, "EndpointConfig.MacAddress" needs 1.54$'):
        docker.connect_network("none", "c1", address=None, mac="02:42:0a:14:00:15")
    with pytest.raises(ActFailed, match=r'speaks API 1.41, "EnableIPv4" needs 1.48$'):
        docker.create_network({"Name": "contract9", "EnableIPv4": False})


SAYS = {**BODY, "Cmd": ["/bin/sh", "-c", "echo one; echo two >&2; echo three"]}


def spoken(docker: Docker, name: str = "c1", **options: Any) -> tuple[bytes, bytes]:
    with docker.logs(name, **options) as pieces:
        said = list(pieces)
    return tuple(b"".join(it.data for it in said if it.stream == stream) for stream in (1, 2))  # type: ignore[return-value]


def test_logs_of_both_outputs(docker: Docker) -> None:
    docker.create_container("c1", SAYS)
    assert spoken(docker) == (b"", b"")
    if isinstance(docker, FakeDocker):
        docker.said["c1"] = [LogPiece(1, b"one\n"), LogPiece(2, b"two\n"), LogPiece(1, b"three\n")]
    docker.start_container("c1")
    assert spoken(docker, follow=True) == (b"one\nthree\n", b"two\n")
    assert spoken(docker) == (b"one\nthree\n", b"two\n")
    assert sum(len(part.splitlines()) for part in spoken(docker, tail=1)) == 1
    assert spoken(docker, tail=0) == (b"", b"")


def test_stats_are_one_sample(docker: Docker) -> None:
    made(docker, started=True)
    sample = docker.stats("c1")
    assert sample["name"] == "/c1"
    assert {"cpu_stats", "precpu_stats", "memory_stats", "pids_stats"} <= set(
        sample
    )  # engines here give no numbers in them


def test_commands_run_inside(docker: Docker) -> None:
    made(docker)
    with pytest.raises(ActFailed, match="is not running"):
        docker.execute("c1", ["/bin/true"], timeout_s=10)
    docker.start_container("c1")
    if isinstance(docker, FakeDocker):
        docker.runs = lambda _name, command: local(command)
    script = "echo out; echo err >&2; exit 3"
    reply = docker.execute("c1", ["/bin/sh", "-c", script], timeout_s=10)
    assert (reply.code, reply.out, reply.err) == (3, b"out\n", b"err\n")
    assert docker.execute("c1", ["/bin/true"], timeout_s=10) == Reply(0)


def local(command: tuple[str, ...]) -> Reply:
    done = subprocess.run(command, capture_output=True, check=False, timeout=20)
    return Reply(done.returncode, done.stdout, done.stderr)


def test_volumes_live_and_go(docker: Docker) -> None:
    assert docker.volumes() == ()
    assert docker.create_volume({"Name": "v1", "Labels": {"a": "b"}}) == "v1"
    assert docker.create_volume({"Name": "v1", "Labels": {"a": "b"}}) == "v1"
    (found,) = docker.volumes()
    assert (found.name, found.driver, found.labels, found.options) == ("v1", "local", {"a": "b"}, {})
    body = {**BODY, "HostConfig": {"NetworkMode": "none", "Binds": ["v1:/data", "v2:/more"]}}
    docker.create_container("c1", body)
    assert sorted(facts(docker, "c1").volumes or ()) == ["v1", "v2"]
    with pytest.raises(ActFailed, match=r"volume is in use - \["):
        docker.remove_volume("v1")
    docker.remove_container("c1", force=True)
    docker.remove_volume("v1")
    assert [volume.name for volume in docker.volumes()] == ["v2"]


def test_volumes_without_a_name_go_with_their_container_where_that_is_asked_for(docker: Docker) -> None:
    body = {**BODY, "Volumes": {"/data": {}}}
    docker.create_container("c1", body)
    (name,) = facts(docker, "c1").volumes or ()
    mounts = (docker.inspect_container("c1") or {})["Mounts"]
    assert [(it["Name"], it["Destination"], it["RW"]) for it in mounts] == [(name, "/data", True)]
    given = {**body, "HostConfig": {"NetworkMode": "none", "Binds": [f"{name}:/data"]}}
    docker.create_container("c2", given)
    assert facts(docker, "c2").volumes == (name,), "no other one is made where one is given"
    docker.remove_container("c1", force=True, volumes=True)
    docker.remove_container("c2", force=True, volumes=True)
    assert [it.name for it in docker.volumes()] == [name], "what another container had, or was given by name, stays"
    docker.create_container("c3", body)
    docker.remove_container("c3", force=True, volumes=True)
    docker.create_container("c4", body)
    docker.remove_container("c4", force=True)
    assert len(docker.volumes()) == 2


def test_a_container_that_removes_itself_is_gone_when_it_is_stopped(docker: Docker) -> None:
    docker.create_container("c1", {**BODY, "HostConfig": {"NetworkMode": "none", "AutoRemove": True}})
    docker.start_container("c1")
    docker.stop_container("c1", grace_s=0)
    deadline = time.monotonic() + 10
    while docker.inspect_container("c1") and time.monotonic() < deadline:
        time.sleep(0.05)
    with pytest.raises(ActFailed, match=r"^No such container: c1$"):
        docker.remove_container("c1", force=True)


def test_networks_are_made_once_and_removed(docker: Docker) -> None:
    assert {"bridge", "host", "none"} >= {network.name for network in docker.networks()} >= {"host", "none"}
    body = {
        "Name": "contract0",
        "Driver": "bridge",
        "IPAM": {"Config": [{"Subnet": "10.213.77.0/24", "Gateway": "10.213.77.1"}]},
        "Labels": {"xcatflow.made-from": "abc"},
        "Options": {"com.docker.network.bridge.name": "xcd-contract0"},
    }
    id = docker.create_network(body)
    try:
        found = next(network for network in docker.networks() if network.name == "contract0")
        assert (found.id, found.driver, found.internal) == (id, "bridge", False)
        assert found.pools == (("10.213.77.0/24", "10.213.77.1"),)
        assert (found.labels, found.options) == (body["Labels"], body["Options"])
        with pytest.raises(ActFailed, match="network with name contract0 already exists"):
            docker.create_network(body)
        with pytest.raises(ActFailed, match="Pool overlaps with other one"):
            docker.create_network({**body, "Name": "contract1"})
        addressed(docker)
    finally:
        for container in docker.containers():
            docker.remove_container(container.name, force=True)
        docker.remove_network("contract0")
    assert "contract0" not in {network.name for network in docker.networks()}


def addressed(docker: Docker) -> None:
    """Two containers want one address of the network: the second one's start is refused, and leaves it created."""
    end = {"contract0": {"IPAMConfig": {"IPv4Address": "10.213.77.9"}}}
    body = {**BODY, "HostConfig": {"NetworkMode": "contract0"}, "NetworkingConfig": {"EndpointsConfig": end}}
    docker.create_container("c1", body)
    docker.create_container("c2", body)
    assert facts(docker, "c1").addresses == {}
    docker.start_container("c1")
    assert facts(docker, "c1").addresses == {"contract0": "10.213.77.9"}
    with pytest.raises(ActFailed, match="Address already in use"):
        docker.start_container("c2")
    assert facts(docker, "c2").state == "created"
    with pytest.raises(ActFailed, match="has active endpoints"):
        docker.remove_network("contract0")


def test_archive_brings_its_tags(docker: Docker, archive: Path) -> None:
    assert sorted(docker.load_image(archive)) == [IMAGE, "contract/busybox:other"]
    found = docker.inspect_image("contract/busybox:other")
    assert isinstance(found, ImageFacts)
    assert found in docker.images()
    assert docker.inspect_image(found.id) == found
    docker.remove_image("contract/busybox:other")
    assert docker.inspect_image("contract/busybox:other") is None
    assert docker.inspect_image(IMAGE) is not None


def test_saved_image_is_loaded_with_the_same_id(docker: Docker) -> None:
    before = docker.inspect_image(IMAGE)
    assert before is not None
    with docker.save_image(IMAGE) as chunks:
        data = b"".join(chunks)
    docker.remove_image(IMAGE)
    docker.remove_image("contract/busybox:other")
    assert docker.images() == ()
    pieces = (data[start : start + 70_000] for start in range(0, len(data), 70_000))
    assert docker.load_image(pieces) == (IMAGE,)
    after = docker.inspect_image(IMAGE)
    assert after is not None
    assert after.id == before.id
    with docker.save_image(IMAGE) as chunks:  # left early
        next(chunks)
    assert docker.images()


def test_image_gets_another_name(docker: Docker) -> None:
    docker.tag_image(IMAGE, "registry.test:5000/team/busybox:2")
    docker.tag_image(IMAGE, "plain")
    found = docker.inspect_image("registry.test:5000/team/busybox:2")
    assert found is not None
    assert {IMAGE, "plain:latest", "registry.test:5000/team/busybox:2"} <= set(found.tags)


def test_login_where_no_registry_is_fails(docker: Docker) -> None:
    with pytest.raises(ActFailed) as caught:
        docker.login(RegistryAuth("127.0.0.1:1", "me", "secret-word"))
    assert "secret-word" not in str(caught.value)


def test_image_in_use_is_not_removed(docker: Docker) -> None:
    docker.remove_image("contract/busybox:other")
    made(docker)
    with pytest.raises(ActFailed, match=r"conflict: unable to remove repository reference"):
        docker.remove_image(IMAGE)


def test_what_is_no_archive_is_refused(docker: Docker, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.tar"
    wrong.write_bytes(b"this is no archive" * 100)
    with pytest.raises(ActFailed):
        docker.load_image(wrong)
    with pytest.raises(ActFailed, match=r'cannot read image archive ".*nothing.tar": no such file or directory'):
        docker.load_image(tmp_path / "nothing.tar")


def test_pull_without_a_registry_is_refused(docker: Docker) -> None:
    with pytest.raises(ActFailed):
        docker.pull_image("127.0.0.1:1/nothing/here:1")
    assert docker.inspect_image("127.0.0.1:1/nothing/here:1") is None
    with pytest.raises(ActFailed):
        docker.registry_digest("127.0.0.1:1/nothing/here:1")


@pytest.mark.lab
def test_connections_are_kept(real_engine: Engine) -> None:
    for place, files in ((real_engine.socket, None), (real_engine.tls, real_engine.files)):
        traffic = Traffic()
        it = DockerDaemon(place, traffic=traffic, tls=files)
        for _ in range(5):
            it.containers()
            it.networks()
        it.close()
        assert (traffic.docker_requests, traffic.docker_container_lists, traffic.docker_connections) == (11, 5, 1)


@pytest.mark.lab
def test_a_whole_life_takes_three_connections(real_engine: Engine, archive: Path) -> None:
    """Commands run inside have one each, since the engine ends it; what streams shares another, and stops and restarts share one."""
    traffic = Traffic()
    it = DockerDaemon(real_engine.tls, traffic=traffic, tls=real_engine.files)
    for _ in range(2):
        it.load_image(archive)
        made(it, started=True)
        with it.logs("c1") as pieces:
            assert list(pieces) == []
        it.update_container("c1", {"RestartPolicy": {"Name": "always"}})
        it.restart_container("c1", grace_s=0)
        it.rename_container("c1", "c2")
        it.stats("c2")
        with it.save_image(IMAGE) as chunks:
            assert sum(len(chunk) for chunk in chunks) > 1000
        it.tag_image(IMAGE, "other:1")
        it.stop_container("c2", grace_s=0)
        it.remove_container("c2", force=False)
        with pytest.raises(ActFailed):
            it.remove_container("c2", force=False)
        for reference in ("other:1", IMAGE, "contract/busybox:other"):
            it.remove_image(reference)
    it.close()
    assert traffic.docker_connections == 3


@pytest.mark.lab
def test_real_daemon_refuses_a_stranger(real_engine: Engine, tmp_path: Path) -> None:
    stranger = SiteAuthority(tmp_path / "pki").client_files()
    files = TlsFiles(real_engine.files.ca, stranger.certificate, stranger.key)
    for _ in range(10):
        it = DockerDaemon(real_engine.tls, traffic=Traffic(), tls=files)
        with pytest.raises(Unreachable, match=r"localhost:\d+: our client certificate was refused \("):
            it.containers()
        it.close()


@pytest.mark.lab
def test_real_daemon_says_that_it_speaks_tls(real_engine: Engine) -> None:
    plain = DockerDaemon(Endpoint("tcp+plain", "127.0.0.1", real_engine.tls.port, tls=False), traffic=Traffic())
    with pytest.raises(Unreachable, match="it speaks TLS on this port"):
        plain.containers()


def test_many_threads_at_once(docker: Docker) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            docker.create_container(f"t{number}", BODY)
            assert facts(docker, f"t{number}").state == "created"
            docker.remove_container(f"t{number}", force=False)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert docker.containers() == ()
