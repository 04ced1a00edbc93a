"""What package managers print about what they would do, as values.

Source: apt-get(8) -s (`Inst NAME [OLD] (NEW ...)`, `Remv NAME [OLD]`), the tables of dnf(8), the XML of zypper(8).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xcatflow.steps.packages.look import Section
from xcatflow.steps.packages.manager import failed_words, unknown_names
from xcatflow.steps.packages.ways import Way

_APT = re.compile(r"^(Inst|Remv) (\S+)(?: \[([^\]]+)\])?(?: \((\S+) )?", re.MULTILINE)
_APT_SIZE = re.compile(r"^Need to get ([\d.,]+) ([kMGT]?B)", re.MULTILINE)
_APT_DONE = re.compile(r"^(?:Inst|Conf) ([^\s:]+)", re.MULTILINE)
_APT_THERE = re.compile(r"^(\S+) is already the newest version", re.MULTILINE)
_APT_DISK = re.compile(
    r"^After this operation, ([\d.,]+) ([kMGT]?B) (?:of additional )?disk space will be (used|freed)", re.MULTILINE
)
_DNF_SIZE = re.compile(r"^Total download size: ([\d.]+) ?([kMGT]?)", re.MULTILINE)
_DNF_DISK = re.compile(r"^(Installed size|Freed space): ([\d.]+) ?([kMGT]?)", re.MULTILINE)
_DNF_ROW = re.compile(r"^ (\S+) +(\S+) +(\S+) +(\S+) +[\d.]+ *[kMGT]?$")
_DNF_GROUP = re.compile(r" {2,}(\S.*?)(?: \(([^()\s]+)\))?(?: \[[^\]]*\])?\s*")
_ABORTED = "Operation aborted."
_BROKEN = ("--fix-broken install", "needs to be reinstalled, but", "dpkg was interrupted")
_FACTORS: Mapping[str, int] = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_CHANGES = ("to-install", "to-upgrade", "to-downgrade", "to-reinstall", "to-change-arch", "to-change-vendor")


@dataclass(frozen=True, slots=True)
class Item:
    """One package: the version there is (empty: none) and the one that would be (empty: none)."""

    name: str
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an act would do. Sizes are bytes, None where not told; `disk_bytes` is how much more is used afterwards, negative where it is
    less. `unknown` are entries, `name` or `name=version`, that the index has not; `error` says why else it cannot be done; `broken`: an
    earlier installation was left half-done, so that there is no telling. `virtual` are entries that are no packages, each with the one that
    provides it (empty: not told), and so would never count as installed."""

    items: tuple[Item, ...] = ()
    download_bytes: int | None = None
    disk_bytes: int | None = None
    unknown: tuple[str, ...] = ()
    error: str = ""
    broken: bool = False
    virtual: tuple[tuple[str, str], ...] = ()


def outlook(way: Way, section: Section) -> Outlook:
    """What a package manager said it would do."""
    match way:
        case "apt":
            return _apt(section)
        case "dnf":
            return _dnf(section)
        case _:
            return _zypper(section)


