"""Are Docker hosts ready: what is asked of which daemon, how it is told, and what would help."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from xcatflow.errors import ExitCode, InvalidInput
from xcatflow.model.call import Call, Called
from xcatflow.model.definitions import Definitions
from xcatflow.model.event import Outcome, StepEnded
from xcatflow.model.objects import Node
from xcatflow.readiness import HostReadiness, readiness

WELL = {"docker": "ok (25.0.3, API 1.44)", "bridge": "ok (mydocker0, eth0, 10.20.0.1/16)", "tls": "ok (x)"}
DEFINITIONS = Definitions(
    [
        Node("dh01", {"groups": "all", "ip": "10.0.0.1"}),
        Node("dh02", {"groups": "all", "ip": "10.0.0.2"}),
        Node("dh03", {"groups": "all"}),
        Node("c1", {"groups": "all", "mgt": "docker", "dockerhost": "dh01:2375"}),
        Node("c2", {"groups": "all", "mgt": "docker", "dockerhost": "10.0.0.2:4000"}),
        Node("c3", {"groups": "all", "mgt": "docker", "dockerhost": "unix:///x.sock"}),
    ]
)


def ask(
    found: Mapping[str, Mapping[str, str] | str], refused: Mapping[str, tuple[str, ...]] | None = None, **more: Any
) -> tuple[tuple[HostReadiness, ...], Call]:
    """The answer where the step gives these outputs (a text: it is unreachable), and the call that was made."""
    calls: list[Call] = []

    def call(made: Call, reporters: Sequence[Any]) -> Called:
        calls.append(made)
        for node, outputs in found.items():
            text = outputs if isinstance(outputs, str) else ""
            event = StepEnded(
                at=0.0,
                workflow="check",
                node=node,
                step="ready",
                kind="docker.ready",
                target=node,
                outcome=Outcome.UNREACHABLE if text else Outcome.OK,
                message=text,
                outputs={} if isinstance(outputs, str) else dict(outputs),
            )
            for reporter in reporters:
                reporter([event])
        return Called(ExitCode.OK, refused or {})

    nodes = (*found, *(refused or {}))
    return readiness(call, DEFINITIONS, nodes, workflows=("provision-dockerhost",), **more), calls[0]


def test_each_host_is_asked_where_nodes_name_its_daemon() -> None:
    hosts, call = ask({"dh01": WELL, "dh02": WELL, "dh03": WELL}, bridge="br0")
    assert call.given == {
        "dh01": {"daemon": "dh01:2375"},
        "dh02": {"daemon": "dh02:4000"},
        "dh03": {"daemon": "dh03:2375"},
    }
    assert (call.looks, call.what, call.arguments) == (True, "check --hosts", ("check", "--hosts", "dh[01-03]"))
    assert call.workflow.steps[0].with_ == {"report": True, "bridge": "br0"}
    assert all(host.well for host in hosts)


def test_how_it_is_told() -> None:
    bad = {**WELL, "tls": "failed (certificate expired 2024-02-01)"}
    hosts, _ = ask({"dh01": bad, "dh02": "cannot connect to dh02 over SSH: no route"}, {"dh03": ("no address",)})
    assert [line for host in hosts for line in host.lines] == [
        "dh01: docker ok (25.0.3, API 1.44)",
        "dh01: bridge ok (mydocker0, eth0, 10.20.0.1/16)",
        "dh01: tls failed (certificate expired 2024-02-01)",
        "  fix: xcatflow apply provision-dockerhost -n dh01",
        "dh02: cannot tell: cannot connect to dh02 over SSH: no route",
        "dh03: cannot tell: no address",
    ]
    assert [host.well for host in hosts] == [False] * 3
    assert hosts[0].data == {
        "node": "dh01",
        "ready": False,
        **bad,
        "trouble": "",
        "fix": "xcatflow apply provision-dockerhost -n dh01",
    }


@pytest.mark.parametrize("why", ["certificate of another CA than the site's", "our client certificate was refused (x)"])
def test_a_host_of_another_site(why: str) -> None:
    ((host,), _) = ask({"dh01": {**WELL, "tls": f"failed ({why})"}}, bridge="br0")
    assert host.fix == (
        "xcatflow apply provision-dockerhost -n dh01 -i bridge=br0 -i other_authority=replace "
        "(or get .xcatflow/pki of the site that made it)"
    )


def test_containers_are_no_hosts() -> None:
    with pytest.raises(InvalidInput, match=r"^expected Docker hosts, but c1 is a container$"):
        ask({"dh01": WELL, "c1": WELL})
    with pytest.raises(InvalidInput, match=r"^expected Docker hosts, but c\[1-2\] are containers$"):
        ask({"c2": WELL, "c1": WELL})
