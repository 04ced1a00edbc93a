"""An inventory directory to definitions: every `*.stanza`, `*.yaml` and `*.yml` file below it, all complaints at once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from xcatflow.errors import InvalidInput, Problem, Source, did_you_mean
from xcatflow.load.draft import Draft
from xcatflow.load.files import digest, inventory_files
from xcatflow.load.inventory_file import InventoryFile, read_file
from xcatflow.load.normal import normalised
from xcatflow.load.text import shown_name
from xcatflow.model.cross_checks import check_definitions
from xcatflow.model.definitions import Definition, Definitions, Origin
from xcatflow.model.objects import make
from xcatflow.model.stock import Objects, Stock
from xcatflow.model.typed import typed
from xcatflow.model.values import split_list


def load_definitions(directory: Path) -> Definitions:
    """All definitions below `directory`; messages name files relative to its parent, the site.

    Raises InvalidInput with every problem found.
    """
    return read_all(directory)[0].definitions


def read_all(directory: Path) -> tuple["Assembly", Mapping[str, bytes]]:
    """The same with what they are made of, and the digest of each file by its name in messages. Raises InvalidInput."""
    return assemble_files(read_file(path, shown_name(path, directory.parent)) for path in inventory_files(directory))


def assemble_files(files: Iterable[InventoryFile]) -> tuple["Assembly", Mapping[str, bytes]]:
    """The same for files that were read, in their order."""
    drafts: list[Draft] = []
    problems: list[Problem] = []
    digests: dict[str, bytes] = {}
    for file in files:
        drafts += file.drafts
        problems += file.problems
        digests[file.name] = digest(file.content)
    return assemble(drafts, problems), digests


def build_definitions(drafts: Iterable[Draft], problems: Iterable[Problem] = ()) -> Definitions:
    """Definitions from what files had; `problems` are those of the reading. Raises InvalidInput with all of them."""
    found, more = normalised(drafts)
    return assemble(found, (*problems, *more)).definitions


@dataclass(frozen=True, slots=True)
class Assembly:
    """Definitions, and what they are made of: the objects in the order in which they were read, and the same on shelves."""

    definitions: Definitions
    objects: tuple[Definition, ...]
    stock: Stock


def assemble(drafts: Iterable[Draft], problems: Iterable[Problem] = ()) -> Assembly:
    """Definitions from normalised drafts. Raises InvalidInput with all problems, those given among them."""
    unique, twice = each_once(drafts)
    listed, wrong = enrolled(unique)
    found = [*problems, *twice, *wrong]
    objects: list[Definition] = []
    for key, draft in unique.items():
        match build_object(listed.get(key, draft)):
            case Definition() as made:
                objects.append(made)
                found += flaws(made, draft)
            case bad:
                found += bad
    if found:
        raise InvalidInput(in_order(found))
    stock = Objects(objects)
    definitions = Definitions(stock=stock)
    if errors := check_definitions(definitions):
        raise InvalidInput(in_order(errors))
    return Assembly(definitions, tuple(objects), stock)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems in order of places, each once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda one: (one.source or Source(""), one.message)))


def each_once(drafts: Iterable[Draft]) -> tuple[dict[tuple[str, str], Draft], list[Problem]]:
    """The drafts by type and name, the first of each, and complaints about the others."""
    found: dict[tuple[str, str], Draft] = {}
    problems: list[Problem] = []
    for draft in drafts:
        first = found.setdefault(draft.key, draft)
        if first is not draft:
            message = f'{draft.objtype} "{draft.name}" is defined twice, first at {first.source()}'
            problems.append(Problem(message, draft.source()))
    return found, problems


def enrolled(drafts: Mapping[tuple[str, str], Draft]) -> tuple[dict[tuple[str, str], Draft], list[Problem]]:
    """Nodes that a static group lists under `members` get the group into their own list, the only record of membership."""
    found: dict[tuple[str, str], Draft] = {}
    problems: list[Problem] = []
    for (objtype, name), draft in drafts.items():
        if objtype != "group":
            continue
        for member in listed_members(draft.values):
            key = ("node", member)
            node = found.get(key) or drafts.get(key)
            if node is None:
                hint = did_you_mean(member, (known for kind, known in drafts if kind == "node"))
                problems.append(
                    Problem(f'group "{name}" lists "{member}", which is no node{hint}', draft.source("members"))
                )
            elif (joined := enlisted(node, (name,))) is not node:
                found[key] = joined
    return found, problems


def enlisted(node: Draft, groups: Iterable[str]) -> Draft:
    """A node that is in these groups as well; the one given where it is in all of them already."""
    now = node.values.get("groups", "")
    both = with_groups(now, groups)
    if both == now:
        return node
    return replace(node, values=node.values | {"groups": both}, places={"groups": (node.line, node.col)} | node.places)


def with_groups(listed: str, groups: Iterable[str]) -> str:
    """A node's `groups` with these at the end, those that are not in it; as it is where all are."""
    there = split_list(listed)
    more = [group for group in groups if group not in there]
    return ",".join((*there, *more)) if more else listed


def listed_members(group: Mapping[str, str]) -> tuple[str, ...]:
    """The nodes that a group with these values lists itself, under `members`."""
    members = group.get("members", "")
    if members in ("", "static", "dynamic") or group.get("grouptype") == "dynamic":
        return ()
    return split_list(members)


def build_object(draft: Draft) -> Definition | tuple[Problem, ...]:
    """The object that a draft describes, or what is wrong with its values."""
    values = draft.values
    try:
        typed(draft.objtype, values)
    except ValidationError as error:
        return tuple(_complaint(draft, finding) for finding in error.errors(include_url=False, include_input=False))
    origin = Origin(draft.file, draft.line, draft.col, draft.places)
    return make(draft.objtype, draft.name, MappingProxyType(values), origin)


def _complaint(draft: Draft, finding: Mapping[str, object]) -> Problem:
    location = finding["loc"]
    attribute = str(location[0]) if isinstance(location, tuple) and location else ""
    message = str(finding["msg"]).removeprefix("Value error, ")
    match finding["type"]:
        case "missing":
            return Problem(f'{draft.objtype} "{draft.name}" needs "{attribute}"', draft.source())
        case "literal_error":
            message = f'expected static or dynamic, found "{draft.values[attribute]}"'
    return Problem(f'"{attribute}" of {draft.objtype} "{draft.name}": {message}', draft.source(attribute))


def flaws(made: Definition, draft: Draft) -> Iterator[Problem]:
    """What does not fit together in an object."""
    for attribute, message in made.flaws():
        yield Problem(f'{draft.objtype} "{made.name}": {message}', made.source(attribute))
