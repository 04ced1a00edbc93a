"""`docker.volume`: a daemon has a volume of this name. Docker cannot change a volume, so one that differs is an error.

Source: Engine API, `/volumes/create` and `DELETE /volumes/NAME`; an engine 20.10 gives the options of a volume back as they were given.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo, XcatflowError
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Question, VolumeFacts
from xcatflow.model.question import Volume as VolumeQuestion
from xcatflow.steps.containers.flags import check_labels
from xcatflow.steps.daemons.words import refused
from xcatflow.steps.given import LenientParams

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+")
_ID = re.compile(r"[0-9a-f]{64}")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            f'expected the name of a volume (two or more letters, digits, "_", "." and "-"), found "{text}"'
        )
    return text


class VolumeParams(LenientParams):
    """One volume of a daemon."""

    name: Annotated[str, AfterValidator(_name)] = Field(description="The volume.")
    driver: str = Field("local", min_length=1, description="Docker's volume driver.")
    options: dict[str, str] = Field(
        default_factory=dict, description="Options of the driver, such as `type`, `device` and `o` of `local`."
    )
    labels: Annotated[dict[str, str], AfterValidator(check_labels)] = Field(
        default_factory=dict, description="Labels of the volume; it may have more."
    )
    state: Literal["present", "absent"] = Field(
        "present", description="`absent` removes it with its data; no container may use it then, running or not."
    )


class DockerVolume(Step[VolumeParams, VolumeFacts]):
    """Made where it is missing; one that differs is refused, with what differs."""

    kind = "docker.volume"
    params: ClassVar[type[Params]] = VolumeParams

    def ask(self, want: VolumeParams) -> tuple[Question[Any], ...]:
        return (VolumeQuestion(want.name),)

    def seen(self, answers: Answers, want: VolumeParams) -> VolumeFacts | None:
        return answers[VolumeQuestion(want.name)]

    def plan(self, seen: VolumeFacts | None, want: VolumeParams) -> tuple[Change, ...]:
        what = f"volume {want.name}"
        if want.state == "absent":
            return (Change(Verb.REMOVE, what),) if seen else ()
        if seen is None:
            return (Change(Verb.CREATE, what, after=want.driver),)
        if differing := tuple(_differing(seen, want)):
            raise ActFailed(
                f'volume "{want.name}" is there and differs: {"; ".join(differing)}; volumes cannot be changed: '
                f'save what is in it and remove it ("docker volume rm {want.name}"), or choose another name'
            )
        return ()

    def apply(self, at: Target, want: VolumeParams, seen: VolumeFacts | None, change: Change) -> None:
        if change.verb is Verb.REMOVE:
            _remove(at, want.name)
            return
        try:
            at.docker.create_volume(volume_body(want))
        except ActFailed as error:
            raise refused(error, f'cannot create volume "{want.name}" on {at.name}: {error}') from error

    def undo(self, at: Target, want: VolumeParams, seen: VolumeFacts | None, change: Change) -> None:
        if change.verb is not Verb.CREATE:
            raise CannotUndo(f'volume "{want.name}" was removed: its data is gone')
        _remove(at, want.name)

    def outputs(self, seen: VolumeFacts | None, want: VolumeParams) -> dict[str, str]:
        return {"name": want.name, "driver": seen.driver if seen else ""}


def volume_body(want: VolumeParams) -> dict[str, Any]:
    """What the Engine API is sent to create the volume."""
    body = {"Name": want.name, "Driver": want.driver, "DriverOpts": want.options, "Labels": want.labels}
    return {key: value for key, value in body.items() if value}


def _differing(seen: VolumeFacts, want: VolumeParams) -> Iterator[str]:
    """Every difference as a sentence. An option more means another place for the data; labels may be anybody's."""
    if seen.driver.removesuffix(":latest") != want.driver.removesuffix(":latest"):
        yield f'driver is "{seen.driver}", expected "{want.driver}"'
    for key in sorted({*seen.options, *want.options}):
        if seen.options.get(key) != want.options.get(key):
            yield f'option "{key}" is {_shown(seen.options, key)}, expected {_shown(want.options, key, "none")}'
    for key, value in want.labels.items():
        if seen.labels.get(key) != value:
            yield f'label "{key}" is {_shown(seen.labels, key)}, expected "{value}"'


def _shown(values: Mapping[str, str], key: str, absent: str = "not set") -> str:
    return f'"{values[key]}"' if key in values else absent


def _remove(at: Target, name: str) -> None:
    try:
        at.docker.remove_volume(name)
    except ActFailed as error:
        users = _users(at, str(error))
        hint = f" (used by {', '.join(users)}: remove them first)" if users else ""
        raise refused(error, f'cannot remove volume "{name}" on {at.name}: {error}{hint}') from error


def _users(at: Target, message: str) -> tuple[str, ...]:
    """The containers that the daemon names by their ids; none where it tells nothing more."""
    ids = set(_ID.findall(message))
    try:
        return tuple(sorted(it.name for it in at.docker.containers() if it.id in ids)) if ids else ()
    except XcatflowError:
        return ()
