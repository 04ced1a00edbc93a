"""Small things about images that daemons and registries say alike."""

from collections.abc import Iterable


def short(id: str) -> str:
    """The first twelve digits of an id or digest."""
    return id.removeprefix("sha256:")[:12]


def digest_in(digests: Iterable[str], repository: str, preferred: str = "") -> str:
    """The digest among `repository@digest` that is of this repository, `preferred` if it is there; empty for none."""
    start = f"{repository}@"
    own = [text.removeprefix(start) for text in digests if text.startswith(start)]
    return preferred if preferred in own else next(iter(own), "")
