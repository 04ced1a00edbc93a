"""What is done to containers: created, started and replaced, each whole or not at all.

Source: an engine 20.10: a network that is missing and an address in use are reported when a container starts, not when it is created.
"""

from collections.abc import Mapping
from contextlib import suppress
from math import ceil
from typing import Any

from xcatflow.contract import Target
from xcatflow.errors import ActFailed, Interrupted, XcatflowError
from xcatflow.model.change import Verb
from xcatflow.model.question import ContainerFacts
from xcatflow.steps.container_body import create_body
from xcatflow.steps.container_labels import identity_labels
from xcatflow.steps.container_params import ContainerParams
from xcatflow.steps.daemon_words import refused

ALIVE = ("running", "paused", "restarting")
"""States with processes of the container's own, or about to have some."""

_SETTLE_S = 0.3
"""A container whose command is wrong has ended within this time."""


def kept_name(name: str) -> str:
    """What a container is called while its successor is tried out."""
    return f"{name}.xcatflow-old"


def create(at: Target, want: ContainerParams) -> None:
    """Create, on all its networks. Raises ActFailed, and then there is no container."""
    try:
        at.docker.create_container(want.name, create_body(want, identity_labels(want)))
    except ActFailed as error:
        raise _explained(error, f'cannot create container "{want.name}" on {at.name}') from error
    try:
        for network in want.further:
            at.docker.connect_network(network, want.name, address=None)
    except ActFailed as error:
        _clear_away(at, want.name)
        raise _explained(
            error, f'cannot connect container "{want.name}" on {at.name} to network "{network}"'
        ) from error


def start(at: Target, want: ContainerParams, *, fresh: bool) -> None:
    """Start, and see that it stays up. Raises ActFailed; a `fresh` container that the daemon refuses to start is removed again."""
    if want.further and not fresh:
        connected = _inspected(at, want.name, "NetworkSettings").get("Networks") or {}
        for network in want.further:
            if network not in connected:
                connect(at, want, network)
    try:
        at.docker.start_container(want.name)
    except ActFailed as error:
        explained = _explained(error, f'cannot start container "{want.name}" on {at.name}{_holder(at, want, error)}')
        if fresh and type(error) is ActFailed:  # others mean that it may have been started
            _clear_away(at, want.name)
        raise explained from error
    _stays_up(at, want.name)


def do(at: Target, verb: Verb, name: str, want: ContainerParams) -> None:
    """One plain act on the container of this name. Raises ActFailed."""
    docker = at.docker
    try:
        match verb:
            case Verb.START:
                docker.start_container(name)
            case Verb.STOP:
                docker.stop_container(name, grace_s=ceil(want.stop_timeout))
            case Verb.PAUSE:
                docker.pause_container(name)
            case Verb.UNPAUSE:
                docker.unpause_container(name)
            case Verb.REMOVE:
                docker.remove_container(name, force=True)
            case Verb.UPDATE:
                docker.rename_container(name, want.name)
            case _:
                raise AssertionError(verb)
    except ActFailed as error:
        doing = f'rename container "{name}" to "{want.name}"' if verb is Verb.UPDATE else f'{verb} container "{name}"'
        raise refused(error, f"cannot {doing} on {at.name}: {error}") from error


def connect(at: Target, want: ContainerParams, network: str, *, again: bool = False) -> None:
    """Connect to a network, with the fixed address where it is the main one; `again` disconnects first. Raises ActFailed."""
    address = want.address if network == want.mode else None
    try:
        if again:
            at.docker.disconnect_network(network, want.name)
        at.docker.connect_network(network, want.name, address=address)
    except ActFailed as error:
        raise _explained(
            error, f'cannot connect container "{want.name}" on {at.name} to network "{network}"'
        ) from error


def discard(at: Target, name: str) -> None:
    """Remove a container if it is there."""
    if at.docker.inspect_container(name) is not None:
        at.docker.remove_container(name, force=True)


