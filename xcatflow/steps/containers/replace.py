"""A container is replaced, with a way back: the old one is kept until the new one is proven to be well in its place.

Where both can run side by side the new one is started beside the old one, as NAME.xcatflow-new and without the fixed address, and proven;
only then the names are changed, the old one is stopped, and the new one is given the address and proven once more. Where they cannot, the
old one is set aside and stopped first. In both ways the old one is called NAME.xcatflow-old meanwhile. Whatever happens it is put back: it
was only renamed and stopped, so it has its id, its address and its data.

Source: an engine 20.10: a stopped container keeps its networks and fixed addresses, which others may use while it does not run.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from xcatflow.contract import Target
from xcatflow.errors import ActFailed, XcatflowError
from xcatflow.model.change import Verb
from xcatflow.model.container_states import ALIVE
from xcatflow.steps.containers import acts
from xcatflow.steps.containers.apart import obstacles
from xcatflow.steps.containers.labels import identity_labels
from xcatflow.steps.containers.network import End
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.containers.proof import prove
from xcatflow.steps.containers.volumes import inherited
from xcatflow.steps.daemons.words import refused
from xcatflow.transport.protocols import Created


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
    was = _state(old)
    if was == "running" and want.state == "running" and not obstacles(want, old):
        made = _prove_beside(at, want, inherited(want, old))
        _swap(at, want, was, made.id)
    else:
        made = _in_turn(at, want, old, "running" if revive and was not in ALIVE else was)
    acts.discard(at, kept_name(want.name))
    return made.warnings


def _prove_beside(at: Target, want: ContainerParams, handed: Mapping[str, str]) -> Created:
    """Start the new one beside the old one, which runs on whatever happens."""
    trial, id = trial_name(want.name), ""
    at.tell(f'trying the new container "{want.name}" beside the old one')
    try:
        made = acts.create_as(at, want, trial, fixed=False, handed=handed)
        id = made.id
        acts.start(at, want, fresh=True, name=trial)
    except XcatflowError as error:
        with suppress(XcatflowError):
            _take_away(at, want, trial, _of_ours(id, error))
        raise _failed(error, "the old container runs on, untouched") from error
    return made


def _swap(at: Target, want: ContainerParams, was: str, id: str) -> None:
    """Give the new one, which is proven and has this id, the old one's name and address."""
    old = kept_name(want.name)
    try:
        acts.rename(at, want.name, old)
    except XcatflowError:
        acts.clear_away(at, id)
        raise
    stopped = False
    try:
        acts.rename(at, trial_name(want.name), want.name)
        stopped = True
        acts.do(at, Verb.STOP, old, want)
        if want.fixed_address or want.fixed_address6:
            acts.connect(at, want, want.main, was=End())
        prove(at, want, want.name)
    except XcatflowError as error:
        acts.clear_away(at, id)
        raise _failed(error, bring_back(at, want, was if stopped else "", None)) from error


def _in_turn(at: Target, want: ContainerParams, whole: Mapping[str, Any], again: str) -> Created:
    """Stop the old one, which is as inspected, before the new one starts; `again` is the state that it gets back when this fails."""
    old, was, id = kept_name(want.name), _state(whole), ""
    stopped = _set_aside(at, want, was)
    try:
        made = acts.create_as(at, want, want.name, handed=inherited(want, whole))
        id = made.id
        if was in ALIVE and not stopped:
            stopped = True
            acts.do(at, Verb.STOP, old, want)
        if want.state in ("running", "paused") or (want.state == "created" and was in ALIVE):
            acts.start(at, want, fresh=True)
    except XcatflowError as error:
        goes = stopped and bool((whole.get("HostConfig") or {}).get("AutoRemove"))
        back = again if stopped or again != was else ""
        raise _failed(error, bring_back(at, want, back, _of_ours(id, error), gone=goes)) from error
    return made


def _state(whole: Mapping[str, Any]) -> str:
    return str((whole.get("State") or {}).get("Status", ""))


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


def bring_back(
    at: Target, want: ContainerParams, was: str, id: str | None, *, gone: bool = False, used: bool = False
) -> str:
    """Undo a replacement that failed, and take away what was made for it, whose id is `id`: empty where that is not known, None where
    there is none any more. `was` is the state that the old container gets back, empty where it was not stopped; `gone` says that it
    removed itself then, `used` that the new one may have been at work: its volumes stay. How that went, as words."""
    docker, name, old = at.docker, want.name, kept_name(want.name)
    try:
        _take_away(at, want, name, id, volumes=not used)
    except XcatflowError as error:
        return _not_back(old, error)
    if gone:
        return "the old container is gone: it removed itself when it was stopped (AutoRemove)"
    try:  # a controller that is killed between leaves it running under the name by which the next run finds it
        if was in ALIVE:
            docker.start_container(old)
        if was == "paused":
            docker.pause_container(old)
    except XcatflowError as error:
        try:
            docker.rename_container(old, name)
        except XcatflowError as worse:
            return _not_back(old, worse)
        return f'the old container has its name "{name}" back, but could not be started again: {error}'
    try:
        docker.rename_container(old, name)
    except XcatflowError as error:
        return _not_back(old, error)
    if was in ALIVE:  # it had been stopped, and so lost what was put in from the host
        return "the old container is back; an address put in from the host comes back where it is kept, else by configure-ip"
    return "the old container is back as it was"


def _not_back(old: str, error: XcatflowError) -> str:
    return f'and the old container, kept as "{old}", could not be brought back: {error}; the next run tries again'


def _of_ours(id: str, error: XcatflowError) -> str | None:
    """Which container is ours, as `_take_away` wants it: none where the daemon refused to create one."""
    return None if not id and type(error) is ActFailed else id


def _take_away(at: Target, want: ContainerParams, name: str, id: str | None, *, volumes: bool = True) -> None:
    """Remove the new container, called `name`: the one with this id, or, where the id is not known, with the labels that it would have.
    Somebody else's stays."""
    found = at.docker.inspect_container(name) if id is not None else None
    if found is None:
        return
    labels = (found.get("Config") or {}).get("Labels") or {}
    if found.get("Id") == id if id else identity_labels(want).items() <= labels.items():
        acts.remove(at, name, volumes=volumes)


def finish(at: Target, want: ContainerParams, id: str) -> None:
    """End a replacement that was interrupted when the new one, with this id, was in its place: prove it, and remove the old one. Raises
    ActFailed, and then the old one is back."""
    if want.state == "running":
        try:
            prove_running(at, want)
        except XcatflowError as error:
            raise go_back(at, want, id, error) from error
    acts.discard(at, kept_name(want.name))


def prove_running(at: Target, want: ContainerParams) -> None:
    """Prove one that was started before. Raises ActFailed."""
    whole = at.docker.inspect_container(want.name) or {}
    prove(at, want, want.name, restarts=int(whole.get("RestartCount") or 0))


def go_back(at: Target, want: ContainerParams, id: str, error: XcatflowError) -> ActFailed:
    """Bring the old one back, as what was left to do for the new one, with this id, failed; the error to raise."""
    was = "running" if want.state in ("running", "paused") else ""
    return _failed(error, bring_back(at, want, was, id, used=True))


def _failed(error: XcatflowError, how: str) -> ActFailed:
    return ActFailed(f"{error}; {how}", error.detail if isinstance(error, ActFailed) else "")
