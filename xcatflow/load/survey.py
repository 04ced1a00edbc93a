"""An inventory as far as it can be read: what is wrong with it, and definitions of all that is right.

Loading refuses an inventory that has a mistake; a check goes on, so that one mistake does not hide the next.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from xcatflow.errors import InvalidInput, Problem
from xcatflow.load.definitions import build_object, each_once, enrolled, flaws
from xcatflow.load.draft import Draft
from xcatflow.load.files import inventory_files
from xcatflow.load.normal import normalised
from xcatflow.load.oddities import again, headers
from xcatflow.load.sections import SECTIONS
from xcatflow.load.stanza import parse_stanzas
from xcatflow.load.text import read_text, shown_name
from xcatflow.model.definitions import Definition, Definitions, Network
from xcatflow.model.findings import Lost


@dataclass(slots=True)
class Survey:
    """What was found. `unread` are files whose objects are not known, `lost_names` the names of stanzas that say nothing usable."""

    definitions: Definitions = field(default_factory=Definitions)
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    lost_names: set[str] = field(default_factory=set)

    @property
    def lost(self) -> Lost:
        """What may be there and is not among the definitions."""
        return Lost(frozenset(self.lost_names), bool(self.unread))


def survey(directory: Path) -> Survey:
    """Read every file of definitions below `directory`; messages name files relative to its parent, the site."""
    found = Survey()
    drafts: list[Draft] = []
    for path in inventory_files(directory):
        drafts += _read(found, path, directory.parent)
    found.definitions = Definitions(_objects(found, drafts))
    return found


def _read(found: Survey, path: Path, root: Path) -> tuple[Draft, ...]:
    name = shown_name(path, root)
    try:
        text = read_text(path, root=root)
        drafts, problems = _stanzas(found, text, name) if path.suffix == ".stanza" else _yaml(found, text, path, name)
    except InvalidInput as error:
        found.errors += error.problems
        found.unread.append(name)
        return ()
    drafts, more = normalised(drafts)
    found.errors += (*problems, *more)
    return drafts


def _stanzas(found: Survey, text: str, name: str) -> tuple[tuple[Draft, ...], tuple[Problem, ...]]:
    drafts, problems = parse_stanzas(text, name)
    found.warnings += again(text, name)
    if problems:
        found.lost_names |= set(headers(text)) - {draft.name for draft in drafts}
    return drafts, problems


def _yaml(found: Survey, text: str, path: Path, name: str) -> tuple[tuple[Draft, ...], tuple[Problem, ...]]:
    # Only sites with YAML files pay for the YAML library.
    from xcatflow.load.yaml_definitions import parse_definitions
    from xcatflow.load.yaml_text import parse_yaml

    document = parse_yaml(text, path, name=name)
    if not _all_sections(document.value):
        found.unread.append(name)
    return parse_definitions(document)


def _all_sections(value: object) -> bool:
    """Is every object of a YAML file known by name at least?"""
    if value in (None, ""):
        return True
    return isinstance(value, dict) and all(
        name in SECTIONS and (not entries or isinstance(entries, dict)) for name, entries in value.items()
    )


def _objects(found: Survey, drafts: Iterable[Draft]) -> Iterator[Definition]:
    unique, twice = each_once(drafts)
    listed, problems = enrolled(unique)
    found.errors += (*twice, *problems)
    for key, draft in unique.items():
        made = _made(found, listed.get(key, draft))
        if made is None:
            continue
        wrong = tuple(flaws(made, draft)) if made.attributes.keys() == draft.values.keys() else ()
        found.errors += wrong
        if wrong and isinstance(made, Network):
            found.lost_names.add(made.name)  # without a subnet it can be compared with nothing
        else:
            yield made


def _made(found: Survey, draft: Draft) -> Definition | None:
    """The object, without the attributes that have a complaint; None where it cannot be without them."""
    match build_object(draft):
        case Definition() as made:
            return made
        case problems:
            found.errors += problems
    wrong = {problem.source for problem in problems}
    kept = {attribute: value for attribute, value in draft.values.items() if draft.source(attribute) not in wrong}
    match build_object(replace(draft, values=kept)):
        case Definition() as made:
            return made
    found.lost_names.add(draft.name)
    return None
