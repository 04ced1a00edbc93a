"""What every `Docker` does: one set of tests for the fake in memory and for the adapter with a real daemon behind it.

The real daemon is reached both ways, by Unix socket and by mutual TLS. It needs root and dockerd, and is skipped elsewhere.
"""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.archive import busybox, write_archive
from tests.fakes.docker import FakeDocker
from tests.fakes.dockerd import Engine, NoEngine, engine
from xcatflow.errors import ActFailed, Unreachable
from xcatflow.model.endpoint import Endpoint
from xcatflow.model.question import ContainerFacts, DaemonFacts, ImageFacts
from xcatflow.transport.docker import DockerDaemon
from xcatflow.transport.pki import SiteAuthority
from xcatflow.transport.protocols import Docker, Traffic
from xcatflow.transport.tls import TlsFiles

IMAGE = "contract/busybox:1"
BODY: dict[str, Any] = {
    "Image": IMAGE,
    "Cmd": ["/bin/sleep", "3600"],
    "Labels": {"xcatflow.node": "c1", "xcatflow.made-from": "abc"},
    "HostConfig": {"NetworkMode": "none"},
}


@pytest.fixture(scope="module")
def real_engine() -> Iterator[Engine]:
    if busybox() is None:
        pytest.skip("no static busybox to make an image of")
    directory = Path(tempfile.mkdtemp(prefix="xd-"))
    try:
        with engine(directory) as running:
            yield running
    except NoEngine as error:
        pytest.skip(str(error))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


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
    id = docker.create_container(name, BODY)
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
        docker.remove_container("c9", force=True)
    with pytest.raises(ActFailed, match=r"^No such container: c9$"):
        docker.update_container("c9", {"RestartPolicy": {"Name": "always"}})
    with pytest.raises(ActFailed, match=r"(?i)no such image"):
        docker.remove_image("nothing/here:1")
    with pytest.raises(ActFailed, match=r"nothere.* not found"):
        docker.remove_network("nothere")


def test_start_and_stop_may_be_repeated(docker: Docker) -> None:
    made(docker)
    docker.stop_container("c1", grace_s=0)
    assert facts(docker, "c1").state == "created"
    docker.start_container("c1")
    docker.start_container("c1")
    assert facts(docker, "c1").state == "running"
    whole = docker.inspect_container("c1")
    assert whole is not None
    assert whole["State"]["Pid"] > 0
    docker.stop_container("c1", grace_s=0)
    docker.stop_container("c1", grace_s=0)
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
