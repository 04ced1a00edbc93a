"""`file.sync`: files and trees of the controller are on the machine, as a synclist or a source and a destination say.

What differs is told by size and time, and where they leave doubt by the content; only that is copied. A file whose content is the same is
not touched because of its time alone. Links are followed; mode, owner and time are kept.

Source: xCAT's documentation of the synclist.
"""

from collections.abc import Mapping
from dataclasses import replace
from shlex import quote
from typing import Any, ClassVar

from xcatflow.contract import Desk, Params, Step, Target
from xcatflow.errors import CannotUndo, InvalidInput, Problem
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, File, Question
from xcatflow.steps.place import change_rights, checked, place_file
from xcatflow.steps.syncing.differences import Difference, changes_of, chosen, differences, owners_of
from xcatflow.steps.syncing.items import Item, Items, items_of
from xcatflow.steps.syncing.look import (
    Places,
    content_question,
    digests_question,
    extra,
    extra_question,
    places_question,
    read_places,
    shown,
    unsure,
    with_contents,
    with_digests,
)
from xcatflow.steps.syncing.params import KEPT, SyncParams, Work
from xcatflow.steps.syncing.scripts import After, mark, run_script, scripts_of
from xcatflow.steps.syncing.send import send
from xcatflow.steps.syncing.synclist import Entry, Synclist, is_pattern, parse_synclist
from xcatflow.steps.syncing.texts import (
    Text,
    add_text,
    check_entries,
    read_text,
    take_text_out,
    text_changes,
    text_question,
)

_CONTENT = (Verb.CREATE, Verb.UPDATE, Verb.REPLACE)


class FileSync(Step[SyncParams, Places]):
    """Transfers over the shell that is open already; the machine needs `tar`, `xargs` and `stat`."""

    kind = "file.sync"
    params: ClassVar[type[Params]] = SyncParams

    def prepare(self, want: SyncParams, desk: Desk) -> SyncParams:
        if want.src is not None:
            return want.model_copy(update={"work": Work(items_of((_tree(want, desk),), desk, want.exclude))})
        kept = want.originals or desk.definitions.site.get("nodesyncfiledir") or KEPT
        work = Work()
        for name in want.synclist:
            work = _joined(work, _listed(parse_synclist(desk.read(name), name), want, desk, f"{kept.rstrip('/')}/org"))
        return want.model_copy(update={"work": work})

    def ask(self, want: SyncParams) -> tuple[Question[Any], ...]:
        work = want.work
        return (
            *((places_question(work.items),) if work.items else ()),
            *((extra_question(want.top),) if want.delete else ()),
            *(text_question(text) for text in work.texts),
            *(_marked(script) for script in work.scripts if script.files),
        )

    def ask_more(self, answers: Answers, want: SyncParams) -> tuple[Question[Any], ...]:
        places = read_places(want.work.items, answers)
        told, rest = _to_ask(places, want)
        return (*map(content_question, told), *((digests_question(rest),) if rest else ()))

    def seen(self, answers: Answers, want: SyncParams) -> Places | None:
        work = want.work
        places = read_places(work.items, answers)
        told, rest = _to_ask(places, want)
        places = with_contents(with_digests(places, rest, answers), told, answers)
        return replace(
            places,
            extra=extra(want.top, work.items, want.exclude, answers) if want.delete else (),
            texts={text.item.dest: read_text(text, answers) for text in work.texts},
            pending=frozenset(each.path for each in work.scripts if each.files and answers[_marked(each)] is not None),
        )

    def plan(self, seen: Places | None, want: SyncParams) -> tuple[Change, ...]:
        assert seen is not None
        found = differences(want.work.items, seen, want.wishes)
        changes = changes_of(found, seen, sensitive=want.sensitive)
        if seen.extra:
            listed = "".join(f"{Verb.REMOVE} {path}\n" for path in seen.extra[:200])
            many = f"{len(seen.extra)} files and directories"
            changes.append(Change(Verb.REMOVE, f"files below {want.top}", "", many, diff=listed))
        changes += text_changes(want.work.texts, seen.texts)
        for script in want.work.scripts:
            if why := _why(script, _touched(found), seen):
                changes.append(Change(Verb.RUN, f"script {script.path}", why=why))
        return tuple(changes)

    def apply(self, at: Target, want: SyncParams, seen: Places | None, change: Change) -> Mapping[str, str] | None:
        assert seen is not None
        if change.verb is Verb.RUN:
            script = next(each for each in want.work.scripts if change.what == f"script {each.path}")
            return {"stdout": run_script(at, script)}
        if change.verb is Verb.REMOVE:
            _remove(at, seen.extra)
            return None
        if change.field in ("append", "merge"):
            add_text(at, _text(want, change))
            return None
        found = chosen(differences(want.work.items, seen, want.wishes), change)
        if change.field:
            _set_rights(at, found)
            return None
        if due := tuple(each for each in want.work.scripts if set(each.files) & _touched(found)):
            mark(at, due)
        send(at, (each.item for each in found), lambda item: owners_of(item, seen, want.wishes))
        return None

    def undo(self, at: Target, want: SyncParams, seen: Places | None, change: Change) -> None:
        assert seen is not None
        if change.verb in (Verb.RUN, Verb.REMOVE):
            raise CannotUndo("what a script did, or what was removed, cannot be taken back")
        if change.field in ("append", "merge"):
            text = _text(want, change)
            if seen.texts.get(text.item.dest) != "first":
                raise CannotUndo(f'what "{text.item.dest}" was before is not known')
            take_text_out(at, text)
            return
        for difference in reversed(chosen(differences(want.work.items, seen, want.wishes), change)):
            _take_back(at, difference, seen)

    def verifies(self, want: SyncParams) -> bool:
        """A script that is run each time leaves no difference to be seen; what is copied is checked where it is unpacked."""
        return all(script.files for script in want.work.scripts)


