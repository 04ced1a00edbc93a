"""Changes to the text of a stanza file that leave everything else as it is: comments, order, spacing, ends of lines.

A changed value keeps its line, a value taken away loses it; `attribute=` is written only where a default stanza would show through. A new
attribute stands at its sorted place where the others are sorted, else behind the last one. A removed object takes the comment
directly above it along. A new object stands at the end of the file, with `attribute=` for those defaults that it must not have.
"""

from collections.abc import Iterable, Mapping, Sequence

from xcatflow.edit.change import ObjectChange
from xcatflow.edit.gaps import closing, comment_above, comment_below
from xcatflow.edit.settle import Entry, settled
from xcatflow.edit.stanza_lines import Line, Stanza, split_lines, stanzas
from xcatflow.errors import InvalidInput, Problem, Source
from xcatflow.load.stanza import BLANKS, HEADER, is_quoted
from xcatflow.load.stanza_text import INDENT, quoted, spread, unwritable


def edited_stanzas(text: str, changes: Sequence[ObjectChange], file: str) -> str:
    """The text of a file, read without mistakes before, after the changes; `file` is its name in messages.

    Raises InvalidInput for what a stanza cannot hold.
    """
    problems = [
        Problem(problem.message, Source(file))
        for change in changes
        if change.new
        for problem in unwritable(change.objtype, change.new, change.values)
    ]
    if problems:
        raise InvalidInput(problems)
    work = _Work(text, file)
    for change in changes:
        if not change.old:
            work.append(change)
        elif not change.new:
            work.remove(change)
        else:
            work.change(change)
    return work.text()


class _Work:
    """A file while it is changed: what becomes of each line, and what is new behind it."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.lines = split_lines(text)
        found, self.defaults = stanzas(self.lines)
        self.stanzas = {(stanza.objtype, stanza.name): stanza for stanza in found}
        self.result = list(self.lines)
        self.texts = [line.text for line in self.lines]
        self.gone: set[int] = set()
        self.behind: dict[int, list[str]] = {}
        self.appended: list[str] = []
        self.end = next((line.end for line in self.lines if line.end.endswith("\n")), "\n")

    def text(self) -> str:
        texts: list[Line] = []
        for number, line in enumerate(self.result):
            if number not in self.gone:
                texts.append(line)
            texts += [Line(text, self.end) for text in self.behind.get(number, ())]
        if self.appended:
            if not texts:
                texts.append(Line(HEADER, self.end))
            more = self.appended if texts[-1].content else self.appended[1:]
            texts += [Line(text, self.end) for text in more]
        if not texts:
            return ""
        complete = [line if line.end.endswith("\n") else Line(line.text, self.end) for line in texts[:-1]]
        last = texts[-1]
        if self.lines:
            last = Line(last.text, self.lines[-1].end)
        return "".join(line.text + line.end for line in [*complete, last])

    def append(self, change: ObjectChange) -> None:
        """A new object at the end."""
        entries = [Entry(written, value) for written, value in spread(change.objtype, change.values)]
        found = self._settled(change, entries, self.defaults.get(change.objtype, {}))
        self.appended += ["", f"{change.new}:", f"{INDENT}objtype={change.objtype}"]
        self.appended += [f"{INDENT}{entry.written}={quoted(entry.value)}" for entry in found]

    def change(self, change: ObjectChange) -> None:
        """Another name, other values."""
        stanza = self.stanzas[change.objtype, change.old]
        if change.new != change.old:
            line = self.lines[stanza.header]
            self.result[stanza.header] = Line(line.text.replace(change.old, change.new, 1), line.end)
        entries = [Entry(line.written, line.value, at) for at, line in enumerate(stanza.attributes)]
        found = self._settled(change, entries, stanza.defaults)
        kept = {entry.at: entry for entry in found if entry.at is not None}
        for at, attribute in enumerate(stanza.attributes):
            line = self.lines[attribute.line]
            entry = kept.get(at)
            if entry is None:
                self.gone.add(attribute.line)
            elif entry.written != attribute.written or entry.value != attribute.value:
                self.result[attribute.line] = Line(_with(line.text, entry), line.end)
        self._insert(stanza, found)

    def _insert(self, stanza: Stanza, entries: Iterable[Entry]) -> None:
        """New attributes behind the line of the one before them, else behind `objtype`."""
        lines = [attribute.line for attribute in stanza.attributes]
        place = self._first_place(stanza)
        for entry in entries:
            if entry.at is not None:
                place = lines[entry.at]
                continue
            neighbour = self.lines[place] if place != stanza.header else self.lines[stanza.last]
            head, _, tail = neighbour.text.partition("=")
            equals = " = " if head[-1:] in BLANKS and tail[:1] in BLANKS and tail else "="
            text = f"{neighbour.indent}{entry.written}{equals}{quoted(entry.value)}".rstrip(BLANKS)
            self.behind.setdefault(place, []).append(text)

    @staticmethod
    def _first_place(stanza: Stanza) -> int:
        """The line behind which a stanza's first attribute stands."""
        first = min((attribute.line for attribute in stanza.attributes), default=None)
        if first is None:
            return stanza.last
        return max([line for line in stanza.typed if line < first], default=stanza.header)

    def remove(self, change: ObjectChange) -> None:
        """Header, attributes, comments inside and directly above, and blank lines so that the gap stays as wide as it was."""
        stanza = self.stanzas[change.objtype, change.old]
        width = len(self.lines[stanza.header].indent)
        start = comment_above(self.texts, stanza.header, width)
        stop = comment_below(self.texts, stanza.last + 1, width)
        self.gone.update(range(start, stop))
        self.gone.update(closing(self.texts, self.gone, start, stop))

    def _settled(self, change: ObjectChange, entries: list[Entry], defaults: Mapping[str, str]) -> list[Entry]:
        found = settled(change.objtype, entries, change.values, defaults)
        if found is None:
            message = f'{change.objtype} "{change.new}" cannot be written here: the default stanzas above it do not let it have its values'
            raise InvalidInput(message, Source(self.file))
        return found


def _with(text: str, entry: Entry) -> str:
    """An attribute's line with another value, and another name where it got one; spacing and quotes stay."""
    before, _, behind = text.partition("=")
    name = before.strip(BLANKS)
    before = before.replace(name, entry.written, 1)
    value = behind.strip(BLANKS)
    gap = behind[: len(behind) - len(behind.lstrip(BLANKS))] if value else ""
    if not entry.value:
        return f"{before}="
    if not value and before != before.rstrip(BLANKS):
        gap = " "
    return f"{before}={gap}" + (f'"{entry.value}"' if is_quoted(value) else quoted(entry.value))
