"""Are Docker hosts what they have to be? Looked at outside of workflows: a round trip to each host, and a request to its daemon."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from xcatflow.errors import InvalidInput
from xcatflow.model.call import Call, Called
from xcatflow.model.definitions import Definitions
from xcatflow.model.endpoint import PLAIN_PORT, machine_of, parse_endpoint
from xcatflow.model.event import Event, Outcome, StepEnded
from xcatflow.model.fold import fold
from xcatflow.model.workflow import Limits, StepSpec, Workflow

MINIMUMS = ("docker", "bridge", "tls")
_BRIDGE = "mydocker0"
_WORKFLOW = "provision-dockerhost"
_FANOUT = 64
_FOREIGN = ("certificate of another CA", "our client certificate was refused")

Heard = Callable[[Sequence[Event]], None]


@dataclass(frozen=True, slots=True)
class HostReadiness:
    """One host. `minimums` maps docker, bridge and tls to what was found, `ok (…)` or `failed (…)`; it is empty where there is no telling,
    and `trouble` says why. `fix` is what would put it right, empty where nothing is wrong or known."""

    node: str
    minimums: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    fix: str = ""

    @property
    def well(self) -> bool:
        return bool(self.minimums) and not self.lacking

    @property
    def lacking(self) -> tuple[str, ...]:
        """The minimums that are not there."""
        return tuple(name for name, told in self.minimums.items() if not told.startswith("ok "))

    @property
    def lines(self) -> tuple[str, ...]:
        """How it is told: a line for each minimum, and what to do."""
        if not self.minimums:
            return (f"{self.node}: cannot tell: {self.trouble}",)
        told = tuple(f"{self.node}: {name} {text}" for name, text in self.minimums.items())
        return (*told, *((f"  fix: {self.fix}",) if self.fix else ()))

    @property
    def data(self) -> Mapping[str, object]:
        """The same as plain data."""
        return {"node": self.node, "ready": self.well, **self.minimums, "trouble": self.trouble, "fix": self.fix}


def readiness(
    call: Callable[[Call, Sequence[Heard]], Called],
    definitions: Definitions,
    nodes: Sequence[str],
    *,
    bridge: str = _BRIDGE,
    workflows: Sequence[str] = (),
) -> tuple[HostReadiness, ...]:
    """Every node, in order, at the port that nodes name in `dockerhost`, else at xCAT's 2375, where `setupdockerhost` has it listen then.
    `call` runs a command's steps; `workflows` are those that a fix may name. Raises InvalidInput for nodes that are containers."""
    if wrong := [node for node in nodes if definitions.value(node, "mgt") == "docker"]:
        raise InvalidInput(
            f"expected Docker hosts, but {fold(wrong)} {'is a container' if len(wrong) == 1 else 'are containers'}"
        )
    endpoints = _endpoints(definitions)
    given = {node: {"daemon": endpoints.get(node) or f"{node}:{PLAIN_PORT}"} for node in nodes}
    step = {
        "id": "ready",
        "use": "docker.ready",
        "at": "${given.daemon}",
        "with": {"report": True, "bridge": bridge},
    }
    workflow = Workflow(
        name="check", summary="check --hosts", limits=Limits(fanout=_FANOUT), steps=(StepSpec.model_validate(step),)
    )
    ended: dict[str, StepEnded] = {}

    def hear(events: Sequence[Event]) -> None:
        ended.update({event.node: event for event in events if isinstance(event, StepEnded)})

    called = call(Call(workflow, given, ("check", "--hosts", fold(nodes)), "check --hosts", looks=True), [hear])
    return tuple(_host(node, ended.get(node), called, bridge, workflows) for node in nodes)


def _host(node: str, event: StepEnded | None, called: Called, bridge: str, workflows: Sequence[str]) -> HostReadiness:
    if event is None:
        return HostReadiness(node, trouble="; ".join(called.refused.get(node, ())) or "it was not looked at")
    if event.outcome is not Outcome.OK:
        return HostReadiness(node, trouble=event.message)
    host = HostReadiness(node, {name: event.outputs[name] for name in MINIMUMS})
    if not host.lacking or _WORKFLOW not in workflows:
        return host
    return HostReadiness(node, host.minimums, fix=" ".join(_fix(host, bridge)))


def _fix(host: HostReadiness, bridge: str) -> Iterator[str]:
    yield f"xcatflow apply {_WORKFLOW} -n {host.node}"
    if bridge != _BRIDGE:
        yield f"-i bridge={bridge}"
    if any(foreign in host.minimums["tls"] for foreign in _FOREIGN):
        yield "-i other_authority=replace (or get .xcatflow/pki of the site that made it)"


def _endpoints(definitions: Definitions) -> Mapping[str, str]:
    """The daemons of hosts as nodes name them, by the host's name; the first of several."""
    by_address = {address: node for node, address in definitions.values("ip")}
    found: dict[str, str] = {}
    for endpoint in sorted({value or "" for _, value in definitions.values("dockerhost")}):
        machine = machine_of(endpoint)
        name = machine if machine in definitions.nodes else by_address.get(machine)
        if machine and name:
            found.setdefault(name, endpoint if machine == name else f"{name}:{parse_endpoint(endpoint).port}")
    return found
