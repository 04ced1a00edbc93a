"""How it is told what happens to packages: names with versions, sizes, ages, in texts that stay short."""

from collections.abc import Iterable, Sequence

from xcatflow.steps.packages.outlook import Item, Outlook
from xcatflow.steps.packages.pkglist import Entry

_SHOWN = 6
_STEP = 1000.0


def told(outlook: Outlook, entries: Sequence[Entry], items: Sequence[Item]) -> str:
    """What happens to the entries (none: to all), with versions; then how large it is, and what else happens."""
    names = {entry.name.partition(":")[0] for entry in entries}
    own = [item for item in items if not entries or item.name.partition(":")[0] in names]
    rest = [item for item in items if item not in own]
    lacking = [
        str(entry)
        for entry in entries
        if entry.name.partition(":")[0] not in {item.name.partition(":")[0] for item in own}
    ]
    return cut([*map(shown, own), *lacking]) + aside(outlook, rest)


def aside(outlook: Outlook, rest: Sequence[Item]) -> str:
    """How large it is, and what else happens."""
    sizes = []
    if outlook.download_bytes is not None:
        sizes.append(f"{size_text(outlook.download_bytes)} to fetch")
    if outlook.disk_bytes is not None:
        more = "more" if outlook.disk_bytes >= 0 else "less"
        sizes.append(f"{size_text(abs(outlook.disk_bytes))} {more} on disk")
    parts = [("removes", [item for item in rest if not item.new]), ("with it", [item for item in rest if item.new])]
    others = [f"{words} {cut([shown(item) for item in items])}" for words, items in parts if items]
    return "".join(f"; {text}" for text in (*([", ".join(sizes)] if sizes else ()), *others))


def shown(item: Item) -> str:
    """One package with its versions."""
    if item.old and item.new:
        return f"{item.name} {item.old} -> {item.new}"
    return f"{item.name} {item.new or item.old}".strip()


def listing(items: Iterable[Item]) -> str:
    """All packages, a line for each version that goes or comes."""
    return "".join(
        f"{sign}{item.name} {version}\n"
        for item in items
        for sign, version in (("-", item.old), ("+", item.new))
        if version
    )


def cut(texts: Sequence[str]) -> str:
    """A few, and how many more."""
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def count(names: Sequence[str]) -> str:
    """The one, or how many."""
    return f"package {names[0]}" if len(names) == 1 else f"{len(names)} packages"


def size_text(size_bytes: int) -> str:
    """A size in the largest unit that fits."""
    size, units = float(size_bytes), ["B", "kB", "MB", "GB", "TB"]
    while size >= _STEP and len(units) > 1:
        size, units = size / _STEP, units[1:]
    return f"{size:.3g} {units[0]}"


def age_text(age_s: int) -> str:
    """An age in the largest unit that fits."""
    for unit, size_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if age_s >= size_s:
            return f"{age_s // size_s} {unit}"
    return f"{age_s} s"
