"""A container is replaced, with a way back: the old one is kept until the new one is proven to be well in its place.

Where both can run side by side the new one is started beside the old one, as NAME.xcatflow-new and without the fixed address, and proven;
only then the names are changed, the old one is stopped, and the new one is given the address and proven once more. Where they cannot, the
old one is set aside and stopped first. In both ways the old one is called NAME.xcatflow-old meanwhile. Whatever happens it is put back: it
was only renamed and stopped, so it has its id, its address and its data.

Source: an engine 20.10: a stopped container keeps its networks and fixed addresses, which others may use while it does not run.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from xcatflow.contract import Target
from xcatflow.errors import ActFailed, XcatflowError
from xcatflow.model.change import Verb
from xcatflow.steps import container_acts as acts
from xcatflow.steps.container_acts import ALIVE
from xcatflow.steps.container_body import create_body
from xcatflow.steps.container_params import ContainerParams
from xcatflow.steps.container_ports import host_ports
from xcatflow.steps.container_proof import prove
from xcatflow.steps.daemon_words import refused


def kept_name(name: str) -> str:
    """What a container is called while its successor is tried out."""
    return f"{name}.xcatflow-old"


def trial_name(name: str) -> str:
    """What a successor is called while it is tried out beside the old one."""
    return f"{name}.xcatflow-new"


def replace(at: Target, want: ContainerParams, *, revive: bool = False) -> tuple[str, ...]:
    """Put a new container in the place of the old one; the daemon's warnings.

    Raises ActFailed, and then the old one is what it was before; or the message says why it is not. With `revive` an old one that does not
    run is started then: a replacement that was interrupted had stopped it.
    """
    old = at.docker.inspect_container(want.name) or {}
    was = str((old.get("State") or {}).get("Status", ""))
    if was == "running" and want.state == "running" and not obstacles(want, old):
        warnings = _prove_beside(at, want)
        _swap(at, want, was)
    else:
        warnings = _in_turn(at, want, was, "running" if revive and was not in ALIVE else was)
    acts.discard(at, kept_name(want.name))
    return warnings


def obstacles(want: ContainerParams, old: Mapping[str, Any]) -> tuple[str, ...]:
    """Why the new container cannot run beside the old one, which is as inspected; empty when it can. Pure."""
    new = create_body(want, {})
    return tuple(dict.fromkeys(_obstacles(new, old)))


def _obstacles(new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[str]:
    host, had = new.get("HostConfig") or {}, old.get("HostConfig") or {}
    mode = str(host.get("NetworkMode") or "")
    if mode == "host" or mode.startswith("container:"):
        yield "they would share a network"
    if new.get("MacAddress"):
        yield "the MAC address is fixed"
    ends = (new.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
    if set(ends) - {mode} or any(set(end or {}) - {"IPAMConfig"} for end in ends.values()):
        yield "its networks have settings of their own"
    ports = host_ports(host.get("PortBindings"))
    if ports & host_ports(had.get("PortBindings")) or (ports and ends):
        yield "they would share ports of the host"
    if host.get("VolumesFrom") or _shared(host, old):
        yield "they would share data"
    if host.get("Devices") and had.get("Devices"):
        yield "they would share devices"
    if had.get("AutoRemove"):
        yield "the old one removes itself"


def _shared(host: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Would both have the same directory or volume, one of them to write?"""
    mounted = {_place(mount): bool(mount.get("RW", True)) for mount in old.get("Mounts") or ()}
    wanted: dict[str, bool] = {}
    for bind in host.get("Binds") or ():
        source, _, rest = str(bind).partition(":")
        wanted[source] = "ro" not in rest.partition(":")[2].split(",")
    for mount in host.get("Mounts") or ():
        if mount.get("Source"):
            wanted[str(mount["Source"])] = not mount.get("ReadOnly")
    return any(
        (writes or written) and _same(source, place)
        for source, writes in wanted.items()
        for place, written in mounted.items()
    )


def _same(one: str, other: str) -> bool:
    """The same volume or directory, or one inside the other?"""
    return one == other or one.startswith(f"{other.rstrip('/')}/") or other.startswith(f"{one.rstrip('/')}/")


