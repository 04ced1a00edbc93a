"""What getting an image takes: loading its archive, pulling it, and what is said where that fails."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from xcatflow.contract import Target
from xcatflow.errors import ActFailed
from xcatflow.model.image import canonical, is_id
from xcatflow.model.question import ImageFacts
from xcatflow.steps.daemons.words import refused
from xcatflow.steps.reference import archive_names
from xcatflow.steps.registry_auth import Credentials
from xcatflow.transport.protocols import ImageWanted


class Wanted(Protocol):
    """What of the wanted image matters to getting it."""

    @property
    def name(self) -> str: ...
    @property
    def archive(self) -> str: ...
    @property
    def file(self) -> Path | None: ...
    @property
    def pull(self) -> str: ...
    @property
    def auth(self) -> Credentials | None: ...
    @property
    def spread(self) -> bool: ...
    @property
    def asks(self) -> bool: ...


def load(at: Target, want: Wanted) -> None:
    """Load the archive. Raises ActFailed where it is none, or holds other images, which are taken away again."""
    file, before = want.file or Path(want.archive), at.docker.images()
    try:
        held = at.docker.load_image(file)
    except ActFailed as error:
        message = f'cannot load image "{want.name}" on {at.name} from "{want.archive}", expected an archive of "docker save": {error}'
        raise refused(error, message) from error
    wanted = canonical(want.name)
    if wanted not in (canonical(name) for name in held):
        _take_away(at, held, before)
        raise ActFailed(
            f'the archive "{want.archive}" does not hold "{wanted}", it holds {", ".join(held) or "nothing with a name"}: '
            f'correct the name, or make the archive anew with "docker save -o FILE {want.name}"'
        )


def pull(at: Target, want: Wanted, digest: str) -> str:
    """Get the image from its registry, which has it under `digest` (empty: not known), or from another daemon. Returns where it came
    from. Raises ActFailed."""
    wanted = ImageWanted(
        canonical(want.name),
        digest,
        fresh=want.asks,
        pull=want.pull != "never" and not is_id(want.name),
        auth=want.auth.towards(want.name) if want.auth else None,
    )
    try:
        return at.fetch_image(wanted, spread=want.spread) or "registry"
    except ActFailed as error:
        message = (
            f'cannot get image "{want.name}" on {at.name}: {tried(want, ", ")}pulling it failed: {error}; {archive_advice(want)}, '
            f"or correct the name or make its registry reachable from {at.name}"
        )
        raise refused(error, message) from error


def _take_away(at: Target, held: Iterable[str], before: Iterable[ImageFacts]) -> None:
    """What an archive brought goes, and names mean what they meant before. What a daemon keeps of it stays: the archive is the error."""
    names = {name: image.id for image in before for name in (image.id, *image.tags)}
    for name in held:
        with suppress(ActFailed):
            at.put_image_back(canonical(name), names.get(canonical(name), ""))


def put_back(at: Target, name: str, id: str) -> None:
    """Let the name mean the image of that id again; what had it meanwhile goes where it has no other. Raises ActFailed."""
    try:
        at.put_image_back(canonical(name), id)
    except ActFailed as error:
        raise refused(error, f'cannot give image "{id}" on {at.name} the name "{name}" back: {error}') from error


def tried(want: Wanted, joint: str) -> str:
    """Where an archive was looked for in vain."""
    names = () if want.asks else archive_names(want.name)
    return f"the site has no {' or '.join(names)}{joint}" if names else ""


def archive_advice(want: Wanted) -> str:
    """Where to put an archive."""
    names = archive_names(want.name)
    if not names:
        return "write a tag instead of the digest and put an archive to images/"
    return f'put an archive of "docker save" to {min(names, key=len)}'
