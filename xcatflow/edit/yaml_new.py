"""New objects in a YAML text of definitions."""

from collections.abc import Iterable, Mapping, Sequence

from xcatflow.edit.change import ObjectChange
from xcatflow.edit.gaps import comment_above, comment_below
from xcatflow.edit.settle import Entry
from xcatflow.edit.yaml_form import Form
from xcatflow.edit.yaml_splice import Splice
from xcatflow.edit.yaml_write import key_text
from xcatflow.load.yaml_pieces import Piece

Gone = dict[int, tuple[Piece, list[int]]]
"""Entries that go from mappings in brackets: by the mapping's id the mapping, and their numbers."""


class NewObjects:
    """Puts new objects last in their sections, in the form of their neighbours."""

    def __init__(self, splice: Splice, root: Piece | None, form: Form, gone: Gone) -> None:
        self.splice = splice
        self.root = root
        self.form = form
        self.gone = gone

    def add(self, section: str, changes: Sequence[ObjectChange]) -> None:
        """Put new objects into a section, which is made where there is none."""
        root = self.root
        pair = root.get(section) if root else None
        if root is None or root.empty:
            lines = [f"{section}:", *self._objects(section, changes, " " * self.step())]
            self.splice.add_lines(len(self.splice.lines) - 1, lines)
        elif pair is None and root.flow:
            self.splice.insert(root, len(root.pairs) - 1, [f"{section}: {self._braced_objects(section, changes)}"])
        elif pair is None:
            gap = [""] if self._spaced(root) else []
            indent = " " * self.splice.column(root.start)
            lines = [f"{indent}{section}:", *self._objects(section, changes, indent + " " * self.step())]
            self._append(root, [*gap, *lines])
        else:
            self._add_to(section, *pair, changes)

    def _add_to(self, section: str, key: Piece, value: Piece, changes: Sequence[ObjectChange]) -> None:
        if value.kind == "mapping" and not value.flow:
            gap = [""] if self._spaced(value) else []
            indent = " " * self.splice.column(value.start)
            self._append(value, self._objects(section, changes, indent, gap))
        elif value.kind == "mapping" and (stay := self._staying(value)):
            texts = [f"{key_text(one.new, flow=True)}: {self._braced_object(one)}" for one in changes]
            self.splice.insert(value, stay[-1], texts)
        elif value.empty and self.root and not self.root.flow:
            indent = " " * (self.splice.column(key.outer) + self.step())
            self.splice.add_lines(self.splice.line_of(key.outer), self._objects(section, changes, indent))
        else:
            self.gone.pop(id(value), None)
            self.splice.overwrite(key, value, self._braced_objects(section, changes))

    def _staying(self, container: Piece) -> list[int]:
        """The entries of a mapping in brackets that do not go."""
        gone = self.gone.get(id(container), (container, []))[1]
        return [index for index in range(len(container.pairs)) if index not in gone]

    def _append(self, container: Piece, lines: Sequence[str]) -> None:
        """Put lines behind the last entry of a mapping without brackets, and behind the comments inside that entry."""
        start, end = self.splice.spans(container)[-1]
        self.splice.touch(container)
        line = comment_below(self.splice.lines, self.splice.line_of(end - 1) + 1, self.splice.column(start))
        self.splice.add_lines(line - 1, lines)

    def _spaced(self, container: Piece) -> bool:
        """Whether blank lines stand between the entries of a mapping."""
        start, _ = self.splice.spans(container)[-1]
        line = comment_above(self.splice.lines, self.splice.line_of(start), self.splice.column(start))
        return len(container.pairs) > 1 and line > 0 and not self.splice.lines[line - 1].strip()

    def _objects(
        self, section: str, changes: Sequence[ObjectChange], indent: str, gap: Sequence[str] = ()
    ) -> list[str]:
        """New objects as lines, each behind a gap."""
        lines: list[str] = []
        step, braces = " " * self.step(), self.form.braces(changes[0].objtype)
        for change in changes:
            entries = [Entry(name, value) for name, value in sorted(change.values.items())]
            lines += gap
            if section == "site":
                lines += self.lines("site", entries, indent)
            elif braces or not entries:
                lines.append(f"{indent}{key_text(change.new, flow=False)}: {self._braced_object(change)}")
            else:
                lines.append(f"{indent}{key_text(change.new, flow=False)}:")
                lines += self.lines(change.objtype, entries, indent + step)
        return lines

    def lines(self, objtype: str, entries: Iterable[Entry], indent: str) -> list[str]:
        """Attributes one below the other."""
        return [
            f"{indent}{key_text(entry.written, flow=False)}: "
            f"{self.form.value(objtype, entry.written, entry.value, flow=False)}"
            for entry in entries
        ]

    def step(self) -> int:
        """By how many blanks what belongs to a key is indented, as at the last such place."""
        sections = [pair for pair in self.root.pairs if not pair[1].flow] if self.root and not self.root.flow else []
        inner = [pair for _, section in sections for pair in section.pairs]
        pairs = [pair for pair in (*sections, *inner) if pair[1].kind == "mapping" and not pair[1].flow]
        if not pairs:
            return 2
        key, value = pairs[-1]
        return self.splice.column(value.start) - self.splice.column(key.outer)

    def _braced_object(self, change: ObjectChange) -> str:
        return braced({name: self.form.value(change.objtype, name, one) for name, one in sorted(change.values.items())})

    def _braced_objects(self, section: str, changes: Sequence[ObjectChange]) -> str:
        if section == "site":
            return self._braced_object(changes[0])
        return braced({change.new: self._braced_object(change) for change in changes})


def braced(texts: Mapping[str, str]) -> str:
    """A mapping in brackets, of values that are YAML texts."""
    return "{" + ", ".join(f"{key_text(name, flow=True)}: {text}" for name, text in texts.items()) + "}"
