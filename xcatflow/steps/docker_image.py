"""`docker.image`: a daemon has an image, loaded from an archive of the site where there is one, pulled from its registry otherwise.

Source: Engine API, `/images/load` (the format of `docker save`), `/images/create`, `/distribution/NAME/json` (from 1.30 on).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from xcatflow.contract import Desk, Params, Step, Target
from xcatflow.errors import ActFailed, CannotTell, CannotUndo, InvalidInput
from xcatflow.model.change import Change, Verb
from xcatflow.model.image import canonical, check_reference, digest_in, is_id, is_pinned, repository_of, short
from xcatflow.model.question import Answers, Image, ImageFacts, Question
from xcatflow.model.question_images import RegistryFacts, RegistryImage
from xcatflow.steps.archives import ids_in
from xcatflow.steps.daemons.words import refused
from xcatflow.steps.given import LenientParams
from xcatflow.steps.image_acts import archive_advice, load, pull, put_back, tried
from xcatflow.steps.reference import archive_names
from xcatflow.steps.registry_auth import Credentials


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
    pull: Literal["missing", "always", "never"] = Field(
        "missing",
        description="`missing` pulls the image where no archive has it, `never` makes that a failure. `always` asks the registry in each "
        "run, and pulls where it has another one; archives that nobody named are left alone then.",
    )
    auth: Credentials | None = Field(
        None,
        description="Who to be to the registry. Left out: what the Docker configuration of who runs xcatflow says.",
    )
    spread: bool = Field(
        False,
        description="Pull it once for all daemons of the run, and copy it from daemon to daemon; those that have it already serve too.",
    )
    state: Literal["present", "absent"] = Field(
        "present", description="`absent` removes this name of the image, and with its last name the image itself."
    )
    file: Path | None = Field(
        None, exclude=True, description="Set by the step: where the archive is on the controller."
    )
    ids: tuple[str, ...] = Field(
        (), exclude=True, description="Set by the step: the ids that the image in the archive may have."
    )

    @model_validator(mode="after")
    def _fits(self) -> "ImageParams":
        if self.archive and is_pinned(self.name):
            raise ValueError(
                f'an archive does not bring the digest of "{self.name}": give a tag, or leave "archive" out'
            )
        if self.archive and self.pull == "always":
            raise ValueError('an "archive" is loaded, "pull: always" asks a registry: leave one of them out')
        if self.spread and self.pull == "never" and is_pinned(self.name):
            raise ValueError(
                f'a copy gets the digest of "{self.name}" from the registry, which "pull: never" forbids to ask: give a tag instead'
            )
        if self.auth:
            self.auth.towards(self.name)
        return self

    @property
    def asks(self) -> bool:
        """Is the registry asked what it has now? Digests and ids say the content themselves."""
        return self.pull == "always" and self.state == "present" and not is_pinned(self.name) and not is_id(self.name)


@dataclass(frozen=True, slots=True)
class Found:
    """The image on the daemon, if it is there, and what its registry has, None where that was not asked or cannot be."""

    image: ImageFacts | None
    registry: RegistryFacts | None = None

    @property
    def id(self) -> str:
        return self.image.id if self.image else ""

    @property
    def digests(self) -> tuple[str, ...]:
        return self.image.digests if self.image else ()


class DockerImage(Step[ImageParams, Found]):
    """Once per daemon, however many nodes want it."""

    kind = "docker.image"
    params: ClassVar[type[Params]] = ImageParams

    def prepare(self, want: ImageParams, desk: Desk) -> ImageParams:
        if want.state == "absent" or (want.pull == "always" and not want.archive):
            return want
        for name in (want.archive,) if want.archive else archive_names(want.name):
            path = desk.path(name)
            if path.is_file():
                return want.model_copy(update={"archive": name, "file": path, "ids": ids_in(path, want.name)})
        if want.archive:
            raise InvalidInput(
                f'no archive "{want.archive}" in the site: make it with "docker save -o FILE {want.name}"'
            )
        return want

    def ask(self, want: ImageParams) -> tuple[Question[Any], ...]:
        return (Image(want.name), *((_registry_question(want),) if want.asks else ()))

    def meets(self, want: ImageParams) -> str:
        """Who has the image decides whether a registry is asked."""
        return f"image {canonical(want.name)}" if want.spread and want.state == "present" else ""

    def seen(self, answers: Answers, want: ImageParams) -> Found | None:
        image = answers[Image(want.name)]
        registry = None
        if want.asks:
            try:
                registry = answers[_registry_question(want)]
            except CannotTell as error:
                raise CannotTell(f'cannot ask the registry for "{want.name}": {error}') from error
        return Found(image, registry) if image or registry else None

    def plan(self, seen: Found | None, want: ImageParams) -> tuple[Change, ...]:
        what, found = f"image {want.name}", seen or Found(None)
        if want.state == "absent":
            return (Change(Verb.REMOVE, what),) if found.image else ()
        if want.archive:
            return _from_archive(found, want, what)
        if want.asks and found.registry:
            return _from_registry(found, found.registry, want, what)
        if found.image is None:
            _refuse_pull(want)
            return (Change(Verb.PULL, what, why=_way(want)),)
        if want.asks:
            why = "this daemon's API cannot ask the registry without pulling"
            return (Change(Verb.PULL, what, why=f"{why}; {_way(want)}" if want.spread else why),)
        return ()

    def apply(self, at: Target, want: ImageParams, seen: Found | None, change: Change) -> dict[str, str] | None:
        match change.verb:
            case Verb.LOAD:
                load(at, want)
            case Verb.PULL:
                digest = seen.registry.digest if seen and seen.registry else ""
                return {"source": pull(at, want, digest)}
            case _:
                _remove(at, want)
        return None

    def made(
        self, seen: Found | None, after: Found | None, want: ImageParams, changes: tuple[Change, ...]
    ) -> tuple[Change, ...]:
        """A pull that was made to see whether there is something new, where there was nothing new, changed nothing."""
        if seen is None or after is None or not want.asks or seen.registry:
            return changes
        return () if after.id == seen.id else changes

    def undo(self, at: Target, want: ImageParams, seen: Found | None, change: Change) -> None:
        if change.verb not in (Verb.LOAD, Verb.PULL):
            raise CannotUndo(f'the image "{want.name}" was removed: that cannot be taken back')
        if seen is None or seen.image is None or is_pinned(want.name):
            _remove(at, want)
        else:
            put_back(at, want.name, seen.image.id)

    def outputs(self, seen: Found | None, want: ImageParams) -> dict[str, str]:
        """`digest` is the one in the image's own repository; empty for one that came in an archive, or was built."""
        if seen is None:
            return {"id": "", "digest": ""}
        registry = seen.registry.digest if seen.registry else ""
        return {"id": seen.id, "digest": digest_in(seen.digests, repository_of(want.name), registry)}


