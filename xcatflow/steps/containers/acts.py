"""What is done to containers: created, started and changed, each whole or not at all.

Source: an engine 20.10: a network that is missing and an address in use are reported when a container starts, not when it is created.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from math import ceil
from typing import Any

from xcatflow.contract import Target
from xcatflow.errors import ActFailed, Interrupted, XcatflowError
from xcatflow.model.change import Verb
from xcatflow.model.docker_api import lacking
from xcatflow.model.question import ContainerFacts
from xcatflow.steps.containers.body import create_body
from xcatflow.steps.containers.labels import identity_labels
from xcatflow.steps.containers.network import End, join, rejoin
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.containers.proof import prove
from xcatflow.steps.containers.volumes import with_volumes
from xcatflow.steps.daemons.words import refused
from xcatflow.transport.protocols import Created

_GOING_POLLS, _GOING_S = 20, 0.5
_RENAMES = 4
_SANDBOX_GONE = re.compile(r"sandbox \S+ not found")
"""How long a removal that somebody else began is waited for."""
_NO_VOLUMES: Mapping[str, str] = {}
_ALL_NETWORKS_MAC = {"EndpointConfig": {"MacAddress": "-"}}


def create(at: Target, want: ContainerParams) -> tuple[str, ...]:
    """Create, on all its networks; the daemon's warnings. Raises ActFailed, and then there is no container; a name that is taken comes
    back in the daemon's own words."""
    return create_as(at, want, want.name).warnings


def create_as(
    at: Target, want: ContainerParams, name: str, *, fixed: bool = True, handed: Mapping[str, str] = _NO_VOLUMES
) -> Created:
    """The same under another name; without `fixed` its addresses are the daemon's choice. `handed` maps paths to volumes that it is given
    there."""
    try:
        made = make(at, want, name, fixed=fixed, handed=handed)
    except ActFailed as error:
        if str(error).startswith("Conflict"):
            raise
        raise _explained(error, f'cannot create container "{name}" on {at.name}') from error
    try:
        for network in want.further:
            at.docker.connect_network(network, name, address=None)
    except ActFailed as error:
        clear_away(at, made.id)
        raise _explained(error, f'cannot connect container "{name}" on {at.name} to network "{network}"') from error
    return made


def make(
    at: Target, want: ContainerParams, name: str, *, fixed: bool = True, handed: Mapping[str, str] = _NO_VOLUMES
) -> Created:
    """The same in the daemon's own words, and on its main network only. Raises ActFailed."""
    body = create_body(want, identity_labels(want), fixed=fixed)
    return at.docker.create_container(name, with_volumes(body, handed))


def start(at: Target, want: ContainerParams, *, fresh: bool, name: str = "") -> None:
    """Start, and see that it is well. Raises ActFailed; a `fresh` container that the daemon refuses to start, or that does not become
    well, is removed again."""
    name = name or want.name
    try:
        at.docker.start_container(name)
    except ActFailed as error:
        explained = _explained(error, f'cannot start container "{name}" on {at.name}{_holder(at, want, error)}')
        if fresh and type(error) is ActFailed:  # others mean that it may have been started
            clear_away(at, name)
        raise explained from error
    try:
        prove(at, want, name)
    except ActFailed as error:
        if fresh and type(error) is ActFailed:
            clear_away(at, name)
        raise


def do(at: Target, verb: Verb, name: str, want: ContainerParams) -> None:
    """One plain act on the container of this name. Raises ActFailed."""
    docker, grace_s = at.docker, ceil(want.stop_timeout)
    try:
        match verb:
            case Verb.START:
                docker.start_container(name)
            case Verb.STOP:
                docker.stop_container(name, grace_s=grace_s)
            case Verb.RESTART:
                docker.restart_container(name, grace_s=grace_s)
            case Verb.PAUSE:
                docker.pause_container(name)
            case Verb.UNPAUSE:
                docker.unpause_container(name)
            case Verb.REMOVE:
                remove(at, name)
            case _:
                raise AssertionError(verb)
    except ActFailed as error:
        raise refused(error, f'cannot {verb} container "{name}" on {at.name}: {error}') from error


def remove(at: Target, name: str, *, volumes: bool = False) -> None:
    """Remove a container, with `volumes` also those that it was given no name for. One that is gone by now, or goes just now, as those do
    that remove themselves when they stop, is removed. Raises ActFailed in the daemon's words."""
    try:
        at.docker.remove_container(name, force=True, volumes=volumes)
    except ActFailed as error:
        words = str(error).lower()
        if "no such container" not in words and not ("already in progress" in words and _goes(at, name)):
            raise


