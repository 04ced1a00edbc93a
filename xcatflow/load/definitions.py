"""An inventory directory to definitions: every `*.stanza`, `*.yaml` and `*.yml` file below it, all complaints at once."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from xcatflow.errors import InvalidInput, Problem, Source, did_you_mean
from xcatflow.load.draft import Draft
from xcatflow.load.stanza import parse_stanzas
from xcatflow.load.text import read_text, shown_name
from xcatflow.model.attributes import ALIASES, ATTRIBUTES, KEYS, canonical
from xcatflow.model.cross_checks import check_addresses, check_definitions, check_networks
from xcatflow.model.definitions import Definition, Definitions, Group, Network, Node, Origin, OsImage, Record
from xcatflow.model.names import name_problem
from xcatflow.model.nics import join_nics, nic_entries, split_nic
from xcatflow.model.values import split_list

__all__ = ["build_definitions", "check_addresses", "check_networks", "load_definitions"]

_MODELS: Mapping[str, type[Definition]] = MappingProxyType(
    {"node": Node, "group": Group, "osimage": OsImage, "network": Network}
)
_TYPED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        objtype: tuple(name for name in model.model_fields if name not in ("name", "attributes", "origin"))
        for objtype, model in _MODELS.items()
    }
)


def load_definitions(directory: Path) -> Definitions:
    """All definitions below `directory`; messages name files relative to its parent, the site.

    Raises InvalidInput with every problem found.
    """
    drafts: list[Draft] = []
    problems: list[Problem] = []
    for path in _files(directory):
        try:
            found, wrong = _read(path, directory.parent)
        except InvalidInput as error:
            problems += error.problems
            continue
        drafts += found
        problems += wrong
    return build_definitions(drafts, problems)


def _files(directory: Path) -> Iterator[Path]:
    found = (path for suffix in ("stanza", "yaml", "yml") for path in directory.rglob(f"*.{suffix}"))
    for path in sorted(found):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(directory).parts):
            yield path


def _read(path: Path, root: Path) -> tuple[tuple[Draft, ...], tuple[Problem, ...]]:
    name = shown_name(path, root)
    text = read_text(path, root=root)
    if path.suffix == ".stanza":
        return parse_stanzas(text, name)
    # Only sites with YAML files pay for the YAML library.
    from xcatflow.load.yaml_definitions import parse_definitions
    from xcatflow.load.yaml_text import parse_yaml

    return parse_definitions(parse_yaml(text, path, name=name))


def build_definitions(drafts: Iterable[Draft], problems: Iterable[Problem] = ()) -> Definitions:
    """Definitions from what files had; `problems` are those of the reading. Raises InvalidInput with all of them."""
    found = dict.fromkeys(problems)
    unique: dict[tuple[str, str], Draft] = {}
    for draft in drafts:
        first = unique.setdefault((draft.objtype, draft.name), draft)
        if first is not draft:
            message = f'{draft.objtype} "{draft.name}" is defined twice, first at {first.source()}'
            found[Problem(message, draft.source())] = None
        else:
            found.update(dict.fromkeys(_normalise(draft)))
    found.update(dict.fromkeys(_enroll(unique)))
    objects: list[Definition] = []
    for draft in unique.values():
        match _build(draft):
            case Definition() as made:
                objects.append(made)
                found.update(dict.fromkeys(_flaws(made, draft)))
            case wrong:
                found.update(dict.fromkeys(wrong))
    if found:
        raise InvalidInput(sorted(found, key=_order))
    definitions = Definitions(objects)
    errors, warnings = check_definitions(definitions)
    if errors:
        raise InvalidInput(sorted(errors, key=_order))
    return Definitions(objects, warnings) if warnings else definitions


def _order(problem: Problem) -> tuple[Source, str]:
    return problem.source or Source(""), problem.message


def _normalise(draft: Draft) -> Iterator[Problem]:
    """Give every attribute its own name, adapters' values their stored form, and drop empty values."""
    if problem := name_problem(draft.objtype, draft.name):
        yield Problem(problem, draft.source())
    known = ATTRIBUTES.get(draft.objtype)
    if known is None:
        draft.values = {attribute: value for attribute, value in draft.values.items() if value}
        return
    key = KEYS[draft.objtype]
    values: dict[str, str] = {}
    adapters: dict[str, dict[str, str]] = {}
    for written, value in draft.values.items():
        attribute = written if written in known else _meant(draft, written)
        if attribute is None:
            yield Problem(
                f'unknown attribute "{written}" of a {draft.objtype}{_hint(written, known)}', draft.source(written)
            )
            continue
        if attribute == key:
            yield Problem(f'"{written}" is the name of the {draft.objtype} and cannot be set', draft.source(written))
            continue
        if attribute != written:
            draft.places[attribute] = draft.places[written]
        head, adapter = split_nic(attribute)
        if adapter:
            adapters.setdefault(head, {})[adapter] = value
            draft.places.setdefault(head, draft.places[written])
        elif value:
            values[attribute] = value
    for head, given in adapters.items():
        values[head] = join_nics((dict(nic_entries(values.get(head, ""))) | given).items())
    draft.values = {attribute: value for attribute, value in values.items() if value}


def _hint(written: str, known: Iterable[str]) -> str:
    return did_you_mean(written, known) or ": see the list of attributes, or put the text into usercomment"


def _meant(draft: Draft, written: str) -> str | None:
    """The attribute for a `table.column` name; where it may mean several (`vm.host`) the mgt written beside it decides."""
    attribute = canonical(draft.objtype, written)
    meant = ALIASES[draft.objtype].get(written, ())
    if attribute != written or not meant:
        return attribute
    chosen = [name for name, column in meant if any(draft.values.get(key) == value for key, value in column.conditions)]
    return (chosen or [name for name, column in meant if not column.conditions] or [meant[0][0]])[0]


def _enroll(drafts: Mapping[tuple[str, str], Draft]) -> Iterator[Problem]:
    """Nodes that a static group lists under `members` get the group into their own list, the only record of membership."""
    for (objtype, name), draft in drafts.items():
        members = draft.values.get("members", "")
        if objtype != "group" or members in ("", "static", "dynamic") or draft.values.get("grouptype") == "dynamic":
            continue
        for member in split_list(members):
            node = drafts.get(("node", member))
            if node is None:
                hint = did_you_mean(member, (known for kind, known in drafts if kind == "node"))
                yield Problem(f'group "{name}" lists "{member}", which is no node{hint}', draft.source("members"))
            elif name not in (groups := split_list(node.values.get("groups", ""))):
                node.values["groups"] = ",".join((*groups, name))
                node.places.setdefault("groups", (node.line, node.col))


def _build(draft: Draft) -> Definition | tuple[Problem, ...]:
    values = draft.values
    origin = Origin(draft.file, draft.line, draft.col, draft.places)
    fields: dict[str, object] = {"name": draft.name, "attributes": MappingProxyType(values), "origin": origin}
    model = _MODELS.get(draft.objtype)
    if model is None:
        return Record(kind=draft.objtype, **fields)
    for attribute in _TYPED[draft.objtype]:
        if attribute in values:
            fields[attribute] = values[attribute]
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        return tuple(_complaint(draft, finding) for finding in error.errors(include_url=False, include_input=False))


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


def _flaws(made: Definition, draft: Draft) -> Iterator[Problem]:
    for attribute, message in made.flaws():
        yield Problem(f'{draft.objtype} "{made.name}": {message}', made.source(attribute))
