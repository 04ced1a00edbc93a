"""In which of its forms an attribute stands in a YAML file of definitions: text, list, mapping of adapters, mapping of flags."""

import json
from collections.abc import Iterator
from typing import Any

from xcatflow.edit.yaml_write import value_text
from xcatflow.load.sections import SECTIONS
from xcatflow.load.yaml_pieces import Piece
from xcatflow.load.yaml_text import parse_pieces
from xcatflow.model.attributes import FREE_TYPES, LISTS, NICS, canonical
from xcatflow.model.nics import adapters_of


class Form:
    """What new text of a file should look like."""

    def __init__(self, root: Piece | None) -> None:
        self._root = root
        self._lists: bool | None = None

    def braces(self, objtype: str) -> bool:
        """Whether objects are written in brackets: like the last one of their type, else the last one of all."""
        found = [(kind, value.flow) for kind, value in self._objects() if value.kind == "mapping" and value.pairs]
        found = [one for one in found if one[0] == objtype] or found
        return bool(found) and found[-1][1]

    def value(self, objtype: str, written: str, text: str, *, flow: bool = True, plain: bool = False) -> str:
        """The text of a new attribute's value; with `plain` a text whatever it is."""
        wanted, typed = (text, False) if plain else self.tree(objtype, written, text, None)
        return value_text(wanted, flow=flow, typed=typed)

    def tree(self, objtype: str, written: str, text: str, piece: Piece | None) -> tuple[Any, bool]:
        """A value as text, list or mapping, in the form of what stands there now where that can be; and whether its scalars have types."""
        meant = canonical(objtype, written) or written
        kind = piece.meant.kind if piece else ""
        if meant == "dockerflag" and kind != "scalar" and (flags := _flags(text)):
            return flags, True
        if meant in NICS and kind != "scalar" and (adapters := adapters_of(text)):
            there = {key.meant.text: value.meant.kind for key, value in piece.meant.pairs} if piece else {}
            return {
                nic: _split(one, "|") or one if there.get(nic) == "sequence" else one for nic, one in adapters.items()
            }, False
        if (meant in LISTS or objtype in FREE_TYPES) and (entries := _split(text, ",")):
            one = not piece or (kind == "scalar" and "," not in piece.meant.text)
            fresh = one and meant in LISTS and len(entries) > 1 and all(entry == entry.strip() for entry in entries)
            if kind == "sequence" or (fresh and self._prefers_lists()):
                return entries, False
        return text, False

    def _prefers_lists(self) -> bool:
        """Whether the file writes lists as such, or has none yet."""
        if self._lists is None:
            values = [
                value.meant
                for objtype, one in self._objects()
                for key, value in one.meant.pairs
                if canonical(objtype, key.meant.text) in LISTS
            ]
            self._lists = any(value.kind == "sequence" for value in values) or not any(
                "," in value.text for value in values
            )
        return self._lists

    def _objects(self) -> Iterator[tuple[str, Piece]]:
        for key, section in self._root.pairs if self._root else ():
            for _, value in section.pairs:
                yield SECTIONS.get(key.meant.text, ""), value


def _flags(text: str) -> dict[str, Any] | None:
    """The mapping that is read as exactly this text."""
    try:
        flags = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(flags, dict) or not flags:
        return None
    found = parse_pieces(f"a: {value_text(flags, flow=False, typed=True)}\n")
    pair = found.get("a") if found else None
    again = json.dumps(pair[1].node.value, separators=(",", ":"), ensure_ascii=False) if pair else ""
    return flags if again == text else None


def _split(text: str, separator: str) -> list[str]:
    """The entries of a list, empty where a list cannot say the same."""
    entries = text.split(separator)
    return entries if all(entries) else []