def _goes(at: Target, name: str) -> bool:
    """Wait for a removal that is under way; False when it takes too long."""
    for _ in range(_GOING_POLLS):
        if at.docker.inspect_container(name) is None:
            return True
        with suppress(Interrupted):  # an act that has begun is brought to its end
            at.pause(_GOING_S)
    return False


def rename(at: Target, name: str, new: str) -> None:
    """Give a container another name. Raises ActFailed. While a container ends, its daemon may miss the network sandbox that goes just then,
    and refuses the name; a moment later it takes it."""
    for left in range(_RENAMES, -1, -1):
        try:
            at.docker.rename_container(name, new)
            return
        except ActFailed as error:
            if not left or not _SANDBOX_GONE.search(str(error)):
                raise refused(error, f'cannot rename container "{name}" on {at.name} to "{new}": {error}') from error
        with suppress(Interrupted):  # an act that has begun is brought to its end
            at.pause(_GOING_S)


def update(at: Target, name: str, body: Mapping[str, Any]) -> None:
    """Change limits and restart policy in place. Raises ActFailed, also where the daemon takes a limit and then drops it."""
    try:
        warnings = at.docker.update_container(name, body)
    except ActFailed as error:
        raise refused(error, f'cannot change the limits of container "{name}" on {at.name}: {error}') from error
    if dropped := [text for text in warnings if "discarded" in text.lower() or "without swap" in text.lower()]:
        raise ActFailed(f'{at.name} does not keep a limit of container "{name}": {dropped[0]}')


def connect(at: Target, want: ContainerParams, network: str, *, was: End | None = None) -> None:
    """Connect to a network, with the fixed addresses where it is the main one. One that is connected already, as `was` says, is
    disconnected first, and stays as it was where the daemon refuses. Raises ActFailed."""
    end = End(want.fixed_address, want.fixed_address6) if network == want.main else End()
    try:
        put(at, want, network, end, was=was)
    except ActFailed as error:
        raise _explained(
            error, f'cannot connect container "{want.name}" on {at.name} to network "{network}"'
        ) from error


def put(at: Target, want: ContainerParams, network: str, end: End, *, was: End | None) -> None:
    """The same with these addresses. Raises ActFailed in the daemon's words."""
    mac = want.own_mac if network == want.main and _takes_mac(at, want) else None
    if was is None:
        join(at, want.name, network, replace(end, mac=mac))
    else:
        rejoin(at, want.name, network, new=replace(end, mac=mac), old=replace(was, mac=mac))


def disconnect(at: Target, name: str, network: str) -> None:
    """End a connection. Raises ActFailed."""
    try:
        at.docker.disconnect_network(network, name)
    except ActFailed as error:
        raise refused(
            error, f'cannot disconnect container "{name}" on {at.name} from network "{network}": {error}'
        ) from error


def discard(at: Target, name: str, *, volumes: bool = False) -> None:
    """Remove a container if it is there, with `volumes` also those that it was given no name for."""
    if at.docker.inspect_container(name) is not None:
        remove(at, name, volumes=volumes)


def clear_away(at: Target, name: str) -> None:
    """Remove what was made in vain, name or id. Why it was in vain is worth more than that this fails too: the next run meets a container
    of ours."""
    with suppress(XcatflowError):
        discard(at, name, volumes=True)


def _takes_mac(at: Target, want: ContainerParams) -> bool:
    """Does a connection take a MAC there? Daemons to which that is new keep the container's own by themselves."""
    return want.own_mac is not None and not lacking(_ALL_NETWORKS_MAC, at.docker.daemon().used_api, "connect")


def _explained(error: ActFailed, doing: str) -> ActFailed:
    words = str(error)
    advice = ""
    if "no such image" in words.lower():
        advice = ': put a step "docker.image" before this one'
    elif words.startswith("network ") and words.endswith(" not found"):
        advice = ': put a step "docker.network" before this one, or correct the name'
    return refused(error, f"{doing}: {words}{advice}")


def _holder(at: Target, want: ContainerParams, error: ActFailed) -> str:
    """Who has the address that is in use, as far as the daemon knows."""
    if want.fixed_address is None or "address already in use" not in str(error).lower():
        return ""
    holders: tuple[ContainerFacts, ...] = ()
    with suppress(XcatflowError):
        holders = tuple(it for it in at.docker.containers() if it.addresses.get(want.main) == want.fixed_address)
    found = f' by container "{holders[0].name}"' if holders else ""
    return f" with the address {want.fixed_address}, which is in use{found}"
