"""A medium as commands see it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from xcatflow.media.copying import Copying
from xcatflow.media.identify import canonical, identify
from xcatflow.media.iso import Image
from xcatflow.media.manifest import discs_in
from xcatflow.media.tidy import tidy
from xcatflow.model.medium import Copied, Medium


@dataclass(slots=True)
class Opened:
    """An OpenedMedium that is read from an image."""

    image: Image

    def identify(self, name: str) -> Medium | None:
        return identify(self.image.text, self.image.entries.keys(), name)

    def canonical(self, arch: str) -> str:
        return canonical(arch)

    def is_in(self, directory: Path) -> bool:
        return Copying(self.image).disc in discs_in(directory)

    def copy(self, medium: Medium, to: Path, told: Callable[[int, int], None]) -> Copied:
        return Copying(self.image, partial(tidy, medium), told).to(to)


@contextmanager
def open_medium(path: Path) -> Iterator[Opened]:
    """An ISO image, or a drive with a disc. Raises InvalidInput: it cannot be read, is no image, or is truncated."""
    with Image(path) as image:
        yield Opened(image)
