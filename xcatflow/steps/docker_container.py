"""`docker.container`: a container made of these parameters is there, and runs, is stopped, paused, or gone.

Source: Engine API on the states of a container. One listing of the daemon tells everything: labels say what a container was made of.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Container, ContainerFacts, Question
from xcatflow.steps import container_acts as acts
from xcatflow.steps.container_acts import ALIVE, kept_name
from xcatflow.steps.container_labels import Difference, differences, is_ours
from xcatflow.steps.container_params import ContainerParams

_UPDATABLE = ("cpus", "memory", "restart")
_UNFINISHED = "left by a replacement that was interrupted"


@dataclass(frozen=True, slots=True)
class Place:
    """The container of the name, and an older one that a replacement, if interrupted, left beside it."""

    own: ContainerFacts | None
    kept: ContainerFacts | None = None


class DockerContainer(Step[ContainerParams, Place]):
    """Replaced when what it is made of differs, with the old one kept until the new one runs."""

    kind = "docker.container"
    params: ClassVar[type[Params]] = ContainerParams

    def ask(self, want: ContainerParams) -> tuple[Question[Any], ...]:
        return (Container(want.name), Container(kept_name(want.name)))

    def seen(self, answers: Answers, want: ContainerParams) -> Place | None:
        own, kept = answers[Container(want.name)], answers[Container(kept_name(want.name))]
        return Place(own, kept) if own or kept else None

    def plan(self, seen: Place | None, want: ContainerParams) -> tuple[Change, ...]:
        own, kept = (seen.own, seen.kept) if seen else (None, None)
        for container in (own, kept):
            _refuse(container, want)
        if want.state == "absent":
            return (*_removal(own), *_removal(kept, _UNFINISHED))
        if kept is None:
            return tuple(_changes(own, want))
        if kept.state == "dead" or (own and own.state != "created"):
            return (*_removal(kept, _UNFINISHED), *_changes(own, want))
        back = Change(Verb.UPDATE, _what(kept.name), "name", kept.name, want.name, "a replacement was interrupted")
        return (*_removal(own, _UNFINISHED), back, *_changes(replace(kept, name=want.name), want))

    def apply(self, at: Target, want: ContainerParams, seen: Place | None, change: Change) -> None:
        match change.verb:
            case Verb.CREATE:
                acts.create(at, want)
            case Verb.REPLACE:
                acts.replace(at, want)
            case Verb.START:
                created = any(planned.verb is Verb.CREATE for planned in self.plan(seen, want))
                acts.start(at, want, fresh=created)
            case Verb.ATTACH:
                acts.connect(at, want, change.field, again=change.before is not None)
            case plain:
                acts.do(at, plain, _name(change), want)

    def undo(self, at: Target, want: ContainerParams, seen: Place | None, change: Change) -> None:
        name = _name(change)
        back = {Verb.START: Verb.STOP, Verb.STOP: Verb.START, Verb.PAUSE: Verb.UNPAUSE, Verb.UNPAUSE: Verb.PAUSE}
        match change.verb:
            case Verb.CREATE:
                acts.discard(at, name)
            case Verb.ATTACH if change.before is None:
                at.docker.disconnect_network(change.field, name)
            case verb if verb in back:
                acts.do(at, back[verb], name, want)
                if verb is Verb.STOP and change.before == "paused":
                    acts.do(at, Verb.PAUSE, name, want)
            case Verb.REPLACE | Verb.REMOVE:
                raise CannotUndo(
                    f'the container "{name}" that was {change.verb}d is gone, with all that it had written'
                )
            case _:
                raise CannotUndo(f'the {change.field} of container "{name}" stays as it is now')

    def outputs(self, seen: Place | None, want: ContainerParams) -> dict[str, str]:
        own = seen.own if seen else None
        addresses = own.addresses if own else {}
        address = addresses.get(want.mode) or next(iter(addresses.values()), "")
        return {"name": want.name, "id": own.id if own else "", "address": address}


def _what(name: str) -> str:
    return f"container {name}"


def _name(change: Change) -> str:
    return change.what.partition(" ")[2]


def _refuse(own: ContainerFacts | None, want: ContainerParams) -> None:
    """Raise ActFailed for a container that must not, or cannot, be touched."""
    if own is None:
        return
    if own.state == "removing":
        raise ActFailed(f'container "{own.name}" is being removed just now: run this again when that is over')
    if not want.adopt and not is_ours(want.name, own.labels):
        raise ActFailed(
            f'there is a container "{own.name}" that xcatflow did not make (image "{own.image}", {own.state}): '
            'remove it, choose another name, or write "adopt: true" to have it replaced'
        )
    if own.state == "dead" and want.state != "absent" and own.name == want.name:
        raise ActFailed(
            f'container "{own.name}" is dead, as its removal failed half-way: '
            f'remove it with "docker rm -f {own.name}" or a step with "state: absent"'
        )


def _removal(own: ContainerFacts | None, why: str = "") -> Iterator[Change]:
    if own and own.state in ALIVE:
        yield Change(Verb.STOP, _what(own.name), "", own.state, "stopped", why)
    if own:
        yield Change(Verb.REMOVE, _what(own.name), why=why)


def _changes(own: ContainerFacts | None, want: ContainerParams) -> Iterator[Change]:
    """From what is there to a container that is right and does what is wanted."""
    what = _what(want.name)
    if own is None:
        yield Change(Verb.CREATE, what, after=want.image)
        yield from _state("created", "created", want)
    elif not is_ours(want.name, own.labels):
        why = "labels cannot be added to a container, so taking it over replaces it"
        yield Change(Verb.REPLACE, what, "owner", "somebody else", "xcatflow", why)
        yield from _state("running", "running", want, replaced=True)
    elif found := differences(own.labels, want):
        yield _replacement(what, found)
        yield from _state("running", "running", want, replaced=True)
    else:
        yield from _address(own, want)
        yield from _state(own.state, _told(own), want)


def _replacement(what: str, found: tuple[Difference, ...]) -> Change:
    fields = [difference.field for difference in found]
    if fields == ["parameters"]:
        return Change(Verb.REPLACE, what, "parameters", why="what it was made of is not known any more")
    named = fields[0] if len(fields) == 1 else f"{', '.join(fields[:-1])} and {fields[-1]}"
    if set(fields) <= set(_UPDATABLE):
        why = f"the record of a container's {named} in its label cannot be changed in place"
    else:
        why = f"a container's {named} cannot be changed in place"
    if len(found) == 1:
        return Change(Verb.REPLACE, what, fields[0], found[0].before, found[0].after, why)
    before, after = (
        ", ".join(text or "(none)" for text in texts)
        for texts in zip(*((it.before, it.after) for it in found), strict=True)
    )
    return Change(Verb.REPLACE, what, ", ".join(fields), before, after, why, _diff(found))


def _diff(found: tuple[Difference, ...]) -> str:
    lines = [
        (f"{sign}{it.field}: {text}")
        for it in found
        for sign, text in (("-", it.before), ("+", it.after))
        if text is not None
    ]
    return "".join(f"{line}\n" for line in lines)


def _state(now: str, told: str, want: ContainerParams, *, replaced: bool = False) -> Iterator[Change]:
    """From the state `now` (`told` in words) to the wanted one. A replacement brings a running container where one is wanted."""
    what = _what(want.name)
    match want.state, now:
        case "running" | "paused", "restarting":
            raise ActFailed(
                f'container "{want.name}" keeps ending and being restarted: look at its command, and at "docker logs {want.name}"'
            )
        case "running", "paused":
            yield Change(Verb.UNPAUSE, what, "", told, "running")
        case "running" | "paused", "created" | "exited":
            yield Change(Verb.START, what, "", told, "running")
        case "stopped", "running" | "paused" | "restarting" if not replaced:
            yield Change(Verb.STOP, what, "", told, "stopped")
    if want.state == "paused" and now != "paused":
        yield Change(Verb.PAUSE, what, "", "running", "paused")


def _address(own: ContainerFacts, want: ContainerParams) -> Iterator[Change]:
    """A running container that lost its fixed address, which the daemon gives it at each start. Without one nothing can be seen: networks
    that give no addresses are not in a listing."""
    if want.address is not None and own.state in ("running", "paused") and want.state != "stopped":
        now = own.addresses.get(want.mode)
        if now != want.address:
            yield Change(Verb.ATTACH, _what(want.name), want.mode, now, want.address)


def _told(own: ContainerFacts) -> str:
    """The state, with the exit code of one that ended, as the daemon tells it in `Exited (1) 5 minutes ago`."""
    code = re.match(r"Exited (\(\d+\))", own.status)
    return f"{own.state} {code[1]}" if code else own.state