def _registry_question(want: ImageParams) -> RegistryImage:
    auth = want.auth.towards(want.name) if want.auth else None
    return RegistryImage(canonical(want.name), (auth.registry, auth.username, auth.password) if auth else None)


def _way(want: ImageParams) -> str:
    """How it comes, where that is not simply by pulling it."""
    match want.spread, want.pull:
        case True, "never":
            return "from a host that has it"
        case True, _:
            return "once for all hosts, then from host to host"
    return ""


def _from_archive(seen: Found, want: ImageParams, what: str) -> tuple[Change, ...]:
    """Another image under the same name is noticed where the archive tells which it holds. With the containerd image store ids are
    digests, and tell something only of archives that name these."""
    ids, has = want.ids, seen.id
    if not has:
        return (Change(Verb.LOAD, what, why=f"from {want.archive}"),)
    stored_by_digest = any(text.endswith(f"@{has}") for text in seen.digests)
    if not ids or has in ids or (stored_by_digest and len(ids) < 2):
        return ()
    return (Change(Verb.LOAD, what, "id", short(has), short(ids[0]), why=f"{want.archive} has another one"),)


def _from_registry(seen: Found, registry: RegistryFacts, want: ImageParams, what: str) -> tuple[Change, ...]:
    """What the registry has against what is there. An image that was loaded or copied has no digest: then it is not known to be the
    same, and pulling it costs no more than a look where it is."""
    new, has = registry.digest, digest_in(seen.digests, repository_of(want.name), registry.digest)
    if seen.image and (registry.pulled or new == has):
        return ()
    before = (short(has) if has else "unknown") if seen.image else None
    return (Change(Verb.PULL, what, "digest", before, short(new), why=_way(want)),)


def _refuse_pull(want: ImageParams) -> None:
    """Raise ActFailed where only a registry could have the image, and may not or cannot be asked for it."""
    if want.spread and (is_id(want.name) or want.pull == "never"):
        return
    if is_id(want.name):
        raise ActFailed(
            f'the daemon has no image "{want.name}", and an id cannot be pulled: give a name, or an "archive" too'
        )
    if want.pull == "never":
        raise ActFailed(
            f'the daemon has no image "{want.name}": {tried(want, " and ")}"pull: never" asks no registry; {archive_advice(want)}, '
            'or write "pull: missing"'
        )


def _remove(at: Target, want: ImageParams) -> None:
    try:
        at.docker.remove_image(want.name)
    except ActFailed as error:
        raise refused(error, f'cannot remove image "{want.name}" on {at.name}: {error}') from error
