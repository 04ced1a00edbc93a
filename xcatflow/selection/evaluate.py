"""What a noderange means, given an inventory.

Source: xCAT's manual page noderange(3). Other than there, names that nobody knows, attributes that do not exist, files that cannot be
read and syntax errors are errors, and never the empty set.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xcatflow.errors import InvalidInput, Problem, Source, did_you_mean
from xcatflow.model.attributes import ATTRIBUTES
from xcatflow.model.pattern import MOST_NAMES, is_number, parse_pattern
from xcatflow.selection.facts import fact_of, observed, standing_in
from xcatflow.selection.files import lines_of
from xcatflow.selection.grammar import parse
from xcatflow.selection.inventory import Inventory, Nothing
from xcatflow.selection.suggest import suggestion
from xcatflow.selection.tokens import wrong
from xcatflow.selection.tree import Criterion, Factor, File, Intersection, Level, Regex, Word

_Names = frozenset[str] | set[str]

_MANY_NAMES = 1000


class UnknownNames(InvalidInput):
    """A noderange names what does not exist. `names` has each once in the order met, `valid` the nodes the rest of it means."""

    def __init__(self, names: tuple[str, ...], valid: tuple[str, ...], hint: str = "") -> None:
        super().__init__(f"Invalid nodes and/or groups in noderange: {','.join(names)}{hint}")
        self.names = names
        self.valid = valid


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What a noderange may refer to besides the inventory."""

    environ: Mapping[str, str]
    cwd: Path


