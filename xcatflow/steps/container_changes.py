"""What has to be done to a container of ours that is there: nothing, a change in place, or another container instead of it.

Three things are compared: what is wanted, what the container was made from (its labels), and what its daemon has now. Pure.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xcatflow.model.change import Change, Verb
from xcatflow.model.question import ContainerFacts, ImageFacts
from xcatflow.steps.container_body import create_body
from xcatflow.steps.container_labels import Difference, compared, recorded
from xcatflow.steps.container_limits import Limit, differing, update_body
from xcatflow.steps.container_params import DEFAULTS, ContainerParams

CONNECTED = "connected"
"""What a further network is, where the daemon chooses the address."""

_ID = re.compile(r"[0-9a-f]{12,64}")
_SHORT_ID = 12


@dataclass(frozen=True, slots=True)
class Known:
    """What else is known: the wanted image, the daemon's whole answer about the container, and the API's version; None or empty where it
    was not asked for."""

    image: ImageFacts | None = None
    details: Mapping[str, Any] | None = None
    api: str = ""


def what(name: str) -> str:
    return f"container {name}"


def needs_details(own: ContainerFacts, want: ContainerParams) -> bool:
    """Is the listing not enough to say what differs?"""
    return want.inspect or compared(own.labels, want).yielding


def changes_of(own: ContainerFacts, want: ContainerParams, known: Known) -> tuple[Change, ...]:
    """A replacement alone, or changes in place."""
    limits = limits_of(want, known)
    firm = compared(own.labels, want).firm
    moved = () if any(it.field == "image" for it in firm) else tuple(_moved(own, known.image))
    if firm or moved or any(limit.obstacle for limit in limits):
        return (_replacement(what(want.name), firm, moved, limits),)
    return (*_update(want, limits), *_networks(own, want))


def limits_of(want: ContainerParams, known: Known) -> tuple[Limit, ...]:
    """Limits that differ from what the daemon has, as far as it was asked."""
    return differing(_host_config(want), _has(known), known.api) if known.details is not None else ()


def updating(want: ContainerParams, known: Known) -> dict[str, Any]:
    """The body of the update that makes the limits what is wanted."""
    keys = tuple(limit.key for limit in limits_of(want, known))
    return update_body(_host_config(want), keys, _has(known))


def undoing(want: ContainerParams, known: Known) -> dict[str, Any] | None:
    """The body of the update that makes the limits what they were; None where that cannot be done in place."""
    keys = tuple(limit.key for limit in limits_of(want, known))
    if any(limit.obstacle for limit in differing(_has(known), _host_config(want), known.api)):
        return None
    return update_body(_has(known), keys, _has(known))


def _has(known: Known) -> Mapping[str, Any]:
    return (known.details or {}).get("HostConfig") or {}


def _host_config(want: ContainerParams) -> Mapping[str, Any]:
    """The wanted `HostConfig`, flags and all."""
    return create_body(want, {}).get("HostConfig") or {}


def _moved(own: ContainerFacts, image: ImageFacts | None) -> Iterator[Difference]:
    """The image that the reference means now, where that is another one. Images that are not there say nothing."""
    if image is not None and own.image_id not in ("", image.id):
        yield Difference("image", _short(own.image_id), _short(image.id))


def _short(image_id: str) -> str:
    return image_id.removeprefix("sha256:")[:_SHORT_ID]


def _replacement(
    thing: str, firm: tuple[Difference, ...], moved: tuple[Difference, ...], limits: tuple[Limit, ...]
) -> Change:
    found = (*firm, *moved, *(Difference(it.field, it.before, it.after) for it in limits))
    if [it.field for it in found] == ["parameters"]:
        return Change(Verb.REPLACE, thing, "parameters", why="what it was made of is not known any more")
    reasons = [f"a container's {_named([it.field for it in firm])} cannot be changed in place"] if firm else []
    reasons += ["the tag was moved"] if moved else []
    reasons += dict.fromkeys(it.obstacle for it in limits if it.obstacle)
    return _told(Verb.REPLACE, thing, found, "; ".join(reasons))


def _update(want: ContainerParams, limits: tuple[Limit, ...]) -> Iterator[Change]:
    if limits:
        found = tuple(Difference(it.field, it.before, it.after) for it in limits)
        yield _told(Verb.UPDATE, what(want.name), found, "")


def _told(verb: Verb, thing: str, found: tuple[Difference, ...], why: str) -> Change:
    """One change for all that differs, with a diff where it is more than one thing."""
    found = tuple(_together(found))
    if len(found) == 1:
        return Change(verb, thing, found[0].field, found[0].before, found[0].after, why)
    before, after = (
        ", ".join(text or "(none)" for text in texts)
        for texts in zip(*((it.before, it.after) for it in found), strict=True)
    )
    return Change(verb, thing, ", ".join(it.field for it in found), before, after, why, _diff(found))


def _together(found: Iterable[Difference]) -> Iterator[Difference]:
    """What goes by one name as one difference, such as a number of CPUs and the CPUs themselves."""
    by_name: dict[str, list[Difference]] = {}
    for each in found:
        by_name.setdefault(each.field, []).append(each)
    for name, some in by_name.items():
        before, after = [it.before for it in some if it.before], [it.after for it in some if it.after]
        yield Difference(name, ", ".join(before) or None, ", ".join(after) or None)


def _diff(found: Iterable[Difference]) -> str:
    lines = [
        f"{sign}{it.field}: {text}"
        for it in found
        for sign, text in (("-", it.before), ("+", it.after))
        if text is not None
    ]
    return "".join(f"{line}\n" for line in lines)


def _named(fields: list[str]) -> str:
    return fields[0] if len(fields) == 1 else f"{', '.join(fields[:-1])} and {fields[-1]}"


def _networks(own: ContainerFacts, want: ContainerParams) -> Iterator[Change]:
    """Connections of a container that stays. One that shall have no network of Docker's is left alone: others may give it some. So is a
    connection with a fixed address: somebody made it on purpose, such as `container.address`."""
    if not want.main or want.state == "absent":
        return
    yield from _main(own, want)
    if not own.networks or (want.mode in DEFAULTS and want.main not in own.networks):
        return  # the listing of an old daemon does not tell; a daemon without a default network has another one in its place
    for network in want.further:
        if network not in own.networks:
            yield Change(Verb.ATTACH, what(want.name), network, None, CONNECTED)
    named = (recorded(own.labels) or {}).get("network") or []
    for network in own.networks:
        ours = network in named or network not in own.fixed
        if ours and network not in (want.main, *want.further) and not _ID.fullmatch(want.main):
            yield Change(Verb.DETACH, what(want.name), network, CONNECTED, None)


def _main(own: ContainerFacts, want: ContainerParams) -> Iterator[Change]:
    """The main network and the fixed address in it, which a running container may have lost: the daemon gives it at each start."""
    main, wanted = want.main, want.fixed_address
    runs, made_with = own.state in ("running", "paused"), (recorded(own.labels) or {}).get("address")
    if wanted is not None:
        now = own.addresses.get(main) if runs else own.fixed.get(main)
        lost = bool(own.networks) and main not in own.networks
        told = lost or main in own.fixed or made_with not in (None, wanted) or (runs and want.state != "stopped")
        if told and now != wanted:
            yield Change(Verb.ATTACH, what(want.name), main, now, wanted)
    elif want.own_network and own.networks and main not in own.networks and not _ID.fullmatch(main):
        yield Change(Verb.ATTACH, what(want.name), main, None, CONNECTED)
    elif (given := own.fixed.get(main)) is not None and given == made_with:
        yield Change(Verb.ATTACH, what(want.name), main, given, CONNECTED)
