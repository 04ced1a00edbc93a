"""`docker.create`: a container is created, as `mkdocker` does it: in the daemon's own words where it refuses, and not started.

Unlike `docker.container` it does not compare: a container of the name that is there already is the daemon's conflict.

Source: Engine API, `POST /containers/create`, `POST /networks/NAME/connect`.
"""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar

from pydantic import Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, DockerNetwork, DockerNetworkFacts, Question
from xcatflow.steps.containers import acts
from xcatflow.steps.containers.params import ContainerParams, State


class CreateParams(ContainerParams):
    """As for `docker.container`; the container is not started."""

    state: State = Field("created", description="`created`, whatever is given.")


class DockerCreate(Step[CreateParams, DockerNetworkFacts]):
    """What it makes `docker.container` knows as its own."""

    kind = "docker.create"
    params: ClassVar[type[Params]] = CreateParams

    def ask(self, want: CreateParams) -> tuple[Question[Any], ...]:
        return (DockerNetwork(want.mode),) if want.fixed_address else ()

    def seen(self, answers: Answers, want: CreateParams) -> DockerNetworkFacts | None:
        return answers[DockerNetwork(want.mode)] if want.fixed_address else None

    def plan(self, seen: DockerNetworkFacts | None, want: CreateParams) -> tuple[Change, ...]:
        if want.fixed_address:
            _check_address(seen, want.mode, want.fixed_address)
        what = f"container {want.name}"
        joining = (Change(Verb.ATTACH, what, network) for network in want.further)
        return (Change(Verb.CREATE, what, after=want.image), *joining)

    def apply(
        self, at: Target, want: CreateParams, seen: DockerNetworkFacts | None, change: Change
    ) -> Mapping[str, str] | None:
        if change.verb is Verb.ATTACH:
            at.docker.connect_network(change.field, want.name, address=None)
            return None
        made = acts.make(at, want, want.name)
        return {"id": made.id, "warnings": "\n".join(made.warnings)}

    def undo(self, at: Target, want: CreateParams, seen: DockerNetworkFacts | None, change: Change) -> None:
        if change.verb is Verb.ATTACH:
            at.docker.disconnect_network(change.field, want.name)
        else:
            at.docker.remove_container(want.name, force=False)

    def verifies(self, want: CreateParams) -> bool:
        return False


def _check_address(network: DockerNetworkFacts | None, name: str, address: str) -> None:
    """Raise ActFailed for a fixed address that the network cannot give: the daemon would tell only at the start."""
    if network is None:
        raise ActFailed(f"network {name} not found")
    pools = [(ip_network(subnet), gateway.partition("/")[0]) for subnet, gateway in network.pools if subnet]
    wanted = ip_address(address)
    around = [gateway for subnet, gateway in pools if wanted in subnet]
    if not around:
        there = ", ".join(str(subnet) for subnet, _ in pools) or "no subnet"
        raise ActFailed(f'the address {address} is not in the network "{name}", which has {there}')
    if address in around:
        raise ActFailed(f'the address {address} is the gateway of the network "{name}"')
