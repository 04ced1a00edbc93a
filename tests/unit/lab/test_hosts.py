"""Hosts as requests to an engine, and how they are looked at."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.unit.lab.labs import SMALL
from xcatflow.errors import ActFailed
from xcatflow.lab.hosts import body, confinement, create, greets, look, named, refuse_reflection
from xcatflow.lab.state import Host


def test_a_host_is_a_machine_of_its_own() -> None:
    made = body(SMALL, SMALL.hosts[0], {"Privileged": True})
    assert made["Hostname"] == "host01"
    assert made["Labels"]["xcatflow.lab"] == SMALL.id
    assert made["HostConfig"]["RestartPolicy"] == {"Name": "unless-stopped"}, "a reboot ends the container"
    assert made["HostConfig"]["Privileged"] is True
    endpoint = made["NetworkingConfig"]["EndpointsConfig"][SMALL.network]
    assert endpoint["IPAMConfig"] == {"IPv4Address": "10.77.3.11"}
    assert "/var/lib/docker" in made["Volumes"]


@pytest.mark.parametrize(
    ("version", "lacking", "privileged", "namespace", "binds"),
    [
        (2, (), True, "private", False),
        (1, (), True, "host", True),
        (1, ("SYS_RESOURCE",), False, "host", True),
        (2, ("SYS_RESOURCE",), False, "host", True),  # who is not privileged cannot write to a namespace of its own
    ],
)
def test_what_a_host_may_do(
    version: int, lacking: tuple[str, ...], privileged: bool, namespace: str, binds: bool
) -> None:
    extra = confinement(version, lacking)
    assert extra.get("Privileged", False) is privileged
    assert extra.get("CapDrop", []) == list(lacking)
    assert extra["CgroupnsMode"] == namespace
    assert bool(extra.get("Binds")) is binds


def test_what_no_host_can_do_without() -> None:
    with pytest.raises(ActFailed, match="hosts need the capability NET_ADMIN, and this machine lacks it"):
        confinement(2, ("NET_ADMIN", "SYS_RESOURCE"))


def test_names_in_words() -> None:
    hosts = [Host(f"host{number:02}", "a") for number in range(1, 6)]
    assert [named(hosts[:count]) for count in (1, 2, 5)] == ["host01", "host01 and host02", "host01 to host05"]


@contextmanager
def server(words: bytes) -> Iterator[int]:
    """A server on this machine that says these words to who connects."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.sendall(words)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@pytest.mark.parametrize(
    ("words", "answer"), [(b"SSH-2.0-OpenSSH_9.2\r\n", True), (b"220 mail\r\n", False), (b"", False)]
)
def test_greetings(words: bytes, answer: bool) -> None:
    with server(words) as port:
        assert greets("127.0.0.1", port) is answer


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert not greets("127.0.0.1", port)


def test_states_of_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xcatflow.lab.hosts.greets", lambda address: address.endswith(".11"))
    states = {SMALL.container("host01"): "running"}
    assert [(host.state, host.answers) for host in look(SMALL, states)] == [("running", True), ("missing", False)]
    assert [host.state for host in look(SMALL, None)] == ["unknown", "unknown"]


def test_an_engine_that_reflects_frames_is_refused(tmp_path: Path) -> None:
    ports = tmp_path / SMALL.bridge / "brif"
    for name in ("veth1", "veth2"):
        (ports / name).mkdir(parents=True)
        (ports / name / "hairpin_mode").write_text("0\n")
    refuse_reflection(SMALL, tmp_path)
    (ports / "veth2" / "hairpin_mode").write_text("1\n")
    with pytest.raises(ActFailed, match='"userland-proxy": false'):
        refuse_reflection(SMALL, tmp_path)


class OldEngine:
    """Knows no capabilities but those of its time, and names one unknown one at a time."""

    def __init__(self, *unknown: str) -> None:
        self.unknown = unknown
        self.made: list[list[str]] = []

    def create(self, name: str, wanted: dict[str, Any]) -> None:
        dropped = wanted["HostConfig"].get("CapDrop", [])
        for capability in dropped:
            if capability in self.unknown:
                raise ActFailed(
                    f'the engine could not create "{name}": invalid CapDrop: unknown capability: "CAP_{capability}"'
                )
        self.made.append(dropped)


def test_capabilities_that_the_engine_does_not_know_need_not_be_dropped() -> None:
    engine = OldEngine("PERFMON", "BPF")
    create(engine, "h", {"HostConfig": {"CapDrop": ["SYS_RESOURCE", "PERFMON", "BPF"]}})  # type: ignore[arg-type]
    assert engine.made == [["SYS_RESOURCE"]]
    refusing = OldEngine("SYS_RESOURCE")
    refusing.create = lambda name, wanted: (_ for _ in ()).throw(ActFailed("no space left"))  # type: ignore[method-assign]
    with pytest.raises(ActFailed, match="no space left"):
        create(refusing, "h", {"HostConfig": {"CapDrop": ["SYS_RESOURCE"]}})  # type: ignore[arg-type]
