"""Dumps of an xCAT cluster, `lsdef` and `lsdef -z`: everything that definitions can hold, and the rest with its lines.

Source: the forms as xCAT prints them. It writes values bare that end with a colon, and lists every node's default scripts in `lsdef`.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from xcatflow.errors import InvalidInput, Problem, Source
from xcatflow.exchange.brought import Brought, Remark
from xcatflow.exchange.merge import Merge
from xcatflow.load.definitions import listed_members
from xcatflow.load.draft import Draft
from xcatflow.load.plain import parse_plain
from xcatflow.load.stanza import parse_stanzas
from xcatflow.model.attributes import SCRIPTS
from xcatflow.model.definitions import XCATDEFAULTS, Definitions

_BLANKS = " \t"
_BARE_COLON = re.compile(r"([ \t]*[A-Za-z0-9_.@-]+[ \t]*=)[ \t]*(.*:)[ \t]*")
_QUOTES_NEEDED = re.compile(r'[" \t]|.*[" \t:]\Z|\Z')
_OBJTYPE = re.compile(r"[ \t]*objtype[ \t]*=")


@dataclass(slots=True)
class _Block:
    """The lines of one object: indexes, the header's first, the end excluded."""

    start: int
    end: int


@dataclass(slots=True)
class Dump:
    """A dump that gets smaller until what is left of it is good; `plain` says which of the two forms it has."""

    text: str
    file: str
    plain: bool
    cut: set[int] = field(default_factory=set)
    left: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    blocks: list[_Block] = field(default_factory=list)
    mended: set[int] = field(default_factory=set)

    def read(self, existing: Definitions, attempt: Callable[[Iterable[Draft]], Merge]) -> tuple[Brought, Merge]:
        """What it says, and how `attempt` lays that over what there is; what cannot be taken over is left out line by line, object by
        object. Raises InvalidInput for what is not the dump's fault, or when nothing is left."""
        self.lines = [line.removesuffix("\r") for line in self.text.removeprefix("\ufeff").split("\n")]
        self._find_blocks()
        while True:
            drafts, problems = self._parse()
            if not problems:
                drafts, strangers = self._without_strangers(drafts, existing)
                drafts, notes = self._without_defaults(drafts, existing)
                try:
                    merge = attempt(drafts)
                except InvalidInput as error:
                    problems = error.problems
                else:
                    break
            self._leave_out(problems)
        if not drafts and not self.left:
            raise InvalidInput("no object names were provided", Source(self.file))
        self.left += strangers
        self.notes += (*notes, *self._quotes())
        return Brought(drafts, tuple(self.left), tuple(self.notes), aside=tuple(self._aside())), merge

    def _find_blocks(self) -> None:
        for index, line in enumerate(self.lines):
            bare = line.strip(_BLANKS)
            if self.plain:
                opens = bare.startswith("Object name:")
            else:
                opens = bare.endswith(":") and not bare.startswith("#")
                if opens and (found := _BARE_COLON.fullmatch(line)):
                    self.lines[index] = f'{found[1]}"{found[2]}"'
                    self.mended.add(index)
                    opens = False
            if opens:
                if self.blocks:
                    self.blocks[-1].end = index
                self.blocks.append(_Block(index, len(self.lines)))

    def _parse(self) -> tuple[tuple[Draft, ...], tuple[Problem, ...]]:
        text = "\n".join("" if index in self.cut else line for index, line in enumerate(self.lines))
        return parse_plain(text, self.file) if self.plain else parse_stanzas(text, self.file)

    def _leave_out(self, problems: Iterable[Problem]) -> None:
        """Cut what the problems point to. Raises InvalidInput with those that do not point into the dump."""
        foreign = [it for it in problems if it.source is None or it.source.file != self.file or not it.source.line]
        before = len(self.cut)
        for problem in problems:
            if not foreign and problem.source:
                self._leave_out_one(problem.message, problem.source)
        if foreign or len(self.cut) == before:
            raise InvalidInput(foreign or problems)

    def _leave_out_one(self, message: str, source: Source) -> None:
        index = source.line - 1
        block = self._block(index)
        if block is not None and (index == block.start or _OBJTYPE.match(self.lines[index])):
            indexes = range(block.start, block.end)
        else:
            block, indexes = None, range(index, index + 1)
        if index in self.cut:
            return
        self.cut |= set(indexes)
        if block is not None and self._said_before(block):
            self.notes.append(Remark("the same object stands here twice, word for word", source))
        else:
            hint = "" if "=" in self.lines[index] or block else "; the rest of a value with a line break?"
            self.left.append(Remark(message + hint, source))

    def _block(self, index: int) -> _Block | None:
        at = bisect_right(self.blocks, index, key=lambda block: block.start) - 1
        return self.blocks[at] if at >= 0 else None

    def _said_before(self, block: _Block) -> bool:
        """Is there an earlier object of the same words?"""
        words = self._words(block)
        return any(self._words(other) == words for other in self.blocks if other.start < block.start)

    def _words(self, block: _Block) -> list[str]:
        lines = (line.strip(_BLANKS) for line in self.lines[block.start : block.end])
        return [line for line in lines if line and not line.startswith("#")]

    def _without_strangers(
        self, drafts: tuple[Draft, ...], existing: Definitions
    ) -> tuple[tuple[Draft, ...], list[Remark]]:
        """Groups without the members that are no nodes, and these."""
        nodes = {draft.name for draft in drafts if draft.objtype == "node"} | existing.nodes.keys()
        found: list[Draft] = []
        left: list[Remark] = []
        for draft in drafts:
            members = listed_members(draft.values) if draft.objtype == "group" else ()
            if strangers := [name for name in members if name not in nodes]:
                text = f'the group "{draft.name}" lists {", ".join(strangers)}, no nodes of this dump or the site'
                left.append(Remark(text, draft.source("members")))
                known = ",".join(name for name in members if name in nodes)
                draft = replace(draft, values=draft.values | {"members": known or "static"})
            found.append(draft)
        return tuple(found), left

    def _without_defaults(
        self, drafts: tuple[Draft, ...], existing: Definitions
    ) -> tuple[tuple[Draft, ...], list[Remark]]:
        """Listed nodes without the scripts that they have from `xcatdefaults`, which a listing puts in front. In stanzas they stand only
        where somebody wrote them: they stay, and are told."""
        own = next((draft.values for draft in drafts if draft.key == ("node", XCATDEFAULTS)), None)
        defaults = own if own is not None else existing.xcatdefaults.attributes
        known = {name: _entries(defaults.get(name, "")) for name in SCRIPTS}
        notes: list[Remark] = []
        found: list[Draft] = []
        for draft in drafts:
            if draft.objtype != "node" or draft.name == XCATDEFAULTS:
                pass
            elif not self.plain:
                notes += _everybodys(draft, known)
            else:
                notes += _other_defaults(draft, known)
                values = {name: _rest(value, known.get(name, [])) for name, value in draft.values.items()}
                draft = replace(draft, values=values)
            found.append(draft)
        return tuple(found), notes

    def _quotes(self) -> Iterator[Remark]:
        """Values in quotes: xCAT prints quotes that belong to a value as they are, a stanza file that was written by hand does not."""
        for index, line in enumerate(self.lines):
            value = line.partition("=")[2].strip(_BLANKS)
            quoted = len(value) > 1 and value[0] == value[-1] == '"' and not _QUOTES_NEEDED.match(value[1:-1])
            if quoted and not self.plain and index not in self.cut | self.mended:
                text = "the quotes around a value are not part of it: write them twice where they are"
                yield Remark(text, Source(self.file, index + 1))

    def _aside(self) -> Iterable[str]:
        """The lines that were left out, each with its object and why."""
        done: set[int] = set()
        for remark in sorted(self.left, key=lambda remark: remark.source):
            index = remark.source.line - 1
            block = self._block(index)
            if index in done:
                continue
            yield ""
            yield f"# {remark.source}: {remark.text}"
            if block is None:
                yield self.lines[index]
                done.add(index)
                continue
            whole = block.start in self.cut
            shown = [
                at
                for at in range(block.start, block.end)
                if self.lines[at].strip(_BLANKS)
                and (whole or at in (block.start, index) or _OBJTYPE.match(self.lines[at]))
            ]
            yield from (self.lines[at] for at in shown)
            done |= set(shown) if whole else {index}


def _other_defaults(draft: Draft, known: Mapping[str, list[str]]) -> Iterator[Remark]:
    for name, defaults in known.items():
        if name in draft.values and _entries(draft.values[name])[: len(defaults)] != defaults:
            text = (
                f'"{name}" of {{who}} does not begin with the xcatdefaults "{",".join(defaults)}": that cluster had others; '
                f"import its xcatdefaults as well, or its nodes get these"
            )
            yield Remark(text, draft.source(name), draft.name)


def _everybodys(draft: Draft, known: Mapping[str, list[str]]) -> Iterator[Remark]:
    for name, defaults in known.items():
        if twice := [entry for entry in _entries(draft.values.get(name, "")) if entry in defaults]:
            text = (
                f'"{name}" of {{who}} names "{",".join(twice)}", which every node has by its xcatdefaults: take it out'
            )
            yield Remark(text, draft.source(name), draft.name)


def _rest(value: str, known: list[str]) -> str:
    return ",".join(entry for entry in _entries(value) if entry not in known) if known else value


def _entries(text: str) -> list[str]:
    return [entry for part in text.split(",") if (entry := part.strip())]
