"""What files say that nobody hears: attributes written twice in one stanza, files that nothing reads, blocks that no workflow uses."""

import re
from collections.abc import Iterator
from pathlib import Path

from xcatflow.errors import Problem, Source
from xcatflow.load.files import SUFFIXES
from xcatflow.load.sections import SECTIONS
from xcatflow.load.stanza import BLANKS
from xcatflow.load.text import shown_name

_HEAD_CHARS = 16_384
_KEPT_COPIES = ("~", ".bak", ".orig", ".old", ".save", ".rej", ".swp")
_DEFINITIONS = re.compile(rf"^[ \t]*objtype[ \t]*=|^(?:{'|'.join(SECTIONS)}):[ \t]*(?:#.*)?$", re.MULTILINE)
_STEPS = re.compile(r"^(?:steps|workflows):", re.MULTILINE)
_USES = re.compile(r"""\buse:\s*["']?(\.{1,2}/[^\s"',}]+|/[^\s"',}]+)""")


def headers(text: str) -> Iterator[str]:
    """The names of the stanzas in a text."""
    for line in text.split("\n"):
        stripped = line.removesuffix("\r").strip(BLANKS)
        if stripped.endswith(":") and stripped[0] != "#" and "=" not in stripped:
            yield stripped[:-1].strip(BLANKS)


def again(text: str, file: str) -> Iterator[Problem]:
    """A warning for every attribute that is written a second time in its stanza."""
    lines: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        attribute, equals, _ = line.partition("=")
        attribute = attribute.strip(BLANKS)
        if not equals:
            if attribute.endswith((":", ":\r")) and attribute[0] != "#":
                lines.clear()
        elif attribute in lines:
            col = len(line) - len(line.lstrip(BLANKS)) + 1
            message = (
                f'"{attribute}" stands twice in this stanza, first in line {lines[attribute]}: the last one counts'
            )
            yield Problem(message, Source(file, number, col))
        elif attribute and attribute[0] != "#":
            lines[attribute] = number


def unread_definitions(directory: Path) -> Iterator[Problem]:
    """A warning for every file below an inventory that holds definitions by its looks, and is not read because of its name."""
    directory = directory.resolve()
    for path in _files(directory):
        if path.suffix in SUFFIXES or path.name.endswith(_KEPT_COPIES):
            continue
        found = _DEFINITIONS.search(_head(path))
        if found:
            message = f"holds definitions and is not read: only .stanza, .yaml and .yml are; call it {_called(path, found[0])}"
            yield Problem(message, Source(shown_name(path, directory.parent)))


def _called(path: Path, sign: str) -> str:
    """What a file of definitions should be called, by what was found in it."""
    if path.stem.endswith(SUFFIXES):
        return path.stem
    return f"{path.stem}.stanza" if "objtype" in sign else f"{path.stem}.yaml"


def unread_workflows(directory: Path) -> Iterator[Problem]:
    """A warning for every file below `workflows/` that holds steps or a chain by its looks, and is not read: wrong name or place, or a
    block that no workflow uses. What lies in a directory `files` is for hosts, and looked at by nobody here."""
    directory = directory.resolve()
    texts = {path: _head(path, whole=True) for path in _files(directory) if path.suffix in (".yaml", ".yml")}
    used = _used(texts, [path for path in texts if path.parent == directory and path.suffix == ".yaml"])
    for path, text in texts.items():
        source = Source(shown_name(path, directory.parent))
        if path in used or "files" in path.relative_to(directory).parts or not _STEPS.search(text):
            continue
        if path.parent in (directory, directory / "chains"):
            if path.suffix == ".yml":
                yield Problem(f"is not read: workflows and chains end in .yaml; call it {path.stem}.yaml", source)
        elif re.search(r"^workflows:", text, re.MULTILINE):
            yield Problem("is not read: chains stand in workflows/chains/", source)
        elif re.search(r"^(?:nodes|name):", text, re.MULTILINE):
            yield Problem(
                "is not read: workflows stand in workflows/ itself, and no workflow uses it as a block", source
            )
        else:
            yield Problem("is not read: no workflow uses this block", source)


def _used(texts: dict[Path, str], roots: list[Path]) -> set[Path]:
    """The files that workflows are made of."""
    found: set[Path] = set()
    left = list(roots)
    while left:
        path = left.pop()
        if path in found:
            continue
        found.add(path)
        for name in _USES.findall(texts.get(path, "")):
            left.append((path.parent / name).resolve())
    return found


def _files(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(directory).parts):
            yield path


def _head(path: Path, *, whole: bool = False) -> str:
    """The beginning of a file as text; empty where it cannot be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read() if whole else file.read(_HEAD_CHARS)
    except OSError:
        return ""
