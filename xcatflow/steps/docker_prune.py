"""`docker.prune`: what nothing on a daemon uses any more is removed, each thing by its id, as the plan named it.

Docker's own pruning removes what is unused when it comes to it; here a plan names everything, and nothing else goes. Kept back are
containers that xcatflow made (they are nodes, and go with their node), and whatever a container that is stopped still needs.

Source: Engine API, listings of containers, images, networks and volumes; `docker image prune` for what dangling means.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.docker_api import speaks
from xcatflow.model.duration import Duration
from xcatflow.model.image import canonical, repository_of, short
from xcatflow.model.question import Answers, ImageFacts, Question
from xcatflow.model.question_images import Unused, UnusedFacts
from xcatflow.steps.containers.labels import NODE
from xcatflow.steps.daemons.words import refused

_AGED = ("containers", "images")
_DAY_S = 86400.0
_ONE_NAME_IS_ONE = "1.25"
"""From this API on an image with a tag and its digest has one name to a daemon, as `docker rmi` counts; before, it has two."""


def _label(text: str) -> str:
    if not text.partition("=")[0].strip():
        raise ValueError(f'expected a label such as "stage" or "stage=test", found "{text}"')
    return text


class PruneParams(Params):
    """What may go; of several conditions all must hold."""

    what: Literal["images", "containers", "networks", "volumes"] = Field(
        description="What to remove where nothing uses it. Volumes hold data: they are never removed along with anything else."
    )
    until: Duration | None = Field(
        None,
        description="Only what is older, such as `30 d`: containers since they were made, images since they were built.",
    )
    label: tuple[Annotated[str, AfterValidator(_label)], ...] = Field(
        (), description="Only what has all these labels, `NAME` or `NAME=VALUE`."
    )
    dangling: bool = Field(
        False, description="Only images without a tag: those whose name another image has got since."
    )
    keep: tuple[str, ...] = Field(
        (),
        description="Images to keep, used or not: names such as `debian:12`; without a tag all tags are meant, `*` stands for anything. "
        "For other things their names.",
    )

    @model_validator(mode="after")
    def _fits(self) -> "PruneParams":
        if self.dangling and self.what != "images":
            raise ValueError(f'"dangling" is about images, found "what: {self.what}"')
        if self.until is not None and self.what not in _AGED:
            raise ValueError(f'"until" is about images and containers: listings do not tell the age of {self.what}')
        return self


@dataclass(frozen=True)
class Leftovers:
    """What nothing uses, as it was listed; `named` finds it by what its change says."""

    things: tuple[UnusedFacts, ...]

    @cached_property
    def named(self) -> Mapping[tuple[str, str], UnusedFacts]:
        return {(_named(it), _key(it)): it for it in self.things}


class DockerPrune(Step[PruneParams, Leftovers]):
    """Converged when nothing is left that may go."""

    kind = "docker.prune"
    params: ClassVar[type[Params]] = PruneParams
    follows: ClassVar[tuple[str, ...]] = ("docker.container", "docker.image")

    def ask(self, want: PruneParams) -> tuple[Question[Any], ...]:
        return (Unused(want.what),)

    def seen(self, answers: Answers, want: PruneParams) -> Leftovers | None:
        return Leftovers(answers[Unused(want.what)])

    def plan(self, seen: Leftovers | None, want: PruneParams) -> tuple[Change, ...]:
        going = sorted(_going(seen.things if seen else (), want), key=lambda it: (it.names, it.id))
        return tuple(_change(it, want) for it in going)

    def apply(self, at: Target, want: PruneParams, seen: Leftovers | None, change: Change) -> None:
        assert seen is not None
        thing = seen.named[change.what.partition(" ")[2], change.field]
        try:
            match want.what:
                case "images":
                    _remove_image(at, thing)
                case "containers":
                    at.docker.remove_container(thing.id, force=False)
                case "networks":
                    at.docker.remove_network(thing.id)
                case "volumes":
                    at.docker.remove_volume(thing.id)
        except ActFailed as error:
            raise refused(error, f"cannot remove {change.what} on {at.name}: {error}") from error

    def undo(self, at: Target, want: PruneParams, seen: Leftovers | None, change: Change) -> None:
        raise CannotUndo(f"{change.what} was removed: that cannot be taken back")


def _change(it: UnusedFacts, want: PruneParams) -> Change:
    return Change(Verb.REMOVE, f"{want.what.removesuffix('s')} {_named(it)}", _key(it), _told(it))


def _going(things: tuple[UnusedFacts, ...], want: PruneParams) -> Iterator[UnusedFacts]:
    for it in things:
        young = want.until is not None and (it.age_s is None or it.age_s < want.until)
        if young or not all(_has(it.labels, label) for label in want.label) or _kept(it, want):
            continue
        if want.dangling and _tags(it):
            continue
        yield it


def _kept(it: UnusedFacts, want: PruneParams) -> bool:
    if want.what == "containers" and NODE in it.labels:
        return True
    if want.what != "images":
        return any(fnmatchcase(name, pattern) for name in it.names for pattern in want.keep)
    return any(_means(pattern, name) for name in (*it.names, it.id) for pattern in want.keep)


def _means(pattern: str, reference: str) -> bool:
    """Is it one of the images that the pattern names? Being generous costs disk only."""
    name, listed = canonical(pattern), canonical(reference)
    tagged = pattern.rfind(":") > pattern.rfind("/") or "@" in pattern
    if tagged:
        return fnmatchcase(listed, name) or fnmatchcase(listed, pattern)
    return fnmatchcase(repository_of(reference), name.removesuffix(":latest"))


def _has(labels: Mapping[str, str], wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return name in labels and (not equals or labels[name] == value)


def _tags(it: UnusedFacts) -> tuple[str, ...]:
    return tuple(name for name in it.names if "@" not in name)


def _named(it: UnusedFacts) -> str:
    return " ".join(_tags(it)) or "without a name"


def _key(it: UnusedFacts) -> str:
    """What tells one from the others; a volume's name is all it has."""
    return "" if it.names == (it.id,) else short(it.id)


def _told(it: UnusedFacts) -> str | None:
    """Its size, and for how long it has been there."""
    size = f"{it.size_bytes / 1e6:.1f} MB" if it.size_bytes is not None else ""
    days = int((it.age_s or 0) // _DAY_S)
    age = f"{days} day{'' if days == 1 else 's'} old" if days else ""
    return ", ".join(text for text in (size, it.state, age) if text) or None


def _remove_image(at: Target, it: UnusedFacts) -> None:
    """All its names, and with the last one the image. Names go only while no container has it."""
    docker = at.docker
    for turn in range(len(it.names) + 1):
        if (now := docker.inspect_image(it.id)) is None:
            return
        if grown := set(now.tags) - set(it.names):
            raise ActFailed(f"it has another name by now: {', '.join(sorted(grown))}")
        if turn == 0 and _loses_names(at, now):
            _refuse_used(at, now)
        docker.remove_image(next(iter((*now.tags, *now.digests)), it.id))


def _loses_names(at: Target, now: ImageFacts) -> bool:
    """Would the daemon take a name from an image that a container has? Without force it refuses no more than the last one."""
    return len(now.tags) > 1 or (bool(now.digests) and not speaks(at.docker.daemon().api, _ONE_NAME_IS_ONE))


def _refuse_used(at: Target, now: ImageFacts) -> None:
    if user := next((one.name for one in at.docker.containers() if one.image_id == now.id), ""):
        raise ActFailed(f'the container "{user}" has it by now')
