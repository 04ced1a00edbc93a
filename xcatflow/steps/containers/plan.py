"""From the container that is there, and what an interrupted replacement left beside it, to the one that is wanted. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from xcatflow.errors import ActFailed
from xcatflow.model.change import Change, Verb
from xcatflow.model.container_states import ALIVE
from xcatflow.model.docker_api import lacking
from xcatflow.model.question import ContainerFacts
from xcatflow.steps.containers.body import create_body
from xcatflow.steps.containers.changes import Known, changes_of, what
from xcatflow.steps.containers.labels import compared, is_ours
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.containers.volumes import fate

_UNFINISHED = "left by a replacement that was interrupted"


@dataclass(frozen=True, slots=True)
class Place:
    """The container of the name, and what a replacement, if interrupted, left beside it: the old one, and a new one on trial. `known` is
    about the one that goes on."""

    own: ContainerFacts | None
    kept: ContainerFacts | None = None
    trial: ContainerFacts | None = None
    known: Known = field(default_factory=Known)


def planned(seen: Place, want: ContainerParams) -> tuple[Change, ...]:
    """What has to be done, in order. Raises ActFailed for containers that must not be touched, and for what the daemon cannot do."""
    for container in (seen.own, seen.kept, seen.trial):
        _refuse(container, want)
    if want.state == "absent":
        return (*_removal(seen.own), *_removal(seen.kept, _UNFINISHED), *_removal(seen.trial, _UNFINISHED))
    found = (*_removal(seen.trial, _UNFINISHED), *_planned(seen, want))
    if any(change.verb in (Verb.CREATE, Verb.REPLACE) for change in found):
        _check_api(want, seen.known.api)
    return found


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


def _check_api(want: ContainerParams, api: str) -> None:
    """Raise ActFailed for what the daemon cannot do."""
    if not api:
        return
    if missing := lacking(create_body(want, {}), api):
        told = ", ".join(str(field) for field in missing)
        raise ActFailed(
            f'container "{want.name}" asks for what the Docker daemon cannot do, which is spoken to with API {api}: {told}'
        )


def base_of(seen: Place, want: ContainerParams) -> ContainerFacts | None:
    """The container that goes on, or has to be replaced: the old one of an interrupted replacement where the new one never ran, or ended
    and is not what is wanted any more."""
    own, kept = seen.own, seen.kept
    if kept is None or kept.state == "dead":
        return own
    if own is None or own.state == "created":
        return kept
    ended = own.state not in ("running", "paused")
    return kept if ended and not _is_wanted(own, want) else own


def _is_wanted(own: ContainerFacts, want: ContainerParams) -> bool:
    return is_ours(want.name, own.labels) and not compared(own.labels, want).firm


def finishing(seen: Place, want: ContainerParams) -> bool:
    """Did a replacement by what is wanted now get so far that only its proof may be missing?"""
    return (
        seen.kept is not None
        and seen.own is not None
        and base_of(seen, want) is seen.own
        and _is_wanted(seen.own, want)
    )


def _planned(seen: Place, want: ContainerParams) -> Iterator[Change]:
    own, kept, base = seen.own, seen.kept, base_of(seen, want)
    if kept is None:
        yield from _changes(own, want, seen.known)
    elif base is kept:
        yield from _removal(own, _UNFINISHED)
        yield Change(Verb.UPDATE, what(kept.name), "name", kept.name, want.name, "a replacement was interrupted")
        yield from _changes(replace(kept, name=want.name), want, seen.known)
    elif kept.state != "dead" and finishing(seen, want):  # the old one goes last: the way back is open until then
        stop, remove = tuple(_removal(kept, _UNFINISHED))[:-1], tuple(_removal(kept, _UNFINISHED))[-1:]
        mended = (it for it in _changes(own, want, seen.known) if it.verb is not Verb.AWAIT)  # with the old one's end
        yield from (*stop, *mended, *remove)
    else:
        yield from _removal(kept, _UNFINISHED)
        yield from _changes(own, want, seen.known)


def _removal(own: ContainerFacts | None, why: str = "") -> Iterator[Change]:
    if own and own.state in ALIVE:
        yield Change(Verb.STOP, what(own.name), "", own.state, "stopped", why)
    if own:
        yield Change(Verb.REMOVE, what(own.name), why=why)


def _changes(own: ContainerFacts | None, want: ContainerParams, known: Known) -> Iterator[Change]:
    """From what is there to a container that is right and does what is wanted."""
    thing = what(want.name)
    if own is None:
        yield Change(Verb.CREATE, thing, after=want.image)
        yield from _state("created", "created", want)
        return
    if not is_ours(want.name, own.labels):
        why = "labels cannot be added to a container, so taking it over replaces it"
        why = "; ".join((why, *fate(want, own.labels, known.details)))
        found: tuple[Change, ...] = (Change(Verb.REPLACE, thing, "owner", "somebody else", "xcatflow", why),)
    else:
        found = changes_of(own, want, known)
    yield from found
    if any(change.verb is Verb.REPLACE for change in found):
        yield from _state("running", "running", want, replaced=True)
    else:
        states = tuple(_state(own.state, _told(own), want, changed=bool(found)))
        yield from (*states, *(() if states else _proof(own, want)))


def _proof(own: ContainerFacts, want: ContainerParams) -> Iterator[Change]:
    """The proof of one that runs and is not healthy, by what the listing tells: its own check. The run that started it may have been
    interrupted."""
    health = want.health
    by_itself = health is not None and health.port is None and not health.command
    if by_itself and want.state == own.state == "running" and own.health in ("starting", "unhealthy"):
        yield Change(Verb.AWAIT, what(want.name), "health", own.health, "healthy")


def _state(
    now: str, told: str, want: ContainerParams, *, replaced: bool = False, changed: bool = False
) -> Iterator[Change]:
    """From the state `now` (`told` in words) to the wanted one. A replacement brings a running container where one is wanted; one that
    keeps ending gets another chance where something about it was `changed`."""
    thing = what(want.name)
    match want.state, now:
        case "running" | "paused", "restarting" if changed:
            yield Change(Verb.RESTART, thing, "", told, "running")
        case "running" | "paused", "restarting":
            raise ActFailed(
                f'container "{want.name}" keeps ending and being restarted: look at its command, and at "docker logs {want.name}"'
            )
        case "running", "paused":
            yield Change(Verb.UNPAUSE, thing, "", told, "running")
        case "running" | "paused", "created" | "exited":
            yield Change(Verb.START, thing, "", told, "running")
        case "stopped", "running" | "paused" | "restarting" if not replaced:
            yield Change(Verb.STOP, thing, "", told, "stopped")
    if want.state == "paused" and now != "paused":
        yield Change(Verb.PAUSE, thing, "", "running", "paused")


def _told(own: ContainerFacts) -> str:
    """The state, with the exit code of one that ended, as the daemon tells it in `Exited (1) 5 minutes ago`."""
    code = re.match(r"Exited (\(\d+\))", own.status)
    return f"{own.state} {code[1]}" if code else own.state
