"""An installation medium: what it says it is, what it says is in it, and what came of copying it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from xcatflow.errors import XcatflowError

Family = Literal["debian", "redhat"]


class CopyFailed(XcatflowError):
    """A medium was not copied; nothing of it is to be seen. `status` is the system's error number, 1 where it is none."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Medium:
    """What a medium is: `name` of the distribution (`ubuntu22.04.4`), `arch` as osimages name it, `own_arch` as the medium does
    (`amd64`), `disc` its number, empty where it has none, `codename` of a Debian or Ubuntu release."""

    family: Family
    name: str
    arch: str
    own_arch: str = ""
    disc: str = ""
    codename: str = ""
    netinst: bool = False
    live: bool = False
    """A medium that runs by itself and has no packages to install from."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What came of copying: numbers of files that were copied, that were there and right, and that the medium's own checksums
    vouch for, by which of its lists; the files without a checksum; what is odd."""

    copied: int
    kept: int
    verified: int
    lists: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class OpenedMedium(Protocol):
    """A medium that can be read."""

    def identify(self, name: str) -> Medium | None:
        """What it is; `name` overrides the distribution's, and helps where the medium does not say it. None where that cannot be told."""
        ...

    def canonical(self, arch: str) -> str:
        """An architecture as osimages name it (`x86_64` for `amd64`); an unknown one as it is."""
        ...

    def is_in(self, directory: Path) -> bool:
        """Was this very disc copied into the directory, to its end?"""
        ...

    def copy(self, medium: Medium, to: Path, told: Callable[[int, int], None]) -> Copied:
        """Copy it into a directory that is there, whole, when this returns, and not before; what was begun earlier is gone on with, what
        is right is not copied again. `told` hears how many bytes of how many are in place.

        Raises CopyFailed, nothing left where the medium is to blame; Locked where somebody else copies to the same place.
        """
        ...