def _place(mount: Mapping[str, Any]) -> str:
    return str(mount.get("Name") or mount.get("Source") or "")


def _prove_beside(at: Target, want: ContainerParams) -> tuple[str, ...]:
    """Start the new one beside the old one, which runs on whatever happens."""
    trial = trial_name(want.name)
    at.tell(f'trying the new container "{want.name}" beside the old one')
    try:
        warnings = acts.create_as(at, want, trial, fixed=False)
        acts.start(at, want, fresh=True, name=trial)
    except XcatflowError as error:
        acts.clear_away(at, trial)
        raise _failed(error, "the old container runs on, untouched") from error
    return warnings


def _swap(at: Target, want: ContainerParams, was: str) -> None:
    """Give the new one, which is proven, the old one's name and address."""
    trial, old = trial_name(want.name), kept_name(want.name)
    try:
        acts.rename(at, want.name, old)
    except XcatflowError:
        acts.clear_away(at, trial)
        raise
    stopped = False
    try:
        acts.rename(at, trial, want.name)
        stopped = True
        acts.do(at, Verb.STOP, old, want)
        if want.fixed_address or want.fixed_address6:
            acts.connect(at, want, want.main, again=True)
        prove(at, want, want.name)
    except XcatflowError as error:
        acts.clear_away(at, trial)
        raise _failed(error, bring_back(at, want.name, was if stopped else "")) from error


def _in_turn(at: Target, want: ContainerParams, was: str, again: str) -> tuple[str, ...]:
    """Stop the old one before the new one starts; `again` is the state that it gets back when this fails."""
    old = kept_name(want.name)
    stopped = _set_aside(at, want, was)
    try:
        warnings = acts.create(at, want)
        if was in ALIVE and not stopped:
            stopped = True
            acts.do(at, Verb.STOP, old, want)
        if want.state in ("running", "paused") or (want.state == "created" and was in ALIVE):
            acts.start(at, want, fresh=True)
    except XcatflowError as error:
        raise _failed(error, bring_back(at, want.name, again if stopped or again != was else "")) from error
    return warnings


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
    acts.do(at, Verb.STOP, want.name, want)
    try:
        docker.rename_container(want.name, old)
    except XcatflowError:
        with suppress(XcatflowError):
            docker.start_container(want.name)
        raise
    return True


def bring_back(at: Target, name: str, was: str) -> str:
    """Undo a replacement that failed; `was` is the state that the old container gets back, empty where it was not stopped. How that went,
    as words."""
    docker, old = at.docker, kept_name(name)
    try:
        acts.discard(at, name)
        try:  # a controller that is killed between leaves it running under the name by which the next run finds it
            if was in ALIVE:
                docker.start_container(old)
            if was == "paused":
                docker.pause_container(old)
        except XcatflowError:
            with suppress(XcatflowError):
                docker.rename_container(old, name)
            raise
        docker.rename_container(old, name)
    except XcatflowError as error:
        return f'and the old container, kept as "{old}", could not be brought back: {error}; the next run tries again'
    if was in ALIVE:  # it had been stopped, and so lost what was put in from the host
        return "the old container is back; an address put in from the host comes back where it is kept, else by configure-ip"
    return "the old container is back as it was"


def finish(at: Target, want: ContainerParams) -> None:
    """End a replacement that was interrupted when the new one was in its place: prove it, and remove the old one. Raises ActFailed, and
    then the old one is back."""
    whole = at.docker.inspect_container(want.name) or {}
    if want.state == "running":
        try:
            prove(at, want, want.name, restarts=int(whole.get("RestartCount") or 0))
        except XcatflowError as error:
            raise go_back(at, want, error) from error
    acts.discard(at, kept_name(want.name))


def go_back(at: Target, want: ContainerParams, error: XcatflowError) -> ActFailed:
    """Bring the old one back, as what was left to do for the new one failed; the error to raise."""
    return _failed(error, bring_back(at, want.name, "running" if want.state in ("running", "paused") else ""))


def _failed(error: XcatflowError, how: str) -> ActFailed:
    return ActFailed(f"{error}; {how}", error.detail if isinstance(error, ActFailed) else "")