def replace(at: Target, want: ContainerParams) -> None:
    """Put a new container in the place of the old one, which stays beside it until the new one is right.

    Raises ActFailed, and then the old one is what it was before; or the message says why it is not.
    """
    old = kept_name(want.name)
    was = str(_inspected(at, want.name, "State").get("Status", ""))
    stopped = _set_aside(at, want, was)
    try:
        create(at, want)
        if was in ALIVE and not stopped:
            stopped = True
            do(at, Verb.STOP, old, want)
        if want.state in ("running", "paused") or (want.state == "created" and was in ALIVE):
            start(at, want, fresh=True)
    except XcatflowError as error:
        back = _bring_back(at, want.name, was if stopped else "")
        detail = error.detail if isinstance(error, ActFailed) else ""
        raise ActFailed(f"{error}; {back}", detail) from error
    discard(at, old)


def _set_aside(at: Target, want: ContainerParams, was: str) -> bool:
    """Give the old container its other name. True when it had to be stopped first: an engine cannot rename one that keeps ending and
    being restarted, as it finds its network gone."""
    docker, old = at.docker, kept_name(want.name)
    try:
        docker.rename_container(want.name, old)
        return False
    except ActFailed as error:
        if was not in ALIVE or "sandbox" not in str(error):
            raise refused(error, f'cannot rename container "{want.name}" on {at.name} to "{old}": {error}') from error
    do(at, Verb.STOP, want.name, want)
    try:
        docker.rename_container(want.name, old)
    except XcatflowError:
        with suppress(XcatflowError):
            docker.start_container(want.name)
        raise
    return True


def _bring_back(at: Target, name: str, was: str) -> str:
    """Undo a replacement that failed; `was` is the state of the old container if it was stopped. How that went, as words."""
    docker, old = at.docker, kept_name(name)
    try:
        discard(at, name)
        docker.rename_container(old, name)
        if was in ALIVE:
            docker.start_container(name)
        if was == "paused":
            docker.pause_container(name)
    except XcatflowError as error:
        return f'and the old container, kept as "{old}", could not be brought back: {error}; the next run tries again'
    if was in ALIVE:  # it had been stopped, and so lost what was put in from the host
        return "the old container is back; an address put in from the host is not: configure-ip puts it back"
    return "the old container is back as it was"


def _clear_away(at: Target, name: str) -> None:
    """Remove what was made in vain. Why it was in vain is worth more than that this fails too: the next run meets a container of ours."""
    with suppress(XcatflowError):
        discard(at, name)


def _stays_up(at: Target, name: str) -> None:
    """Raise ActFailed when a container that was just started does not run any more."""
    with suppress(Interrupted):  # an act that has begun is brought to its end
        at.pause(_SETTLE_S)
    whole = at.docker.inspect_container(name) or {}
    state = whole.get("State") or {}
    code = state.get("ExitCode", "unknown")
    match state.get("Status"):
        case "running" if not whole.get("RestartCount"):
            return
        case "running":  # the exit code is that of the run before only while it waits for the next one
            fate = "keeps ending and being restarted"
        case "restarting":
            fate = f"keeps ending, with exit code {code}, and being restarted"
        case None:
            fate = "ended right after its start and removed itself"
        case _:
            fate = f"ended right after its start, with exit code {code}"
    raise ActFailed(
        f'container "{name}" on {at.name} {fate}: look at its command, and at what "docker logs {name}" says there',
        str(state.get("Error", "")),
    )


def _inspected(at: Target, name: str, part: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (at.docker.inspect_container(name) or {}).get(part) or {}
    return found


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
    if want.address is None or "address already in use" not in str(error).lower():
        return ""
    holders: tuple[ContainerFacts, ...] = ()
    with suppress(XcatflowError):
        holders = tuple(it for it in at.docker.containers() if it.addresses.get(want.mode) == want.address)
    found = f' by container "{holders[0].name}"' if holders else ""
    return f" with the address {want.address}, which is in use{found}"