def select(
    text: str, inventory: Inventory, *, environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> tuple[str, ...]:
    """The nodes that a noderange means, sorted as strings, without those of the site's `excludenodes`.

    `environ` (the process's when None) has XCAT_NODE_PREFIX and XCAT_NODE_SUFFIX, relative `^file` names begin at `cwd`. Raises
    InvalidInput: UnknownNames when nodes or groups do not exist.
    """
    evaluation = _Evaluation(inventory, _surroundings(environ, cwd))
    found = set(evaluation.noderange(text))
    found -= _excluded(inventory, evaluation.around)
    valid = tuple(sorted(found))
    if unknown := tuple(evaluation.unknown):
        raise UnknownNames(unknown, valid, suggestion(unknown, (*inventory.group_names, *inventory.nodes)))
    return valid


def expand(
    text: str,
    inventory: Inventory | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> tuple[str, ...]:
    """The names that a noderange means where nodes need not exist, sorted: what exists is expanded, the rest by its form, and what has
    none is a name. `excludenodes` does not apply: an excluded node can still be defined.

    Without an inventory nothing exists, criteria mean nothing, and neither regular expressions nor files are names. Raises
    InvalidInput where the noderange cannot be read.
    """
    around = _surroundings(environ, cwd)
    evaluation = _Expansion(inventory, around) if inventory is not None else _PureExpansion(Nothing(), around)
    return tuple(sorted(evaluation.noderange(text)))


def _surroundings(environ: Mapping[str, str] | None, cwd: Path | None) -> _Surroundings:
    return _Surroundings(os.environ if environ is None else environ, Path() if cwd is None else cwd)


def _excluded(inventory: Inventory, around: _Surroundings) -> _Names:
    """The nodes of `excludenodes`. Names that do not exist (any more) exclude nothing; one that cannot be read is an error."""
    text = inventory.site.get("excludenodes", "")
    if not text.strip():
        return set()
    try:
        return _Evaluation(inventory, around).noderange(text)
    except InvalidInput as error:
        raise InvalidInput(
            Problem(f'in "excludenodes" of the site: {problem.message}', problem.source) for problem in error.problems
        ) from None


class _Evaluation:
    """Evaluates trees over one inventory. Every group and criterion is looked up once."""

    def __init__(self, inventory: Inventory, around: _Surroundings) -> None:
        self.inventory = inventory
        self.around = around
        self.unknown: dict[str, None] = {}
        self._nodes = inventory.nodes
        self._groups: dict[str, frozenset[str] | None] = {}
        self._criteria: dict[tuple[str, str, str], frozenset[str]] = {}
        self._reading: tuple[Path, ...] = ()
        self._text = ""
        self._generated = 0

    def noderange(self, text: str) -> _Names:
        """What a text means. Raises InvalidInput."""
        before, self._text = self._text, text
        names = self.level(parse(text))
        self._text = before
        return names

    def level(self, level: Level) -> _Names:
        """The plain items' nodes without those of the excluded items."""
        chosen: set[str] = set()
        excluded: set[str] = set()
        for item in level.items:
            (excluded if item.excluded else chosen).update(self._term(item.term))
        return chosen - excluded

    def _term(self, term: Intersection | Factor) -> _Names:
        if not isinstance(term, Intersection):
            return self._factor(term)
        # Every factor is evaluated, so that all unknown names are found.
        return frozenset.intersection(*[frozenset(self._factor(factor)) for factor in term.factors])

    def _factor(self, factor: Factor) -> _Names:
        match factor:
            case Level():
                return self.level(factor)
            case Word():
                return self._word(factor)
            case Regex():
                return self._regex(factor)
            case Criterion():
                return self._criterion(factor)
            case File():
                return self._file(factor)

    def _existing(self, name: str) -> _Names | None:
        """The node, or the members of the group of this name."""
        if name in self._nodes:
            return {name}
        if name not in self._groups:
            members = self.inventory.members(name)
            self._groups[name] = None if members is None else frozenset(members)
        return self._groups[name]

    def _word(self, word: Word) -> _Names:
        if (found := self._existing(word.text)) is not None:
            return found
        if is_number(word.text):
            return self._named(word.text)
        pattern = parse_pattern(word.text)
        if pattern is None:
            return self._missing(word.text)
        self._generated += pattern.count
        if self._generated > MOST_NAMES:
            raise wrong(self._text, f"it means more than {MOST_NAMES} names, narrow it", word.column)
        # Of very many names only those that may mean something are looked up.
        groups = frozenset(self.inventory.group_names) if pattern.count > _MANY_NAMES else None
        names: set[str] = set()
        for name in pattern:
            if name in self._nodes:
                names.add(name)
            elif groups is not None and name not in groups and not is_number(name):
                names |= self._missing(name)
            else:
                names |= self._named(name)
        return names

    def _named(self, name: str) -> _Names:
        """What a single name means, which may be the short form of another."""
        found = self._existing(name)
        if found is None and is_number(name):
            prefix = self.around.environ.get("XCAT_NODE_PREFIX", "node")
            name = f"{prefix}{name}{self.around.environ.get('XCAT_NODE_SUFFIX', '')}"
            found = self._existing(name)
        return self._missing(name) if found is None else found

    def _missing(self, name: str) -> _Names:
        self.unknown[name] = None
        return set()

    def _regex(self, regex: Regex) -> _Names:
        matches = regex.pattern.fullmatch
        if names := {name for name in self._nodes if matches(name)}:
            return names
        groups = [self._existing(name) for name in self.inventory.group_names if matches(name)]
        return {name for members in groups if members for name in members}

    def _criterion(self, criterion: Criterion) -> _Names:
        if fact := fact_of(criterion.attribute, self._text):
            return observed(self.inventory, criterion, fact)
        attribute = self.inventory.canonical(criterion.attribute)
        if attribute is None:
            hint = did_you_mean(criterion.attribute, ATTRIBUTES["node"])
            raise InvalidInput(f"Unknown attribute '{criterion.attribute}' in noderange '{self._text}'{hint}")
        key = (attribute, criterion.operator, criterion.value)
        if key not in self._criteria:
            values = standing_in(self.inventory, attribute, self.inventory.values(attribute))
            self._criteria[key] = frozenset(node for node, value in values if criterion.holds(value or ""))
        return self._criteria[key]

    def _file(self, file: File) -> _Names:
        path = self.around.cwd / file.path
        if path in self._reading:
            raise InvalidInput(
                f"Cannot open noderange file '{file.path}': it is being read already, by one of its own lines"
            )
        names: set[str] = set()
        self._reading = (*self._reading, path)
        for number, text in lines_of(path, file.path):
            try:
                names |= self.noderange(text)
            except InvalidInput as error:
                place = Source(str(path), number)
                raise InvalidInput(Problem(one.message, one.source or place) for one in error.problems) from None
        self._reading = self._reading[:-1]
        return names


class _Expansion(_Evaluation):
    """What does not exist is a name."""

    def _missing(self, name: str) -> _Names:
        return {name}

    def _regex(self, regex: Regex) -> _Names:
        return {regex.text}


class _PureExpansion(_Expansion):
    """Nothing exists."""

    def _regex(self, regex: Regex) -> _Names:
        return set()

    def _file(self, file: File) -> _Names:
        return set()
