"""Changes inside a YAML text: values, entries of collections, in brackets or one below the other. Nothing else of the text changes."""

import json
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any

from xcatflow.edit.text_changes import TextChanges
from xcatflow.edit.yaml_write import key_text, scalar_text, value_text
from xcatflow.load.yaml_pieces import Piece


class Splice(TextChanges):
    """A YAML text, and what shall become of its pieces."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.changed: set[int] = set()
        """The pieces, by id, in which something changes or that go."""

    def touch(self, piece: Piece, *, whole: bool = False) -> None:
        """Note that a piece changes, or with `whole` goes with all that is inside."""
        self.changed.update(id(one) for one in (piece.below() if whole else (piece,)))

    def touched(self, piece: Piece) -> bool:
        """Whether anything in the piece changes."""
        return any(id(one) in self.changed for one in piece.below())

    # --- values ---

    def adapt(self, key: Piece | None, piece: Piece, wanted: Any, *, flow: bool, typed: bool = False) -> None:
        """Let the value of `key` (None for an entry of a sequence) say what is wanted. `flow` says that it stands in brackets; with
        `typed` numbers, true and null are no texts."""
        if piece.kind == "mapping" and piece.pairs and isinstance(wanted, Mapping) and wanted:
            self._adapt_mapping(piece, wanted, typed=typed)
        elif piece.kind == "sequence" and piece.items and isinstance(wanted, list) and wanted:
            self._adapt_sequence(piece, wanted, typed=typed)
        elif _says(piece, typed=typed) != wanted:
            style = piece.style if piece.style in ("'", '"') else ""
            new = (
                scalar_text(wanted, flow=flow, style=style, typed=typed)
                if isinstance(wanted, str)
                else value_text(wanted, flow=flow, typed=typed)
            )
            self.overwrite(key, piece, new)

    def overwrite(self, key: Piece | None, piece: Piece, new: str) -> None:
        """Put a text for any place where a value stands."""
        self.touch(piece, whole=True)
        if piece.empty and key is not None:
            colon = ":" in self.text[key.end : piece.start]
            self.replace(piece.start, piece.start, f" {new}" if colon else f": {new}")
        elif key is not None and piece.kind != "scalar" and not piece.flow and piece.kind != "alias":
            place = self.text.index(":", key.end) + 1
            if piece.anchor:
                place = piece.outer + 1 + len(piece.anchor)
            self.replace(place, place, f" {new}")
            self.drop_lines(self.line_of(piece.start), self.line_of(piece.end - 1))
        else:
            self.replace(piece.start, piece.end, new)

    def _adapt_mapping(self, piece: Piece, wanted: Mapping[str, Any], *, typed: bool) -> None:
        here = [key.meant.text for key, _ in piece.pairs]
        if piece.flow and not wanted.keys() & set(here):
            self.overwrite(None, piece, value_text(wanted, flow=True, typed=typed))
            return
        self.remove(piece, [index for index, name in enumerate(here) if name not in wanted])
        behind = -1
        for name, value in wanted.items():
            if name in here:
                behind = here.index(name)
                self.adapt(*piece.pairs[behind], value, flow=piece.flow, typed=typed)
            else:
                place = behind if behind >= 0 else len(here) - 1
                text = f"{key_text(name, flow=piece.flow)}: {value_text(value, flow=piece.flow, typed=typed)}"
                self.insert(piece, place, [text])

    def _adapt_sequence(self, piece: Piece, wanted: list[Any], *, typed: bool) -> None:
        here = [_says(item, typed=typed) for item in piece.items]
        marks = [json.dumps(one, sort_keys=True, default=str) for one in here]
        matcher = SequenceMatcher(None, marks, [json.dumps(one, sort_keys=True) for one in wanted], autojunk=False)
        mark = "" if piece.flow else "- "
        gone: list[int] = []
        for _, first, last, low, high in matcher.get_opcodes():
            old, new = list(range(first, last)), wanted[low:high]
            if marks[first:last] == [json.dumps(one, sort_keys=True) for one in new]:
                continue
            for index, value in zip(old, new, strict=False):
                self.adapt(None, piece.items[index], value, flow=piece.flow, typed=typed)
            gone += old[len(new) :]
            if more := new[len(old) :]:
                texts = [mark + value_text(value, flow=piece.flow, typed=typed) for value in more]
                self.insert(piece, first + len(old) - 1, texts)
        self.remove(piece, gone)

    # --- entries of collections ---

    def spans(self, piece: Piece) -> list[tuple[int, int]]:
        """Where the entries of a collection begin and end."""
        if piece.kind == "sequence":
            return [(item.outer, item.end) for item in piece.items]
        return [(key.outer, max(key.end, value.end)) for key, value in piece.pairs]

    def remove(self, piece: Piece, indices: Sequence[int]) -> None:
        """Take entries out of a collection."""
        if not indices:
            return
        spans = self.spans(piece)
        self.touch(piece)
        for index in indices:
            for gone in (piece.items[index],) if piece.kind == "sequence" else piece.pairs[index]:
                self.touch(gone, whole=True)
        if not piece.flow:
            for index in indices:
                start, end = spans[index]
                self.drop_lines(self.line_of(start), self.line_of(max(end - 1, start)))
        elif len(indices) == len(spans) and spans:
            self.replace(piece.start + 1, piece.end - 1, "")
        else:
            single = self._one_per_line(piece)
            for _, run in groupby(enumerate(sorted(indices)), lambda pair: pair[1] - pair[0]):
                numbers = [index for _, index in run]
                first, last = numbers[0], numbers[-1]
                if single:
                    self.drop_lines(self.line_of(spans[first][0]), self.line_of(spans[last][1] - 1))
                elif first > 0:
                    self.replace(spans[first - 1][1], spans[last][1], "")
                else:
                    self.replace(spans[0][0], spans[last + 1][0], "")

    def insert(self, piece: Piece, behind: int, texts: Sequence[str]) -> None:
        """Put entries behind that of this number; -1 for the first place."""
        self.touch(piece)
        spans = self.spans(piece)
        if not piece.flow:
            start, end = spans[max(behind, 0)]
            indent = self.before(start)
            if piece.kind == "sequence":
                indent = indent[: indent.rindex("-")]
            line = self.line_of(max(end - 1, start)) if behind >= 0 else self.line_of(start) - 1
            self.add_lines(line, [indent + text for text in texts])
        elif not spans:
            self.replace(piece.start + 1, piece.start + 1, ", ".join(texts))
        elif self._one_per_line(piece):
            self._insert_lines(piece, behind, texts)
        elif behind < 0:
            self.replace(spans[0][0], spans[0][0], ", ".join(texts) + ", ")
        else:
            self.replace(spans[behind][1], spans[behind][1], "".join(f", {text}" for text in texts))

    def _insert_lines(self, piece: Piece, behind: int, texts: Sequence[str]) -> None:
        spans = self.spans(piece)
        start, end = spans[max(behind, 0)]
        last = behind == len(spans) - 1
        comma = "," in self.text[end : piece.end - 1].partition("#")[0]
        if last and not comma:
            self.replace(end, end, ",")
        lines = [f"{self.before(start)}{text}," for text in texts]
        if last and not comma:
            lines[-1] = lines[-1][:-1]
        self.add_lines(self.line_of(end - 1) if behind >= 0 else self.line_of(start) - 1, lines)

    def _one_per_line(self, piece: Piece) -> bool:
        """Whether a collection in brackets has each entry on lines of its own."""
        for start, end in self.spans(piece):
            rest = self.behind(end).strip()
            if self.before(start).strip() or (rest not in ("", ",") and not rest.lstrip(", ").startswith("#")):
                return False
        return bool(self.spans(piece))


def _says(piece: Piece, *, typed: bool) -> Any:
    return piece.node.value if typed else piece.node.as_text
