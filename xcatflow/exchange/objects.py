"""Objects as JSON: a list with `objtype`, `name` and `attrs` of each, own values as written; and the same as stanzas."""

import json
from collections.abc import Iterable
from typing import Any

from xcatflow.errors import InvalidInput, Problem, Source
from xcatflow.exchange.merge import key_of, objects_of
from xcatflow.load.draft import Draft
from xcatflow.load.stanza_text import stanza_text
from xcatflow.model.definitions import Definition, Definitions


def chosen_objects(definitions: Definitions, nodes: Iterable[str], *, whole: bool) -> tuple[Definition, ...]:
    """These nodes, and the groups that they are in; or the `whole` of the definitions."""
    if whole:
        return tuple(objects_of(definitions))
    chosen = {name: definitions.nodes[name] for name in nodes}
    groups = definitions.groups.items()
    theirs = (group for name, group in groups if not chosen.keys().isdisjoint(definitions.members(name) or ()))
    return (*chosen.values(), *theirs)


def json_text(objects: Iterable[Definition]) -> str:
    """The JSON of objects, sorted by type and name."""
    listed = [
        {"objtype": objtype, "name": name, "attrs": dict(sorted(item.attributes.items()))}
        for objtype, name, item in _sorted(objects)
    ]
    return json.dumps(listed, indent=2, ensure_ascii=False) + "\n"


def stanzas(objects: Iterable[Definition]) -> str:
    """The stanza text of objects, sorted by type and name. Raises InvalidInput for what a stanza cannot hold."""
    return stanza_text((objtype, name, item.attributes) for objtype, name, item in _sorted(objects))


def _sorted(objects: Iterable[Definition]) -> list[tuple[str, str, Definition]]:
    return sorted(((*key_of(item), item) for item in objects), key=lambda found: found[:2])


def read_json(text: str, file: str) -> tuple[Draft, ...]:
    """The objects of such a text. Raises InvalidInput with everything that is none."""
    try:
        listed = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"bad JSON: {error}", Source(file)) from None
    drafts: list[Draft] = []
    problems: list[Problem] = []
    for number, item in enumerate(listed if isinstance(listed, list) else [listed], start=1):
        match item:
            case {"objtype": str(objtype), "name": str(name), **rest}:
                attrs = rest.pop("attrs", {})
                problems += (Problem(f'unknown key "{key}" of {objtype} "{name}"', Source(file)) for key in rest)
                values, wrong = _values(attrs)
                problems += (Problem(f"{complaint} of {objtype} {name!r}", Source(file)) for complaint in wrong)
                drafts.append(Draft(objtype, name, file, values=values))
            case _:
                message = f'object {number}: expected "objtype", "name" and "attrs", found {json.dumps(item)[:60]}'
                problems.append(Problem(message, Source(file)))
    if problems or not drafts:
        raise InvalidInput(problems or [Problem("there is no object in it", Source(file))])
    return tuple(drafts)


def _values(attrs: Any) -> tuple[dict[str, str], list[str]]:
    if not isinstance(attrs, dict):
        return {}, ['expected an object as "attrs"']
    wrong = [f'expected a text as "{name}"' for name, value in attrs.items() if not isinstance(value, str)]
    return {name: value for name, value in attrs.items() if isinstance(value, str)}, wrong
