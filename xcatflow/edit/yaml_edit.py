"""Changes to the text of a YAML file of definitions that leave everything else as it is: comments, order, quotes, brackets, anchors.

Only the characters of what changes are replaced; the document is never written anew. Lists and mappings stay lists and mappings, entry by
entry. A new attribute stands at its sorted place where the others are sorted, else last; a new object last in its section, in the form
of its neighbours. What an anchor stands for elsewhere stays what it was: the first of the other places gets the old value and
the anchor. Where a change cannot be made so, the object is written anew in brackets.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from xcatflow.edit.change import Key, ObjectChange
from xcatflow.edit.yaml_anchors import keep_anchors
from xcatflow.edit.yaml_objects import Objects
from xcatflow.edit.yaml_splice import Splice
from xcatflow.errors import InvalidInput, Problem, Source
from xcatflow.load.draft import Draft
from xcatflow.load.normal import normalised
from xcatflow.load.yaml_definitions import parse_definitions
from xcatflow.load.yaml_pieces import Piece
from xcatflow.load.yaml_text import YamlDocument, parse_pieces, parse_yaml


def edited_yaml(text: str, path: Path, changes: Sequence[ObjectChange], file: str) -> tuple[str, tuple[Draft, ...]]:
    """The text of a file, read without mistakes before, after the changes, and the normalised drafts it gives; `file` is its name in
    messages.

    Raises InvalidInput where a change cannot be made.
    """
    problems = [
        Problem(f'"{attribute}" of {change.objtype} "{change.new}" has a line break', Source(file))
        for change in changes
        for attribute, value in change.values.items()
        if change.new and "\n" in value
    ]
    if problems:
        raise InvalidInput(problems)
    root = parse_pieces(text)
    drafts = _drafts(root, path, file)
    wanted: dict[Key, Mapping[str, str]] = {draft.key: draft.values for draft in normalised(drafts)[0]}
    for change in changes:
        wanted.pop((change.objtype, change.old), None)
    wanted |= {(change.objtype, change.new): change.values for change in changes if change.new}
    anew: set[Key] = set()
    for _ in range(2):
        made, read = _attempt(text, root, drafts, changes, anew, path, file)
        found = {draft.key: draft.values for draft in read}
        wrong = {key for key in wanted.keys() | found.keys() if found.get(key) != wanted.get(key)}
        if not wrong:
            return made, read
        anew |= wrong or {(change.objtype, change.new) for change in changes}
    names = ", ".join(f'{objtype} "{name}"' for objtype, name in sorted(wrong)[:3])
    raise InvalidInput(f"{names} cannot be changed here: write it in a simpler form, or edit it by hand", Source(file))


def _attempt(
    text: str,
    root: Piece | None,
    drafts: Iterable[Draft],
    changes: Sequence[ObjectChange],
    anew: set[Key],
    path: Path,
    file: str,
) -> tuple[str, tuple[Draft, ...]]:
    """The text after the changes, objects of `anew` written anew, and its drafts; none where it cannot be read."""
    splice = Splice(text)
    objects = Objects(splice, root, drafts, file)
    try:
        for change in changes:
            objects.change(change, anew=(change.objtype, change.new) in anew)
        objects.finish()
        if root:
            keep_anchors(splice, root)
        made = splice.result()
    except ValueError:
        return text, ()
    try:
        document = parse_yaml(made, path, name=file)
    except InvalidInput:
        return text, ()
    found, problems = parse_definitions(document)
    again, more = normalised(found)
    if problems or more:
        return text, ()
    return made, again


def _drafts(root: Piece | None, path: Path, file: str) -> tuple[Draft, ...]:
    return parse_definitions(YamlDocument(path, file, root.node))[0] if root else ()
