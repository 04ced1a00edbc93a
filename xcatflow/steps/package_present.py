"""`package.present`: packages are installed, others are not; a plan says beforehand what the package manager would do."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

from xcatflow.contract import Desk, Params, Step, Target
from xcatflow.errors import CannotTell, CannotUndo
from xcatflow.model.change import Change
from xcatflow.model.question import Answers, Package, Question, Reply
from xcatflow.steps.packages.look import OutlookLook, Section, StateLook, sections
from xcatflow.steps.packages.manager import Manager, failed_words
from xcatflow.steps.packages.outlook import Outlook, free_bytes, groups, holds, outlook, updates, virtual
from xcatflow.steps.packages.params import PackageParams, entries_of, followed_of, lists_of, read_params
from xcatflow.steps.packages.pkglist import Entry
from xcatflow.steps.packages.plan import Act, Packages, Phase, acts, open_entries
from xcatflow.steps.packages.ways import Way

_PHASES: tuple[Phase, ...] = ("before", "install", "after")


class PackagePresent(Step[PackageParams, Packages]):
    """All packages of a list in one call of the machine's package manager, whichever it is."""

    kind = "package.present"
    follows = ("package.repository", "package.directory")
    params: ClassVar[type[Params]] = PackageParams

    def prepare(self, want: PackageParams, desk: Desk) -> PackageParams:
        return read_params(want, desk)

    def ask(self, want: PackageParams) -> tuple[Question[Any], ...]:
        questions: list[Question[Any]] = [Package(name) for name in _names(want)]
        if state := _state_look(want):
            questions.append(state.question)
        return tuple(questions)

    def ask_more(self, answers: Answers, want: PackageParams) -> tuple[Question[Any], ...]:
        """What acts would do, where there is something to be done."""
        look = _outlook_look(_known(answers, want), want)
        return (look.question,) if look else ()

    def seen(self, answers: Answers, want: PackageParams) -> Packages:
        known = _known(answers, want)
        look = _outlook_look(known, want)
        return _with_outlooks(known, look, answers[look.question]) if look else known

    def plan(self, seen: Packages | None, want: PackageParams) -> tuple[Change, ...]:
        return tuple(change for change, _ in acts(seen or Packages({}), want))

    def apply(self, at: Target, want: PackageParams, seen: Packages | None, change: Change) -> None:
        seen = seen or Packages({})
        act = next(act for planned, act in acts(seen, want) if planned == change)
        manager = _manager(at, want, act.environment)
        match act.sort:
            case "index":
                manager.fetch_all()
                _upgrade_listed(manager, seen, want)
            case "install":
                _install(manager, seen, want, act.entries)
            case "remove":
                manager.remove(act.entries)
            case "everything":
                manager.upgrade()
            case sort:
                manager.hold([entry.name for entry in act.entries], held=sort == "hold")

    def undo(self, at: Target, want: PackageParams, seen: Packages | None, change: Change) -> None:
        seen = seen or Packages({})
        act = next((act for planned, act in acts(seen, want) if planned == change), Act("everything"))
        manager = _manager(at, want, act.environment)
        fresh = tuple(entry for entry in act.entries if not seen.installed.get(entry.name))
        match act.sort:
            case "install" if len(fresh) == len(act.entries):
                manager.remove(tuple(Entry(entry.name) for entry in fresh))
            case "remove":
                manager.install(act.entries)
            case "hold" | "release":
                manager.hold([entry.name for entry in act.entries], held=act.sort == "release")
            case _:
                raise CannotUndo("the version that was installed before may be gone from the package sources")

    def outputs(self, seen: Packages | None, want: PackageParams) -> dict[str, str]:
        versions = seen.installed if seen else {}
        return {"versions": ", ".join(f"{name}={version}" for name, version in versions.items() if version)}


def _names(want: PackageParams) -> tuple[str, ...]:
    """The packages of which it has to be known whether they are installed."""
    names = [entry.name for entry in entries_of(want) if not entry.group]
    return tuple(dict.fromkeys((*names, *(other for name in names for other in want.instead.get(name, ())))))


def _state_look(want: PackageParams) -> StateLook | None:
    """None where what is installed tells all."""
    entries = entries_of(want)
    grouped = any(entry.group for entry in entries)
    look = StateLook(
        newest=followed_of(want),
        held=want.hold is not None,
        groups=grouped,
        everything=want.upgrade == "all",
        recommends=want.recommends,
    )
    needed = look.newest or look.held or look.groups or look.everything or want.refresh == "always"
    return look if needed else None


