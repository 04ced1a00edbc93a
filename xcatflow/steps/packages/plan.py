"""What `package.present` has to do: changes from what was seen, each with the act that makes it, and what speaks against them. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from xcatflow.errors import ActFailed, CannotTell, InvalidInput, Problem, did_you_mean
from xcatflow.model.change import Change, Verb
from xcatflow.steps.packages.outlook import Item, Outlook
from xcatflow.steps.packages.params import PackageParams, entries_of, environment_of, followed_of, installs_of, lists_of
from xcatflow.steps.packages.pkglist import Entry, PackageList
from xcatflow.steps.packages.ways import Way
from xcatflow.steps.packages.words import age_text, aside, count, cut, listing, size_text, told

Phase = Literal["before", "install", "after"]


@dataclass(frozen=True, slots=True)
class Packages:
    """What is known of a machine's packages: installed versions by name (None: not installed), the newest ones that its index knows, what
    is held, which groups are installed. `outlooks` are what acts would do, by list and phase (`1 install`); `near` and `versions` are what
    there is instead of an unknown entry, by its name; `index_error` says why the index could not be fetched."""

    installed: dict[str, str | None]
    newest: dict[str, str] = field(default_factory=dict)
    way: Way | None = None
    index_age_s: int | None = None
    held: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    everything: Outlook | None = None
    outlooks: Mapping[str, Outlook] = field(default_factory=dict)
    near: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    free: tuple[tuple[str, int], ...] = ()
    index_error: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to do. `environment` is the package manager's."""

    sort: Literal["index", "install", "remove", "everything", "hold", "release"]
    entries: tuple[Entry, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


def open_entries(seen: Packages, want: PackageParams, listed: PackageList, phase: Phase) -> tuple[Entry, ...]:
    """What is left to do of a list in a phase."""
    match phase:
        case "before":
            return tuple(entry for entry in listed.before if _there(seen, entry))
        case "after":
            return tuple(entry for entry in listed.after if _there(seen, entry))
        case _:
            return (*_missing(seen, want, listed), *_other_versions(seen, want, listed))


def acts(seen: Packages, want: PackageParams) -> Iterator[tuple[Change, Act]]:
    """Changes in their order, each with its act. Raises InvalidInput for entries that are not to be had, ActFailed where something cannot
    be done: nothing is installed then."""
    _refuse(seen, want)
    if change := _index_change(seen, want):
        yield change, Act("index")
    for number, listed in enumerate(lists_of(want)):
        environment = environment_of(want, listed)
        of = f"of list {number + 1}" if number else ""
        if before := open_entries(seen, want, listed, "before"):
            why = "before the others are installed"
            yield _removal(seen, before, of, f"{number} before", why), Act("remove", before, environment)
        yield from _installs(seen, want, listed, of, f"{number} install", environment)
        if after := open_entries(seen, want, listed, "after"):
            yield _removal(seen, after, of, f"{number} after", ""), Act("remove", after, environment)
    if seen.everything and (items := _upgrades(seen)):
        names = [item.name for item in items]
        all_of_it = told(seen.everything, (), items)
        change = Change(Verb.UPDATE, count(names), "everything", after=all_of_it, diff=listing(items))
        yield change, Act("everything", (), tuple(want.environment.items()))
    yield from _holds(seen, want)


def _installs(
    seen: Packages,
    want: PackageParams,
    listed: PackageList,
    of: str,
    key: str,
    environment: tuple[tuple[str, str], ...],
) -> Iterator[tuple[Change, Act]]:
    missing, other = _missing(seen, want, listed), _other_versions(seen, want, listed)
    outlook = seen.outlooks.get(key) or Outlook()
    why = "an installation was left half-done: it is finished first" if outlook.broken else ""
    items = _filled(seen, outlook.items)
    diff = listing(items)
    if missing:
        names = [str(entry) for entry in missing]
        after = ", ".join(names) if len(names) > 1 else None
        if items:
            changing = {entry.name for entry in other}
            after = told(outlook, missing, tuple(item for item in items if item.name not in changing))
        yield (
            Change(Verb.INSTALL, count(names), of, after=after, why=why, diff=diff),
            Act("install", missing, environment),
        )
    if other:
        names = [entry.name for entry in other]
        after = cut([f"{entry.name} {seen.installed[entry.name]} -> {entry.version}" for entry in other])
        if items and not missing:
            after += aside(outlook, [item for item in items if item.name not in names])
        what = "package" if len(other) == 1 else f"{len(other)} packages"
        pins = {entry.name: entry for entry in listed.install}
        yield (
            Change(Verb.UPDATE, what, of, after=after, why=why, diff="" if missing else diff),
            Act("install", tuple(pins[name] for name in names), environment),
        )


def _removal(seen: Packages, entries: tuple[Entry, ...], of: str, key: str, why: str) -> Change:
    names = [entry.name for entry in entries]
    outlook = seen.outlooks.get(key)
    with_it = [item.name for item in outlook.items if not item.new and item.name not in names] if outlook else []
    before = ", ".join(names) if len(names) > 1 else None
    if with_it:
        before = f"{', '.join(names)}; with it {cut(with_it)}"
    diff = listing(outlook.items) if outlook and outlook.items else ""
    return Change(Verb.REMOVE, count(names), of, before=before, why=why, diff=diff)


def _holds(seen: Packages, want: PackageParams) -> Iterator[tuple[Change, Act]]:
    names = [entry.name for entry in installs_of(want)]
    if want.hold and (loose := [name for name in names if name not in seen.held]):
        entries = tuple(Entry(name) for name in loose)
        yield Change(Verb.UPDATE, count(loose), "hold", after=", ".join(loose)), Act("hold", entries)
    if want.hold is False and (tied := [name for name in names if name in seen.held]):
        entries = tuple(Entry(name) for name in tied)
        yield Change(Verb.UPDATE, count(tied), "hold", before=", ".join(tied)), Act("release", entries)


def _index_change(seen: Packages, want: PackageParams) -> Change | None:
    """With `refresh: always` an index that is too old is a difference in its own right."""
    if want.refresh != "always" or seen.way is None:
        return None
    if seen.index_age_s is not None and seen.index_age_s <= want.index_age:
        return None
    age = "there is none" if seen.index_age_s is None else f"it is {age_text(seen.index_age_s)} old"
    return Change(Verb.UPDATE, "package index", why=f"{age}; listed packages that turn out to be outdated are upgraded")


# --- what speaks against it ---


def _refuse(seen: Packages, want: PackageParams) -> None:
    entries = {str(entry): entry for entry in entries_of(want)} | {
        f"{entry.name}-{entry.version}": entry for entry in entries_of(want)
    }
    problems: list[Problem] = []
    if seen.way == "apt":
        for entry in entries_of(want):
            if entry.group:
                problems.append(
                    Problem(
                        f'"{entry.name}" is a group of packages, and apt has none: list its packages, or one that stands for them '
                        'such as "task-ssh-server"',
                        entry.source,
                    )
                )
    for outlook in seen.outlooks.values():
        for name in outlook.unknown:
            entry = entries.get(name) or entries.get(name.partition("=")[0]) or Entry(name)
            problems.append(Problem(_unknown(seen, entry), entry.source))
        for name, real in outlook.virtual:
            which = f'"{real}"' if real else f'that one, which "apt-cache showpkg {name}" tells'
            said = f'"{name}" is no package, but what another one provides: list {which}'
            problems.append(Problem(said, entries.get(name, Entry(name)).source))
    if problems:
        raise InvalidInput(problems)
    for outlook in seen.outlooks.values():
        if outlook.error:
            raise ActFailed(f"the package manager refuses: {outlook.error}")
    _fits(seen)


def _unknown(seen: Packages, entry: Entry) -> str:
    known = seen.near.get(entry.name, ())
    versions = seen.versions.get(entry.name, ())
    fetched = f"; its index could not be fetched: {seen.index_error}" if seen.index_error else ""
    if entry.version and versions:
        return f'the package sources have "{entry.name}" in no version "{entry.version}", found {", ".join(versions[-5:])}{fetched}'
    if fetched:
        return f'the package index does not know "{entry}"{did_you_mean(entry.name, known)}{fetched}'
    hint = did_you_mean(entry.name, known) or ": check the name, or add a source"
    return f'the package sources have no "{entry}"{hint}'


def _fits(seen: Packages) -> None:
    """Raises ActFailed where what is to be installed is clearly larger than the room there is."""
    found = [*seen.outlooks.values(), *((seen.everything,) if seen.everything else ())]
    grown = sum(outlook.disk_bytes or 0 for outlook in found)
    fetched = sum(outlook.download_bytes or 0 for outlook in found)
    needed: dict[str, int] = {}
    free: dict[str, int] = {}
    for (mount, room), size in zip(seen.free, (grown, fetched), strict=False):
        needed[mount] = needed.get(mount, 0) + size
        free[mount] = room
    for mount, size in needed.items():
        if size > free[mount]:
            raise ActFailed(
                f'{size_text(size)} are needed in "{mount}", {size_text(free[mount])} are free: make room first'
            )


# --- what is there ---


def _there(seen: Packages, entry: Entry) -> bool:
    if entry.group:
        return entry.name[1:].lower() in seen.groups
    return bool(seen.installed.get(entry.name))


def _missing(seen: Packages, want: PackageParams, listed: PackageList) -> tuple[Entry, ...]:
    def stood_for(entry: Entry) -> bool:
        return any(seen.installed.get(name) for name in want.instead.get(entry.name, ()))

    return tuple(entry for entry in listed.install if not _there(seen, entry) and not stood_for(entry))


def _other_versions(seen: Packages, want: PackageParams, listed: PackageList) -> tuple[Entry, ...]:
    """Installed packages that are to get another version, with that version."""
    found: list[Entry] = []
    followed = frozenset(followed_of(want))
    for entry in listed.install:
        installed = seen.installed.get(entry.name)
        if not installed or entry.group:
            continue
        if entry.version and not _is_version(installed, entry.version):
            found.append(entry)
        elif not entry.version and entry.name in followed and (want.hold or entry.name not in seen.held):
            newest = seen.newest.get(entry.name, installed)
            if newest != installed:
                found.append(Entry(entry.name, newest, source=entry.source))
    return tuple(found)


def _upgrades(seen: Packages) -> tuple[Item, ...]:
    if seen.everything is None:
        return ()
    if seen.everything.error:
        raise CannotTell(f"cannot tell what there is to upgrade: {seen.everything.error}")
    return _filled(seen, seen.everything.items)


def _is_version(installed: str, wanted: str) -> bool:
    """Does it match? rpm versions may be written without epoch and without release."""
    _, _, bare = installed.rpartition(":")
    return any(fnmatchcase(form, wanted) for form in (installed, bare, bare.rpartition("-")[0]))


def _filled(seen: Packages, items: Iterable[Item]) -> tuple[Item, ...]:
    """With the versions that are installed, where the package manager did not say them."""
    return tuple(item if item.old else Item(item.name, seen.installed.get(item.name) or "", item.new) for item in items)
