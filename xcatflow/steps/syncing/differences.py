"""What differs between files of the controller and those of a machine, and how it is told. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from xcatflow.errors import ActFailed
from xcatflow.model.change import Change, Verb
from xcatflow.steps.packages.words import size_text
from xcatflow.steps.place import diff_of
from xcatflow.steps.syncing.items import Item
from xcatflow.steps.syncing.look import SHOWN_FILES, Placed, Places

_LISTED = 200


@dataclass(frozen=True, slots=True)
class Wishes:
    """Who the files are to belong to, where that is not left to the controller's own: user and group, by name or number."""

    owner: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One item that is not as it should be: what is to be done (`field` empty: the whole item; else `mode`, `owner`, `group`)."""

    item: Item
    verb: Verb
    field: str = ""
    before: str | None = None
    after: str | None = None
    why: str = ""

    @property
    def what(self) -> str:
        return f"{'directory' if self.item.directory else 'file'} {self.item.dest}"


def owner_of(item: Item, places: Places, wishes: Wishes) -> str:
    """The user that an item is to belong to: the one it has on the controller where the machine has one of that name, else root."""
    return wishes.owner or (item.owner if item.owner in places.uids else "root")


def owners_of(item: Item, places: Places, wishes: Wishes) -> tuple[str, str]:
    """User and group that an item is written with; a group that nobody asked for stays, and is root for what is new."""
    there = places.at.get(item.dest)
    return owner_of(item, places, wishes), wishes.group or (str(there.gid) if there else "root")


def differences(items: Iterable[Item], places: Places, wishes: Wishes) -> tuple[Difference, ...]:
    """All differences, in the order of the paths. Raises ActFailed where something is in the way."""
    return tuple(each for item in items for each in _of(item, places.at.get(item.dest), places, wishes))


def _of(item: Item, there: Placed | None, places: Places, wishes: Wishes) -> Iterable[Difference]:
    if there is None:
        yield Difference(item, Verb.CREATE)
        return
    if item.directory:
        return
    match there.sort:
        case "directory" | "other":
            sort = "directory" if there.sort == "directory" else "device, pipe or socket"
            raise ActFailed(f'expected a file or nothing at "{item.dest}", found a {sort}: move it out of the way')
        case "link":
            yield Difference(item, Verb.REPLACE, why="a symbolic link is in its place")
            return
    if there.size != item.size or (there.sha256 is not None and there.sha256 != item.sha256):
        yield Difference(item, Verb.UPDATE)
        return
    if there.mode != item.mode:
        yield Difference(item, Verb.UPDATE, "mode", f"{there.mode:04o}", f"{item.mode:04o}")
    owner = owner_of(item, places, wishes)
    if not _belongs(there, owner, places):
        yield Difference(item, Verb.UPDATE, "owner", there.owner, owner)
    if wishes.group is not None and wishes.group not in (there.group, str(there.gid)):
        yield Difference(item, Verb.UPDATE, "group", there.group, wishes.group)


def _belongs(there: Placed, owner: str, places: Places) -> bool:
    uid = 0 if owner == "root" else places.uids.get(owner, -1)
    return owner in (there.owner, str(there.uid)) or there.uid == uid


def changes_of(found: tuple[Difference, ...], places: Places, *, sensitive: bool) -> list[Change]:
    """The differences as changes: each by itself where they are few, else one for each verb and field, with their list."""
    if len(found) <= SHOWN_FILES:
        return [_one(difference, places, sensitive=sensitive) for difference in found]
    groups: dict[tuple[Verb, str], list[Difference]] = {}
    for difference in found:
        groups.setdefault((difference.verb, difference.field), []).append(difference)
    return [_many(verb, field, group) for (verb, field), group in groups.items()]


def chosen(found: tuple[Difference, ...], change: Change) -> tuple[Difference, ...]:
    """The differences that a change stands for."""
    alike = tuple(each for each in found if (each.verb, each.field) == (change.verb, change.field))
    return alike if len(found) > SHOWN_FILES else tuple(each for each in alike if each.what == change.what)


def _one(difference: Difference, places: Places, *, sensitive: bool) -> Change:
    item, there = difference.item, places.at.get(difference.item.dest)
    diff = ""
    if not difference.field and not item.directory and not sensitive:
        diff = f"{item.size} bytes of {item.source}\n"
        if difference.verb is Verb.UPDATE and there:
            diff = f"{there.size} bytes -> {item.size} bytes of {item.source}\n"
            if there.content is not None and _public(item.mode) and _public(there.mode):
                diff = diff_of(item.dest, there.content, item.read())
    return Change(
        difference.verb, difference.what, difference.field, difference.before, difference.after, difference.why, diff
    )


def _public(mode: int) -> bool:
    """May anybody on the machine read it? What others may not is shown to none: plans are kept, and a list of files has keys among them."""
    return bool(mode & 0o004)


def _many(verb: Verb, field: str, group: list[Difference]) -> Change:
    files = [each for each in group if not each.item.directory]
    size = sum(each.item.size for each in files)
    after = f"{len(files)} files, {size_text(size)}" if not field else f"of {len(group)} files"
    listed = "".join(f"{verb} {each.item.dest}\n" for each in group[:_LISTED])
    more = f"... {len(group) - _LISTED} more\n" if len(group) > _LISTED else ""
    return Change(
        verb, f"files below {_common(each.item.dest for each in files or group)}", field, None, after, "", listed + more
    )


def _common(paths: Iterable[str]) -> str:
    """The deepest directory that all paths are in."""
    first, *others = (path.split("/")[:-1] for path in paths)
    for parts in others:
        same = next((n for n, pair in enumerate(zip(first, parts, strict=False)) if pair[0] != pair[1]), None)
        first = first[: min(len(parts), len(first)) if same is None else same]
    return "/".join(first) or "/"
