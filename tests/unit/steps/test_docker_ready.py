"""`docker.ready`: the three minimums of a Docker host, told apart."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.desk import FolderDesk
from tests.fakes.target import SYSTEM_PATH, LocalTarget, tools
from xcatflow.errors import ActFailed, CannotTell, DeadlineExceeded, Unreachable
from xcatflow.model.question import Answers, CertificateFacts, Daemon, DaemonFacts, FileFacts, Question, Reply
from xcatflow.steps.daemons.ready_look import ENGINE, bridge_of, docker_of
from xcatflow.steps.docker_ready import DockerReady, ReadyParams
from xcatflow.steps.networks.host import question as links_question

STEP = DockerReady()
WANT = ReadyParams(authorities=("own", "former"))
NOW = datetime.now(UTC)
LINKS = [
    {"ifindex": 1, "ifname": "lo", "flags": ["UP"]},
    {"ifindex": 2, "ifname": "eth0", "flags": ["UP"], "master": "mydocker0"},
    {"ifindex": 9, "ifname": "veth12ab", "flags": ["UP"], "master": "mydocker0", "linkinfo": {"info_kind": "veth"}},
    {
        "ifindex": 3,
        "ifname": "mydocker0",
        "flags": ["UP"],
        "linkinfo": {"info_kind": "bridge", "info_data": {}},
        "addr_info": [{"family": "inet", "local": "10.20.0.1", "prefixlen": 16, "scope": "global"}],
    },
]
ACTIVE = "LoadState=loaded\nActiveState=active\nversion=25.0.3 1.44\n"
DAEMON = DaemonFacts("25.0.3", "1.44", "1.24", "1.44")


def certificate(**more: Any) -> CertificateFacts:
    given = {"common_name": "dh01", "names": (), "addresses": (), "authority": "own", "serial": 1}
    return CertificateFacts(
        **{**given, "not_before": NOW - timedelta(1), "not_after": datetime(2124, 2, 1, tzinfo=UTC), **more}
    )


def look(
    engine: str = ACTIVE,
    daemon: DaemonFacts | Exception = DAEMON,
    links: Any = LINKS,
    facts: CertificateFacts | None = None,
    missing: str = "",
) -> Any:
    """What is seen, by answers made up."""
    given: dict[Question[Any], object] = {}
    for question in STEP.ask(WANT):
        name = type(question).__name__
        if question == ENGINE:
            given[question] = Reply(0, engine.encode())
        elif question == links_question():
            given[question] = Reply(0, json.dumps(links).encode())
        elif question == Daemon():
            given[question] = daemon
        elif name == "Certificate":
            given[question] = facts or certificate()
        else:
            there = FileFacts("file", 0o600, "root", "root", 1)
            given[question] = None if missing and getattr(question, "path", "").endswith(missing) else there
    return STEP.seen(Answers(given), WANT)


def told(seen: Any) -> Mapping[str, str]:
    return STEP.outputs(seen, WANT)


WELL = {
    "docker": "ok (25.0.3, API 1.44)",
    "bridge": "ok (mydocker0, eth0, 10.20.0.1/16)",
    "tls": "ok (certificate until 2124-02-01)",
}

UNTRIED = {"tls": "ok (certificate until 2124-02-01, not tried)"}


def test_a_host_that_has_all_three() -> None:
    assert told(look()) == WELL
    assert STEP.plan(look(), WANT) == ()


def refused(why: str) -> Unreachable:
    return Unreachable(f"cannot connect to docker host dh01:2375: {why}")


@pytest.mark.parametrize(
    ("seen", "differs"),
    [
        ({"engine": "LoadState=not-found\nActiveState=inactive"}, {"docker": "failed (not installed)", **UNTRIED}),
        ({"engine": "LoadState=masked\nActiveState=inactive"}, {"docker": "failed (docker.service is masked)", **UNTRIED}),
        (
            {"engine": "LoadState=loaded\nActiveState=failed", "daemon": refused("connection refused")},
            {"docker": "failed (docker.service is failed)", **UNTRIED},
        ),
        (
            {"engine": "LoadState=loaded\nActiveState=active\nversion= ", "daemon": refused("it does not answer")},
            {"docker": "failed (docker.service is active, but does not answer at its socket)", **UNTRIED},
        ),
        ({"links": LINKS[:2]}, {"bridge": "failed (no bridge mydocker0)"}),
        ({"links": [{**LINKS[3], "flags": []}]}, {"bridge": "failed (mydocker0 is down)"}),
        ({"links": [{**LINKS[3], "linkinfo": {"info_kind": "dummy"}}]}, {"bridge": "failed (mydocker0 is no bridge but a dummy)"}),
        ({"links": [{**LINKS[3], "addr_info": []}]}, {"bridge": "ok (mydocker0, no port, no address)"}),
        ({"missing": "key.pem"}, {"tls": "failed (/etc/docker/tls/key.pem is missing)"}),
        ({"facts": certificate(not_after=datetime(2024, 2, 1, tzinfo=UTC))}, {"tls": "failed (certificate expired 2024-02-01)"}),
        ({"facts": certificate(not_before=datetime(2123, 2, 1, tzinfo=UTC))}, {"tls": "failed (certificate not good before 2123-02-01)"}),
        ({"facts": certificate(authority="x")}, {"tls": "failed (certificate of another CA than the site's)"}),
        ({"facts": certificate(authority="former")}, {}),
        ({"daemon": refused("its certificate has expired")}, {"tls": "failed (its certificate has expired)"}),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_apart(seen: dict[str, Any], differs: Mapping[str, str]) -> None:
    found = look(**seen)
    assert told(found) == {**WELL, **differs}
    lacking = [name for name, text in differs.items() if text.startswith("failed")]
    assert list(found.lacking) == lacking
    assert len(STEP.plan(found, WANT)) == bool(lacking)
    assert STEP.plan(found, WANT.model_copy(update={"report": True})) == ()


def test_a_certificate_that_ends_soon_is_told() -> None:
    soon = NOW + timedelta(days=12, hours=1)
    assert (
        told(look(facts=certificate(not_after=soon)))["tls"] == f"ok (certificate until {soon:%Y-%m-%d}, 12 days left)"
    )


def test_no_telling() -> None:
    with pytest.raises(CannotTell, match=r"cannot look at docker.service of the machine: it has no systemd"):
        docker_of(Reply(127), None)
    with pytest.raises(CannotTell, match="no answer"):
        docker_of(Reply(0), None)
    for reply in (Reply(0, b"{"), Reply(1, b"", b"x")):
        with pytest.raises(CannotTell, match='cannot look at the bridge "br0"'):
            bridge_of(reply, "br0")


def test_the_trusted_authorities_are_the_site_s(tmp_path: Path) -> None:
    class Authority:
        identity = "own"
        former = ("former",)

    class Desk(FolderDesk):
        @property
        def authority(self) -> Any:
            return Authority()

    assert STEP.prepare(ReadyParams(), Desk(tmp_path)).authorities == ("own", "former")


class Target(LocalTarget):
    """Its daemon fails as often as there are errors."""

    errors: list[Exception]

    @property
    def docker(self) -> Any:
        return self

    def daemon(self) -> DaemonFacts:
        if self.errors:
            raise self.errors.pop(0)
        return DAEMON


def test_a_daemon_is_waited_for() -> None:
    seen = look(daemon=refused("connection refused"))
    (change,) = STEP.plan(seen, WANT)
    assert str(change) == "await Docker host (tls failed (connection refused))"
    at = Target()
    at.errors = [refused("a"), refused("b")]
    STEP.apply(at, WANT, seen, change)
    assert at.pauses == [0.2, 0.4]
    at.errors = [refused("it is slow")] * 3
    with pytest.raises(DeadlineExceeded, match=r"^tls failed \(connection refused\); after 0 s: it is slow$"):
        STEP.apply(at, WANT.model_copy(update={"timeout": 0.0}), seen, change)


@pytest.mark.parametrize("lacks", [{"links": []}, {"missing": "ca.pem"}, {"engine": "LoadState=not-found\n"}])
def test_what_does_not_come_by_itself_is_not_waited_for(lacks: dict[str, Any]) -> None:
    seen = look(**{"daemon": refused("x"), **lacks})
    (change,) = STEP.plan(seen, WANT)
    at = Target()
    at.errors = []
    with pytest.raises(ActFailed, match="failed"):
        STEP.apply(at, WANT, seen, change)
    assert at.pauses == []


def test_the_engine_is_asked_by_its_client_or_by_curl(tmp_path: Path) -> None:
    show = "printf 'LoadState=loaded\\nActiveState=active\\n'"
    docker = '[ "$3" = version ] && echo 25.0.3 1.44'
    curl = 'echo \'{"Platform":{"Name":""},"Components":[{"Name":"Engine","Version":"x"}],"Version":"25.0.3","ApiVersion":"1.44"}\''
    names = ("sh", "timeout", "printf", "tr", "sed", "tail", "cat", "echo")
    for number, scripts in enumerate(({"docker": docker}, {"curl": curl})):
        path = tools(tmp_path / str(number), names, systemctl=show, **scripts)
        reply = LocalTarget(path=path).reply(ENGINE.script)
        assert str(docker_of(reply, None)) == "ok (25.0.3, API 1.44)", SYSTEM_PATH
    path = tools(tmp_path / "stopped", names, systemctl="printf 'LoadState=loaded\\nActiveState=inactive\\n'")
    assert str(docker_of(LocalTarget(path=path).reply(ENGINE.script), None)) == "failed (docker.service is inactive)"
