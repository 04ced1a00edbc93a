"""`container.address`: a running container answers at its fixed address, on a bridge of its machine or in a network of Docker.

On a bridge the address is put in from outside, for containers whose networking is off: they need no tools, and Docker knows nothing of
it. It goes when the container stops; the keeper on the machine (`container_keeper`) puts it in again after each start.

Source: pipework, whose interfaces have the same names and are taken over; ip-link(8) on veth, ip-address(8), ip-route(8), arping(8).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.container_links import ContainerLink, ContainerLinkFacts, LinkEndFacts, Neighbour, NeighbourFacts
from xcatflow.model.container_states import RUNNING
from xcatflow.model.question import Answers, Container, ContainerFacts, Question
from xcatflow.steps.containers import keeper
from xcatflow.steps.containers.address_params import AddressParams
from xcatflow.steps.containers.address_plan import ours, refuse, refuse_neighbour, removal, to_do
from xcatflow.steps.containers.keeper import Kept
from xcatflow.steps.containers.link import Way, apply_link, remove_link
from xcatflow.steps.containers.network import connect, reconnect


@dataclass(frozen=True, slots=True)
class Place:
    """A container on its machine, who else has its address, and what keeps it."""

    link: ContainerLinkFacts | None
    kept: Kept = field(default_factory=Kept)
    neighbour: NeighbourFacts = field(default_factory=NeighbourFacts)


Seen = Place | ContainerFacts


class ContainerAddress(Step[AddressParams, Seen]):
    """Put in from the machine; what is there already is repaired, not made anew."""

    kind = "container.address"
    follows = ("docker.container",)
    params: ClassVar[type[Params]] = AddressParams

    def ask(self, want: AddressParams) -> tuple[Question[Any], ...]:
        if want.network:
            return (Container(want.container),)
        probe = (_neighbour(want),) if _probes(want) else ()
        return (_link(want), *probe, *keeper.questions(want.container, want.interface, want.kept_way))

    def seen(self, answers: Answers, want: AddressParams) -> Seen | None:
        if want.network:
            return answers[Container(want.container)]
        link = answers[_link(want)]
        kept = keeper.seen(answers, want.container, want.interface, want.kept_way)
        return Place(link, kept, answers[_neighbour(want)] if link and _probes(want) else NeighbourFacts())

    def plan(self, seen: Seen | None, want: AddressParams) -> tuple[Change, ...]:
        if isinstance(seen, ContainerFacts) or want.network:
            return tuple(_in_network(seen if isinstance(seen, ContainerFacts) else None, want))
        seen = seen or Place(None)
        if want.state == "absent":
            return (*removal(seen.link, want), *_unkept(seen, want))
        if seen.link is None:
            raise ActFailed(f'there is no container "{want.container}": make it first (workflow create-instance)')
        if not ours(seen.link, want):
            raise ActFailed(
                f'there is a container "{want.container}" that xcatflow did not make: remove it, or write "adopt: true" to have it given '
                f"the address {want.ip} all the same"
            )
        if want.leaves_to_docker or want.ip in seen.link.networks.values():
            return _unkept(seen, want)
        refuse(seen.link, want)
        refuse_neighbour(seen.link, seen.neighbour, want)
        text = keeper.record_text(want.way, seen.link.mode) if want.keep else None
        kept = keeper.changes(seen.kept, want.container, want.interface, text)
        return (*to_do(seen.link, want, seen.neighbour), *kept)

    def apply(self, at: Target, want: AddressParams, seen: Seen | None, change: Change) -> None:
        match seen, change.verb:
            case ContainerFacts(), Verb.REMOVE:
                at.docker.disconnect_network(want.network, want.container)
            case ContainerFacts(), Verb.ATTACH:
                connect(at, want.container, want.network, want.ip)
            case ContainerFacts(), _:
                reconnect(at, want.container, want.network, old=change.before or "", new=want.ip)
            case Place(), Verb.REMOVE if change.what.startswith("file "):
                keeper.forget(at, want.container, want.interface)
            case Place(link=ContainerLinkFacts(mode=mode)), _ if change.what.startswith("file "):
                keeper.keep(at, want.container, want.interface, keeper.record_text(want.way, mode))
            case Place(), _ if change.what == keeper.SERVICE:
                keeper.run_keeper(at)
            case Place(link=ContainerLinkFacts(pid=pid)), Verb.REMOVE:
                remove_link(at, want.container, want.interface, pid)
            case Place(link=ContainerLinkFacts(pid=pid)), _:
                apply_link(at, want.container, want.interface, pid, want.way)

    def undo(self, at: Target, want: AddressParams, seen: Seen | None, change: Change) -> None:
        match seen, change.verb:
            case Place(), _ if change.what.startswith("file ") or change.what == keeper.SERVICE:
                _undo_kept(at, want, change)
            case Place(link=ContainerLinkFacts(pid=pid)), Verb.ATTACH:
                remove_link(at, want.container, want.interface, pid)
            case Place(link=ContainerLinkFacts(pid=pid, link=LinkEndFacts(bridge=bridge)) as link), _ if bridge:
                apply_link(at, want.container, want.interface, pid, _former(link, want))
            case Place(), _:
                raise CannotUndo(f'"{want.interface}" of container "{want.container}" was on no bridge before')
            case _, Verb.ATTACH:
                at.docker.disconnect_network(want.network, want.container)
            case _, Verb.REMOVE:
                connect(at, want.container, want.network, change.before or want.ip)
            case _:
                reconnect(at, want.container, want.network, old=want.ip, new=change.before or "")

    def outputs(self, seen: Seen | None, want: AddressParams) -> dict[str, str]:
        return {"address": want.ip}


def _unkept(seen: Place, want: AddressParams) -> tuple[Change, ...]:
    return tuple(keeper.changes(seen.kept, want.container, want.interface, None))


def _link(want: AddressParams) -> ContainerLink:
    return ContainerLink(want.container, want.interface, ipv6=want.gateway6 is not None)


def _neighbour(want: AddressParams) -> Neighbour:
    return Neighbour(want.container, want.bridge, want.ip)


def _probes(want: AddressParams) -> bool:
    return want.probe and want.state == "present" and not want.leaves_to_docker and ":" not in want.ip


def _former(seen: ContainerLinkFacts, want: AddressParams) -> Way:
    """What is put back; a default route that was not asked for was not changed."""
    link = seen.link
    assert link is not None
    default = f"via {seen.gateway} dev {seen.gateway_link}" if seen.gateway else "none"
    default6 = f"via {seen.gateway6} dev {seen.gateway6_link}" if seen.gateway6 else "none"
    return Way(
        link.bridge,
        link.addresses,
        default if want.gateway else "",
        mac=link.mac,
        mtu=link.mtu,
        default6=default6 if want.gateway6 else "",
    )


def _undo_kept(at: Target, want: AddressParams, change: Change) -> None:
    """Take away what was made; the keeper stays while there are other records."""
    if change.verb is not Verb.CREATE:
        raise CannotUndo(f"what {change.what} was before is not known any more")
    keeper.forget(at, want.container, want.interface, only_unused=change.what == keeper.SERVICE)


def _in_network(seen: ContainerFacts | None, want: AddressParams) -> Iterator[Change]:
    what, field = f"container {want.container}", f"network {want.network}"
    now = seen.addresses.get(want.network) if seen else None
    if want.state == "absent":
        if seen and (now is not None or want.network in seen.networks):
            yield Change(Verb.REMOVE, what, field, now or "connected")
        return
    if seen is None:
        raise ActFailed(f'there is no container "{want.container}": make it first (workflow create-instance)')
    if seen.state not in RUNNING:
        raise ActFailed(
            f'container "{want.container}" is not running ({seen.state}): start it first (workflow create-instance)'
        )
    if now is None:
        yield Change(Verb.ATTACH, what, field, None, want.ip)
    elif now != want.ip:
        yield Change(Verb.UPDATE, what, field, now, want.ip)