def virtual(way: Way, section: Section, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Those of the packages to be installed which apt would not install, since another one provides them, each with that one."""
    found = outlook(way, section)
    if way != "apt" or found.unknown or found.error or found.broken:
        return ()
    done = set(_APT_DONE.findall(section.text))
    there = _APT_THERE.findall(section.text)
    lacking = [name for name in names if name.partition(":")[0] not in done]
    only = there[0] if len(there) == len(lacking) == 1 else ""
    return tuple((name, only) for name in lacking)


def free_bytes(section: Section) -> tuple[tuple[str, int], ...]:
    """(mount point, free bytes) of the places that `df -Pk` was asked for, in their order; empty where it did not say."""
    rows = (line.split() for line in section.text.splitlines()[1:])
    return tuple((row[5], int(row[3]) * 1024) for row in rows if len(row) == 6 and row[3].isdigit())


def updates(way: Way, section: Section) -> dict[str, str]:
    """Newest versions by name, of those that the index knows."""
    match way:
        case "apt":
            found = re.findall(r"^(\S+):\n(?: .*\n)*?  Candidate: (\S+)", section.text, re.MULTILINE)
            return {name: version for name, version in found if version != "(none)"}
        case "dnf":
            listed = section.text.partition("\nObsoleting Packages")[0]
            return dict(re.findall(r"^(\S+)\.[a-z0-9_]+ +(\S+) +\S+$", listed, re.MULTILINE))
        case _:
            rows = _elements(section.text, "update")
            return {row["name"]: row["edition"] for row in rows if row.get("kind", "package") == "package"}


def holds(way: Way, section: Section) -> frozenset[str]:
    """The packages that are held."""
    match way:
        case "apt":
            return frozenset(section.text.split())
        case "dnf":
            return frozenset(re.findall(r"^(?!!)(\S+)-\d+:[^-\s]+-[^-\s]+\.\S+$", section.text, re.MULTILINE))
        case _:
            return frozenset(re.findall(r"<name>([^<*?]+)</name><type>package</type>", section.text))


def groups(way: Way, section: Section) -> frozenset[str]:
    """The groups or patterns that are installed, in small letters; groups by name and by id."""
    if way == "zypper":
        return frozenset(row["name"].lower() for row in _elements(section.text, "solvable"))
    found = (match for match in map(_DNF_GROUP.fullmatch, section.text.lower().splitlines()) if match)
    return frozenset(name for match in found for name in match.groups() if name)


def _bytes(number: str, unit: str) -> int:
    return round(float(number.replace(",", "")) * _FACTORS[unit.removesuffix("B")])


def _refused(text: str) -> Outlook:
    if any(words in text for words in _BROKEN):
        return Outlook(broken=True)
    if unknown := unknown_names(text):
        return Outlook(unknown=unknown)
    told = [
        line.strip()
        for line in text.splitlines()
        if " : Depends: " in line or line.startswith(("E:", "Error", " Problem"))
    ]
    return Outlook(error="; ".join(told[:4]) or failed_words(text) or "it did not say why")


def _apt(section: Section) -> Outlook:
    if section.code > 1 or "\nE: " in f"\n{section.text}":
        return _refused(section.text)
    items = {
        name: Item(name, old, "" if verb == "Remv" else new) for verb, name, old, new in _APT.findall(section.text)
    }
    size, disk = _APT_SIZE.search(section.text), _APT_DISK.search(section.text)
    sign = -1 if disk and disk[3] == "freed" else 1
    return Outlook(
        tuple(sorted(items.values(), key=lambda item: item.name)),
        _bytes(size[1], size[2]) if size else None,
        sign * _bytes(disk[1], disk[2]) if disk else None,
    )


def _dnf(section: Section) -> Outlook:
    if _ABORTED not in section.text and section.code:
        return _refused(section.text)
    olds: dict[str, str] = {}
    news: dict[str, str] = {}
    kind = ""
    for line in _unwrapped(section.text.splitlines()):
        if line and not line.startswith(" ") and line.endswith(":"):
            kind = line
        elif match := _DNF_ROW.match(line):
            target = olds if kind.startswith("Removing") else news
            target[match[1]] = match[3]
    size, disk = _DNF_SIZE.search(section.text), _DNF_DISK.search(section.text)
    sign = -1 if disk and disk[1] == "Freed space" else 1
    items = [Item(name, olds.get(name, ""), news.get(name, "")) for name in sorted({*olds, *news})]
    download = _bytes(size[1], size[2]) if size else None
    return Outlook(tuple(items), download, sign * _bytes(disk[2], disk[3]) if disk else None)


def _unwrapped(lines: Iterable[str]) -> Iterable[str]:
    """Rows of dnf's tables in one line each: where something is too long for its column, the rest of the row is in the next line."""
    held = ""
    for line in lines:
        if held and line.startswith("  "):
            held += line
        elif line.startswith(" ") and not _DNF_ROW.match(line):
            held = line
        else:
            held = ""
            yield line
        if held and _DNF_ROW.match(held):
            yield held
            held = ""


def _zypper(section: Section) -> Outlook:
    found = re.search(r"<install-summary.*</install-summary>", section.text, re.DOTALL)
    unknown = unknown_names(_plain(section.text))
    if unknown or found is None:
        return Outlook(unknown=unknown) if unknown else _refused(_messages(section.text))
    items: list[Item] = []
    for tag in (*_CHANGES, "to-remove"):
        for part in re.findall(rf"<{tag}>(.*?)</{tag}>", found[0], re.DOTALL):
            for row in _elements(part, "solvable"):
                name, edition, old = row.get("name", ""), row.get("edition", ""), row.get("edition-old", "")
                items.append(Item(name, edition, "") if tag == "to-remove" else Item(name, old, edition))
    summary = _elements(found[0], "install-summary")[0]
    download, disk = summary.get("download-size", ""), summary.get("space-usage-diff", "")
    return Outlook(
        tuple(sorted(items, key=lambda item: item.name)),
        int(download) if download.isdigit() else None,
        int(disk) if re.fullmatch(r"-?\d+", disk) else None,
    )


def _plain(text: str) -> str:
    return (
        text.replace("&apos;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", '"')
        .replace("&amp;", "&")
    )


def _messages(text: str) -> str:
    told = re.findall(r'<message type="(?:error|warning)">([^<]*)</message>', text)
    told += re.findall(r"^<description>(Problem: .*)$", text, re.MULTILINE)
    return _plain("\n".join(f"Error: {words}" for words in told) or text)


def _elements(text: str, tag: str) -> list[dict[str, str]]:
    return [
        {name: _plain(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', found)}
        for found in re.findall(rf"<{tag} ([^>]*)>", text)
    ]