def _known(answers: Answers, want: PackageParams) -> Packages:
    """What the first look tells."""
    installed = {name: answers[Package(name)] for name in _names(want)}
    look = _state_look(want)
    if look is None:
        return Packages(installed)
    found = sections(answers[look.question])
    way, age = _way(found)
    return Packages(
        installed,
        updates(way, _good(found, "newest")) if look.newest else {},
        way,
        age,
        holds(way, _good(found, "held")) if look.held or "held" in found else frozenset(),
        groups(way, _good(found, "groups")) if look.groups else frozenset(),
        outlook(way, found["upgrade"]) if look.everything else None,
    )


def _way(found: dict[str, Section]) -> tuple[Way, int | None]:
    way, _, age = found["manager"].text.partition(" ")
    assert way in ("apt", "dnf", "zypper"), way
    return way, int(age) if age.isdigit() else None  # type: ignore[return-value]


def _good(found: dict[str, Section], name: str) -> Section:
    section = found.get(name)
    if section is None or section.code:
        words = section.text if section else ""
        hint = ": install python3-dnf-plugin-versionlock first" if "No such command: versionlock" in words else ""
        raise CannotTell(f"cannot tell about packages ({name}): {failed_words(words) or 'no answer'}{hint}")
    return section


def _open(known: Packages, want: PackageParams) -> Iterator[tuple[str, Phase, tuple[Entry, ...]]]:
    """What there is to be done, by list and phase."""
    for number, listed in enumerate(lists_of(want)):
        for phase in _PHASES:
            if entries := open_entries(known, want, listed, phase):
                pinned = {entry.name: entry for entry in listed.install}
                exact = tuple(pinned[entry.name] if phase == "install" else entry for entry in entries)
                yield f"{number} {phase}", phase, exact


def _outlook_look(known: Packages, want: PackageParams) -> OutlookLook | None:
    """None where there is nothing to be done, or what it is needs no working out."""
    if known.way == "apt" and any(entry.group for entry in entries_of(want)):
        return None
    todo = list(_open(known, want))
    if not todo:
        return None
    return OutlookLook(
        {key: entries for key, phase, entries in todo if phase == "install"},
        {key: entries for key, phase, entries in todo if phase != "install"},
        recommends=want.recommends,
        may_fetch=want.refresh != "never",
        index_age_s=want.index_age,
        despite_holds=want.hold is True,
    )


def _with_outlooks(known: Packages, look: OutlookLook, reply: Reply) -> Packages:
    """What both looks tell."""
    found = sections(reply)
    way, _ = _way(found)
    outlooks: dict[str, Outlook] = {}
    for key in (*look.installs, *look.removes):
        if key not in found:
            raise CannotTell(f"cannot tell what installing would do: {reply.complaint or 'no answer'}")
        outlooks[key] = outlook(way, found[key])
        lacking = [entry.name for entry in look.installs.get(key, ()) if not known.installed.get(entry.name)]
        if none := virtual(way, found[key], lacking):
            outlooks[key] = replace(outlooks[key], virtual=none)
        if way == "zypper" and look.despite_holds and "lock" in outlooks[key].error:
            # zypper cannot be asked what it would do without its locks; the act takes them off.
            outlooks[key] = Outlook()
    index = found.get("index")
    return Packages(
        known.installed, known.newest, way, known.index_age_s, known.held, known.groups, known.everything,
        outlooks,
        {name.removeprefix("near:"): tuple(each.text.split()) for name, each in found.items() if name.startswith("near:")},
        {name.removeprefix("versions:"): tuple(each.text.split()) for name, each in found.items() if name.startswith("versions:")},
        free_bytes(found["space"]) if "space" in found else (),
        failed_words(index.text) if index and index.code else "",
    )  # fmt: skip


def _install(manager: Manager, seen: Packages, want: PackageParams, entries: tuple[Entry, ...]) -> None:
    """Install. What is held in another version is let go for that long: apt does so by itself, and leaves it at that."""
    tied = [entry.name for entry in entries if entry.name in seen.held] if want.hold else []
    if tied and seen.way != "apt":
        manager.hold(tied, held=False)
    try:
        manager.install(entries)
    finally:
        if tied:
            manager.hold(tied, held=True)


def _upgrade_listed(manager: Manager, seen: Packages, want: PackageParams) -> None:
    """Bring the listed packages to what the index knows now that it is fetched: what a look before could not know."""
    if want.upgrade == "all":
        manager.upgrade()
    there = (name for name in followed_of(want) if seen.installed.get(name))
    if old := tuple(Entry(name) for name in there if want.hold or name not in seen.held):
        _install(manager, seen, want, old)


def _manager(at: Target, want: PackageParams, environment: tuple[tuple[str, str], ...]) -> Manager:
    return Manager(
        at=at,
        refresh="auto" if want.refresh == "always" else want.refresh,
        index_age_s=want.index_age,
        recommends=want.recommends,
        lock_timeout_s=want.lock_timeout,
        despite_holds=want.hold is True,
        environment=environment or tuple(want.environment.items()),
    )
