"""Definitions in YAML: a mapping of kinds of objects to mappings of names to attributes.

    nodes:
      host01c01: {groups: [docker, all], mgt: docker, dockerhost: host01, dockerflag: {Tty: true}}
    site:
      domain: lab.example

The words are those of stanza files. Lists may stand where values are comma separated, mappings in `dockerflag` and per network adapter.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from xcatflow.errors import Problem, did_you_mean
from xcatflow.load.draft import Draft
from xcatflow.load.sections import SECTIONS
from xcatflow.load.yaml_text import YamlDocument, YamlMapping, YamlNode, YamlScalar, YamlSequence
from xcatflow.model.attributes import FREE_TYPES, LISTS, NICS, canonical
from xcatflow.model.nics import join_nics


def parse_definitions(document: YamlDocument) -> tuple[tuple[Draft, ...], tuple[Problem, ...]]:
    """The objects in a YAML file, and what is wrong with their form."""
    reader = _Reader(document.name)
    reader.file(document.root)
    return tuple(reader.drafts), tuple(reader.problems)


@dataclass(slots=True)
class _Reader:
    name: str
    drafts: list[Draft] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def file(self, root: YamlNode) -> None:
        for section, place, node in self._entries(root, f"the keys {', '.join(SECTIONS)}"):
            objtype = SECTIONS.get(section)
            if objtype is None:
                hint = did_you_mean(section, SECTIONS) or f", expected one of {', '.join(SECTIONS)}"
                self._complain(f'unknown kind of objects "{section}"{hint}', place)
            elif objtype == "site" and not names_clustersite(node):
                self._object(objtype, "clustersite", place, node)
            else:
                for name, at, attributes in self._entries(node, f'names of objects below "{section}"'):
                    self._object(objtype, name, at, attributes)

    def _entries(self, node: YamlNode, expected: str) -> Iterator[tuple[str, tuple[int, int], YamlNode]]:
        match node:
            case YamlMapping():
                yield from ((key, node.keys[key], value) for key, value in node.items.items())
            case YamlScalar() if node.as_text == "":
                pass
            case _:
                self._complain(f"expected a mapping with {expected}, found {_sort(node)}", node.place)

    def _object(self, objtype: str, name: str, place: tuple[int, int], node: YamlNode) -> None:
        draft = Draft(objtype, name, self.name, *place)
        for attribute, at, value in self._entries(node, f'the attributes of {objtype} "{name}"'):
            draft.places[attribute] = at
            draft.values[attribute] = self._text(draft, attribute, value)
        self.drafts.append(draft)

    def _text(self, draft: Draft, attribute: str, node: YamlNode) -> str:
        meant = canonical(draft.objtype, attribute) or attribute
        match node:
            case YamlScalar():
                if "\n" in node.as_text:
                    self._complain(f'"{attribute}" of {draft.objtype} "{draft.name}" has a line break', node.place)
                return node.as_text
            case YamlMapping() if meant == "dockerflag":
                return json.dumps(node.value, separators=(",", ":"), ensure_ascii=False)
            case YamlMapping() if meant in NICS:
                return join_nics((nic, self._joined(attribute, item, "|")) for nic, item in node.items.items())
            case YamlSequence() if meant in LISTS or draft.objtype in FREE_TYPES:
                return self._joined(attribute, node, ",")
        self._complain(f'"{attribute}" of {draft.objtype} "{draft.name}" is a text, found {_sort(node)}', node.place)
        return ""

    def _joined(self, attribute: str, node: YamlNode, separator: str) -> str:
        entries: list[str] = []
        for item in node.items if isinstance(node, YamlSequence) else (node,):
            text = item.as_text
            if not isinstance(text, str):
                self._complain(f'an entry of "{attribute}" is a text, found {_sort(item)}', item.place)
            elif isinstance(node, YamlSequence) and separator in text:
                self._complain(f'an entry of "{attribute}" holds no "{separator}", found "{text}"', item.place)
            elif text:
                entries.append(text)
        return separator.join(entries)

    def _complain(self, message: str, place: tuple[int, int]) -> None:
        self.problems.append(Problem(message, Draft("", "", self.name, *place).source()))


def names_clustersite(node: YamlNode) -> bool:
    """Whether the section `site` names its object, instead of holding the attributes itself."""
    return isinstance(node, YamlMapping) and isinstance(node.items.get("clustersite"), YamlMapping)


def _sort(node: YamlNode) -> str:
    match node:
        case YamlMapping():
            return "a mapping"
        case YamlSequence():
            return "a list"
    return f'"{node.text}"'
