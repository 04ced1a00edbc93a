"""Files that an osimage is made of, found by the names they have by convention, and the system of this machine.

Source: xCAT's manual, "Create osimage": the order in which names are tried; os-release(5).
"""

import platform
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import Template
from types import MappingProxyType

from xcatflow.errors import InvalidInput, reason_of

SHARE = ("share", "/opt/xcat/share/xcat")
"""Where the files are that came with xcatflow, in the site, and with xCAT."""

_PLATFORMS: Mapping[str, str] = MappingProxyType(
    {"rhel": "rh", "rhels": "rh", "centos-stream": "centos", "ubuntu-server": "ubuntu"}
)
_NAMES: Mapping[str, str] = MappingProxyType({"rhel": "rhels", "almalinux": "alma", "opensuse-leap": "leap"})
_OS = re.compile(r"([a-z-]*[a-z])-?([0-9][0-9.]*)?.*")


def find_image_file(
    suffix: str, profile: str, osvers: str, osarch: str, *, method: str, places: Sequence[str], root: Path
) -> str:
    """The file of this suffix (`pkglist`) for a profile and system, empty where there is none. `method` is `install` or `netboot`;
    `places` are tried in order, relative ones begin at `root`."""
    for place in places:
        directory = f"{place}/{method}/{platform_of(osvers)}"
        for name in _names(profile, osvers, osarch):
            if (root / directory / f"{name}.{suffix}").is_file():
                return f"{directory}/{name}.{suffix}"
    return ""


def image_profiles(
    suffix: str, osvers: str, osarch: str, *, method: str, places: Sequence[str], root: Path
) -> tuple[str, ...]:
    """The profiles that have a file of this suffix for a system, sorted."""
    found: set[str] = set()
    for place in places:
        directory = root / place / method / platform_of(osvers)
        found |= {path.name.partition(".")[0] for path in directory.glob(f"*.{suffix}")}
    return tuple(
        profile
        for profile in sorted(found)
        if find_image_file(suffix, profile, osvers, osarch, method=method, places=places, root=root)
    )


def filled_in(file: str, words: Mapping[str, str], *, root: Path) -> str:
    """The lines of a file that are no comments, joined by commas, with `$name` replaced by what `words` say. Raises InvalidInput."""
    try:
        text = (root / file).read_text()
        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        return ",".join(Template(line).substitute(words) for line in lines)
    except (OSError, UnicodeDecodeError) as error:
        why = reason_of(error) if isinstance(error, OSError) else "it is no text"
        raise InvalidInput(f'cannot read "{file}": {why}') from None
    except KeyError as error:
        known = ", ".join(f"${word}" for word in words)
        raise InvalidInput(f'"{file}": expected {known}, found "${error.args[0]}"') from None
    except ValueError:
        raise InvalidInput(f'"{file}": "$" has to stand before a name, "$$" for itself') from None


def platform_of(osvers: str) -> str:
    """What the directory of a system's files is called: `rhels9.4` is `rh`."""
    found = _OS.fullmatch(osvers)
    name = found[1] if found else osvers
    return _PLATFORMS.get(name, name)


def _names(profile: str, osvers: str, osarch: str) -> Iterator[str]:
    for system in _systems(osvers):
        yield f"{profile}.{system}.{osarch}"
        yield f"{profile}.{system}"
    yield f"{profile}.{osarch}"
    yield profile


def _systems(osvers: str) -> Iterator[str]:
    """The system, shorter and shorter: `rhels9.4`, `rhels9`, `rhel9`."""
    short = osvers
    yield short
    while re.search(r"[0-9]\.[0-9]", short):
        short = short.rpartition(".")[0]
        yield short
    if short.startswith("rhels"):
        yield f"rhel{short.removeprefix('rhels')}"


def system_here(release: Path = Path("/etc/os-release")) -> tuple[str, str]:
    """Version and architecture of this machine's system, as osimages name them (`ubuntu22.04`, `x86_64`); empty where not known."""
    try:
        lines = release.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    found: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if equals:
            try:
                found[name.strip()] = "".join(shlex.split(value))
            except ValueError:
                continue
    system = found.get("ID", "")
    if system == "centos" and "Stream" in found.get("NAME", ""):
        system = "centos-stream"
    return f"{_NAMES.get(system, system)}{found.get('VERSION_ID', '')}", platform.machine()