def _tree(want: SyncParams, desk: Desk) -> Entry:
    """The one entry of a source and a destination. Raises InvalidInput."""
    assert want.src is not None
    directory = desk.path(want.src).is_dir()
    if want.delete and not directory:
        raise InvalidInput(f'"delete" needs a directory as "src", found "{want.src}"')
    if directory:
        return Entry((f"{want.src.rstrip('/')}/",), f"{want.top}/")
    dest = want.dest or ""
    return Entry((want.src,), f"{want.top}/" if is_pattern(want.src) else dest)


def _listed(listed: Synclist, want: SyncParams, desk: Desk, originals: str) -> Work:
    mine = listed.for_node(desk.node, desk.definitions)
    items = items_of(mine.entries, desk, want.exclude)
    texts = []
    for sort, entries in (("append", mine.append), ("merge", mine.merge)):
        for entry in entries:
            (item,) = items_of((entry,), desk)
            if item.directory or any(item.dest == other.dest for other in items):
                wrong = "is a directory" if item.directory else "is copied by another line already"
                raise InvalidInput(Problem(f'cannot {sort} to "{item.dest}": it {wrong}', entry.place))
            text = Text("append" if sort == "append" else "merge", item, f"{originals}{item.dest}")
            if text.sort == "merge":
                try:
                    check_entries(text)
                except InvalidInput as error:
                    raise InvalidInput(Problem(str(error), entry.place)) from None
            texts.append(text)
    return Work(items, scripts_of(listed, items, desk), tuple(texts))


def _joined(one: Work, other: Work) -> Work:
    """Both lists' work. Raises InvalidInput where they disagree."""
    items = {item.dest: item for item in one.items}
    for item in other.items:
        same = items.setdefault(item.dest, item)
        if same != item and not (same.directory and item.directory):
            raise InvalidInput(f'two lists make "{item.dest}": leave it out of one')
    return Work(
        Items(items[dest] for dest in sorted(items)) if one.items else other.items,
        tuple(dict.fromkeys((*one.scripts, *other.scripts))),
        (*one.texts, *other.texts),
    )


def _to_ask(places: Places, want: SyncParams) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """The files whose content is to be shown, and those of which the digest does."""
    told = () if want.sensitive else shown(want.work.items, places)
    return told, unsure((item for item in want.work.items if item not in told), places, all_of_them=want.checksum)


def _marked(script: After) -> File:
    return File(script.mark, digest=False)


def _touched(found: tuple[Difference, ...]) -> set[str]:
    """The files that get another content."""
    return {each.item.dest for each in found if each.verb in _CONTENT and not each.field}


def _why(script: After, touched: set[str], seen: Places) -> str:
    if not script.files:
        return "each time"
    if new := sorted(set(script.files) & touched):
        return f"{new[0]} is updated"
    return "it did not end well last time" if script.path in seen.pending else ""


def _text(want: SyncParams, change: Change) -> Text:
    return next(text for text in want.work.texts if change.what == f"file {text.item.dest}")


def _remove(at: Target, paths: tuple[str, ...]) -> None:
    files = "".join(f"{path}\0" for path in paths if not path.endswith("/"))
    directories = "".join(f"{path}\0" for path in paths if path.endswith("/"))
    for text, command in ((files, "rm -f"), (directories, "rmdir")):
        if text:
            checked(at, f"xargs -0 {command} --", "cannot remove files", stdin=text.encode(errors="surrogateescape"))


def _set_rights(at: Target, found: tuple[Difference, ...]) -> None:
    """Rights of many files, a command for each sort of rights."""
    groups: dict[tuple[str, str], list[str]] = {}
    for each in found:
        groups.setdefault((each.field, each.after or ""), []).append(each.item.dest)
    for (field, value), paths in groups.items():
        if len(paths) == 1:
            change_rights(at, paths[0], field, value)
            continue
        command = {"mode": "chmod", "owner": "chown", "group": "chgrp"}[field]
        stdin = "".join(f"{path}\0" for path in paths).encode(errors="surrogateescape")
        checked(at, f"xargs -0 {command} -- {value}", f"cannot set the {field} of {len(paths)} files", stdin=stdin)


def _take_back(at: Target, difference: Difference, seen: Places) -> None:
    item, there = difference.item, seen.at.get(difference.item.dest)
    if difference.field:
        change_rights(at, item.dest, difference.field, difference.before or "")
    elif there is None:
        command = "rmdir" if item.directory else "rm -f"
        checked(at, f"{command} -- {quote(item.dest)}", f'cannot remove "{item.dest}"')
    elif there.content is not None:
        mode, owner, group = f"{there.mode:04o}", str(there.uid), str(there.gid)
        place_file(at, item.dest, there.content, mode=mode, owner=owner, group=group)
    else:
        raise CannotUndo(f'the old content of "{item.dest}" is not known')
