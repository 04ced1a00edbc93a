"""`docker.image`: a daemon has an image, loaded from an archive of the site where there is one, pulled from its registry otherwise.

Source: Engine API, `/images/load` (the format of `docker save`) and `/images/create`.
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from xcatflow.contract import Desk, Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo, InvalidInput
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Image, ImageFacts, Question
from xcatflow.steps.daemon_words import refused
from xcatflow.steps.given import LenientParams
from xcatflow.steps.reference import archive_names, canonical, check_reference, is_id, is_pinned


class ImageParams(LenientParams):
    """One image."""

    name: Annotated[str, AfterValidator(check_reference)] = Field(
        description="The image, such as `debian:12`; without a tag `latest` is meant."
    )
    archive: str = Field(
        "",
        description="An archive made by `docker save`, a path in the site. Left out: `images/NAME.tar` where there is one, with `/` and "
        "`:` of the name written as `_` and without `latest`, such as `images/busybox.tar`.",
    )
    pull: Literal["missing", "never"] = Field(
        "missing", description="`missing` pulls the image where no archive has it, `never` makes that a failure."
    )
    state: Literal["present", "absent"] = Field(
        "present", description="`absent` removes this name of the image, and with its last name the image itself."
    )
    file: Path | None = Field(
        None, exclude=True, description="Set by the step: where the archive is on the controller."
    )

    @model_validator(mode="after")
    def _fits(self) -> "ImageParams":
        if self.archive and is_pinned(self.name):
            raise ValueError(
                f'an archive does not bring the digest of "{self.name}": give a tag, or leave "archive" out'
            )
        return self


class DockerImage(Step[ImageParams, ImageFacts]):
    """Once per daemon, however many nodes want it."""

    kind = "docker.image"
    params: ClassVar[type[Params]] = ImageParams

    def prepare(self, want: ImageParams, desk: Desk) -> ImageParams:
        if want.state == "absent":
            return want
        for name in (want.archive,) if want.archive else archive_names(want.name):
            path = desk.path(name)
            if path.is_file():
                return want.model_copy(update={"archive": name, "file": path})
        if want.archive:
            raise InvalidInput(
                f'no archive "{want.archive}" in the site: make it with "docker save -o FILE {want.name}"'
            )
        return want

    def ask(self, want: ImageParams) -> tuple[Question[Any], ...]:
        return (_question(want),)

    def seen(self, answers: Answers, want: ImageParams) -> ImageFacts | None:
        return answers[_question(want)]

    def plan(self, seen: ImageFacts | None, want: ImageParams) -> tuple[Change, ...]:
        what = f"image {want.name}"
        match want.state, seen:
            case "absent", None:
                return ()
            case "absent", _:
                return (Change(Verb.REMOVE, what),)
            case _, None if want.archive:
                return (Change(Verb.LOAD, what, why=f"from {want.archive}"),)
            case _, None:
                _refuse_pull(want)
                return (Change(Verb.PULL, what),)
        return ()

    def apply(self, at: Target, want: ImageParams, seen: ImageFacts | None, change: Change) -> None:
        match change.verb:
            case Verb.LOAD:
                _load(at, want)
            case Verb.PULL:
                _pull(at, want)
            case _:
                _remove(at, want)

    def undo(self, at: Target, want: ImageParams, seen: ImageFacts | None, change: Change) -> None:
        if change.verb not in (Verb.LOAD, Verb.PULL):
            raise CannotUndo(f'the image "{want.name}" was removed: that cannot be taken back')
        _remove(at, want)

    def outputs(self, seen: ImageFacts | None, want: ImageParams) -> dict[str, str]:
        return {"id": seen.id if seen else ""}


def _question(want: ImageParams) -> Image:
    return Image(canonical(want.name))


def _refuse_pull(want: ImageParams) -> None:
    """Raise ActFailed where only a registry could have the image, and may not or cannot be asked for it."""
    if is_id(want.name):
        raise ActFailed(
            f'the daemon has no image "{want.name}", and an id cannot be pulled: give a name, or an "archive" too'
        )
    if want.pull == "never":
        raise ActFailed(
            f'the daemon has no image "{want.name}": {_tried(want, " and ")}"pull: never" asks no registry; {_archive_advice(want)}, '
            'or write "pull: missing"'
        )


def _load(at: Target, want: ImageParams) -> None:
    file = want.file or Path(want.archive)
    try:
        held = at.docker.load_image(file)
    except ActFailed as error:
        message = f'cannot load image "{want.name}" on {at.name} from "{want.archive}", expected an archive of "docker save": {error}'
        raise refused(error, message) from error
    wanted = canonical(want.name)
    if wanted not in (canonical(name) for name in held):
        raise ActFailed(
            f'the archive "{want.archive}" does not hold "{wanted}", it holds {", ".join(held) or "nothing with a name"}: '
            f'correct the name, or make the archive anew with "docker save -o FILE {want.name}"'
        )


def _pull(at: Target, want: ImageParams) -> None:
    try:
        at.docker.pull_image(want.name)
    except ActFailed as error:
        message = (
            f'cannot get image "{want.name}" on {at.name}: {_tried(want, ", ")}pulling it failed: {error}; {_archive_advice(want)}, '
            f"or correct the name or make its registry reachable from {at.name}"
        )
        raise refused(error, message) from error


def _remove(at: Target, want: ImageParams) -> None:
    try:
        at.docker.remove_image(want.name)
    except ActFailed as error:
        raise refused(error, f'cannot remove image "{want.name}" on {at.name}: {error}') from error


def _tried(want: ImageParams, joint: str) -> str:
    names = archive_names(want.name)
    return f"the site has no {' or '.join(names)}{joint}" if names else ""


def _archive_advice(want: ImageParams) -> str:
    names = archive_names(want.name)
    if not names:
        return "write a tag instead of the digest and put an archive to images/"
    return f'put an archive of "docker save" to {min(names, key=len)}'
