"""`address.free`: nobody but the container itself answers for an IPv4 address on the machine's bridge. Changes nothing.

For a step before a container is made in a network of Docker on the bridge: the daemon knows of the addresses it gave itself, not of those
that other machines have. The machine asks, so that machines which answer pings to nobody are found too.

Source: RFC 5227; arping(8) of iputils.
"""

from typing import Any, ClassVar

from pydantic import Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed
from xcatflow.model.change import Change
from xcatflow.model.container_links import Neighbour, NeighbourFacts
from xcatflow.model.question import Answers, Question
from xcatflow.steps.containers import address_forms as forms
from xcatflow.steps.containers.address_plan import in_use, neighbour_told
from xcatflow.steps.given import LenientParams


class FreeParams(LenientParams):
    """Whose address, and where it is asked for."""

    container: forms.ContainerName = Field(
        description="The container that the address is for: nobody is asked while it has it."
    )
    address: forms.Ipv4 = Field(description="The IPv4 address; a prefix is left off.")
    bridge: forms.LinkName = Field("mydocker0", description="The machine's bridge on which it is asked.")


class AddressFree(Step[FreeParams, NeighbourFacts]):
    """Fails where somebody else answers; a machine that cannot ask (no `arping`, no such bridge) is taken at its word."""

    kind = "address.free"
    params: ClassVar[type[Params]] = FreeParams
    proof = True

    def ask(self, want: FreeParams) -> tuple[Question[Any], ...]:
        return (_question(want),)

    def seen(self, answers: Answers, want: FreeParams) -> NeighbourFacts:
        return answers[_question(want)]

    def plan(self, seen: NeighbourFacts | None, want: FreeParams) -> tuple[Change, ...]:
        if seen and (told := neighbour_told(seen, want.container)):
            raise ActFailed(in_use(want.address, want.container, want.bridge, told))
        return ()

    def apply(self, at: Target, want: FreeParams, seen: NeighbourFacts | None, change: Change) -> None:
        raise AssertionError("there is nothing to wait for")

    def outputs(self, seen: NeighbourFacts | None, want: FreeParams) -> dict[str, str]:
        return {"address": want.address, "not_asked": seen.obstacle if seen else ""}


def _question(want: FreeParams) -> Neighbour:
    return Neighbour(want.container, want.bridge, want.address)
