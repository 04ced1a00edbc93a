"""What has to be done to a container of ours that is there: nothing, a change in place, or another container instead of it.

Three things are compared: what is wanted, what the container was made from (its labels), and what its daemon has now. Pure.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from xcatflow.model.change import Change, Verb
from xcatflow.model.docker_api import speaks
from xcatflow.model.image import short
from xcatflow.model.question import ContainerFacts, ImageFacts
from xcatflow.steps.containers.body import create_body
from xcatflow.steps.containers.labels import Difference, compared, recorded
from xcatflow.steps.containers.limits import Limit, as_number, differing, quota_asked, update_body
from xcatflow.steps.containers.params import DEFAULTS, ContainerParams
from xcatflow.steps.containers.volumes import fate, may_have_some

CONNECTED = "connected"
"""What a further network is, where the daemon chooses the address."""

_ID = re.compile(r"[0-9a-f]{12,64}")
_NETWORKS_AT_ONCE = "1.22"
_MAC_PER_NETWORK, _MAC_CONNECTS = "1.44", "1.54"
_MAC_LOST = f"its fixed MAC address would be lost when it is connected anew, which needs API {_MAC_CONNECTS}"


@dataclass(frozen=True, slots=True)
class Known:
    """What else is known: the wanted image, the daemon's whole answer about the container, the API's version that is used and the newest
    that the daemon speaks; None or empty where it was not asked for."""

    image: ImageFacts | None = None
    details: Mapping[str, Any] | None = None
    api: str = ""
    newest: str = ""


def what(name: str) -> str:
    return f"container {name}"


def needs_details(own: ContainerFacts, want: ContainerParams, known: Known) -> bool:
    """Is the listing not enough to say what differs, or what a replacement would do to volumes?"""
    if want.inspect or compared(own.labels, want).yielding:
        return True
    harsh = (Verb.REPLACE, Verb.ATTACH) if want.own_mac else (Verb.REPLACE,)
    return may_have_some(own) and any(it.verb in harsh for it in changes_of(own, want, known))


def changes_of(own: ContainerFacts, want: ContainerParams, known: Known) -> tuple[Change, ...]:
    """A replacement alone, or changes in place."""
    limits = limits_of(want, known)
    firm = compared(own.labels, want).firm
    moved = () if any(it.field == "image" for it in firm) else tuple(_moved(own, known.image))
    if firm or moved or any(limit.obstacle for limit in limits):
        return (_fateful(own, want, known, _replacement(what(want.name), firm, moved, limits)),)
    networks = tuple(_networks(own, want, known))
    if costly := tuple(it for it in networks if _costs_mac(it, want, known)):
        anew = tuple(Difference(it.field, it.before, it.after) for it in costly)
        return (_fateful(own, want, known, _told(Verb.REPLACE, what(want.name), anew, _MAC_LOST)),)
    return (*_update(want, limits), *networks)


def limits_of(want: ContainerParams, known: Known) -> tuple[Limit, ...]:
    """Limits that differ from what the daemon has, as far as it was asked."""
    return differing(_host_config(want), _has(known), known.api) if known.details is not None else ()


def updating(want: ContainerParams, known: Known) -> dict[str, Any]:
    """The body of the update that makes the limits what is wanted."""
    keys = tuple(limit.key for limit in limits_of(want, known))
    return update_body(_host_config(want), keys, _has(known))


def undoing(want: ContainerParams, known: Known) -> dict[str, Any] | None:
    """The body of the update that makes the limits what they were; None where that cannot be done in place."""
    has, wanted = _has(known), _host_config(want)
    was = has if quota_asked(wanted) else as_number(has)
    if any(limit.obstacle for limit in differing(was, wanted, known.api)):
        return None
    return update_body(was, tuple(limit.key for limit in limits_of(want, known)), has)


def _has(known: Known) -> Mapping[str, Any]:
    return (known.details or {}).get("HostConfig") or {}


def _host_config(want: ContainerParams) -> Mapping[str, Any]:
    """The wanted `HostConfig`, flags and all."""
    return create_body(want, {}).get("HostConfig") or {}


def _moved(own: ContainerFacts, image: ImageFacts | None) -> Iterator[Difference]:
    """The image that the reference means now, where that is another one. Images that are not there say nothing."""
    if image is not None and own.image_id not in ("", image.id):
        yield Difference("image", short(own.image_id), short(image.id))


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


def _fateful(own: ContainerFacts, want: ContainerParams, known: Known, change: Change) -> Change:
    """A replacement that also tells what becomes of the old container's belongings."""
    return replace(change, why="; ".join((change.why, *fate(want, own.labels, known.details))))


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


def _costs_mac(change: Change, want: ContainerParams, known: Known) -> bool:
    """Would the container's own MAC be lost? Engines keep it with the connection from API 1.44 on, and take one for another from 1.54."""
    if change.verb is not Verb.ATTACH or change.field != want.main or want.own_mac is None or not known.api:
        return False
    return speaks(known.newest or known.api, _MAC_PER_NETWORK) and not speaks(known.api, _MAC_CONNECTS)


def _networks(own: ContainerFacts, want: ContainerParams, known: Known) -> Iterator[Change]:
    """Connections of a container that stays. One that shall have no network of Docker's is left alone: others may give it some. So is a
    connection with a fixed address: somebody made it on purpose, such as `container.address`."""
    if not want.main or want.state == "absent" or (not own.networks and _before_networks(own, known)):
        return
    yield from _main(own, want)
    if own.networks and want.mode in DEFAULTS and want.main not in own.networks:
        return  # a daemon without a default network has another one in its place
    for network in want.further:
        if network not in own.networks:
            yield Change(Verb.ATTACH, what(want.name), network, None, CONNECTED)
    named = (recorded(own.labels) or {}).get("network") or []
    for network in own.networks:
        ours = network in named or network not in own.fixed
        if ours and network not in (want.main, *want.further) and not _ID.fullmatch(want.main):
            yield Change(Verb.DETACH, what(want.name), network, CONNECTED, None)


def _before_networks(own: ContainerFacts, known: Known) -> bool:
    """May it be that it has no networks because it never ran? Engines 1.9 know them from the start on only."""
    return own.state == "created" and bool(known.api) and not speaks(known.api, _NETWORKS_AT_ONCE)


def _main(own: ContainerFacts, want: ContainerParams) -> Iterator[Change]:
    """The main network and the fixed address in it, which a running container may have lost: the daemon gives it at each start."""
    main, wanted = want.main, want.fixed_address
    runs, made_with = own.state in ("running", "paused"), (recorded(own.labels) or {}).get("address")
    if wanted is not None:
        now = own.addresses.get(main) if runs else own.fixed.get(main)
        lost = main not in own.networks
        told = lost or main in own.fixed or made_with not in (None, wanted) or (runs and want.state != "stopped")
        if told and now != wanted:
            yield Change(Verb.ATTACH, what(want.name), main, now, wanted)
    elif main not in own.networks and (want.own_network or not own.networks) and not _ID.fullmatch(main):
        yield Change(Verb.ATTACH, what(want.name), main, None, CONNECTED)
    elif (given := own.fixed.get(main)) is not None and given == made_with:
        yield Change(Verb.ATTACH, what(want.name), main, given, CONNECTED)
