"""How a node came to a value: every place that was considered, in order, which one counts, and why the others do not."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from xcatflow.errors import Source
from xcatflow.model import attributes as table
from xcatflow.model.definitions import Definition, Definitions, Group, Node
from xcatflow.model.explain_notes import Note, notes_on
from xcatflow.model.formula import is_formula
from xcatflow.model.formula_trace import Traced, trace
from xcatflow.model.meaning import Meaning, meaning
from xcatflow.model.nics import join_nics, nic_entries


class Verdict(StrEnum):
    """What became of a candidate."""

    COUNTS = "counts"
    """It has the value."""
    ADDS = "adds"
    """Its entries are gathered with those of others (`hierarchicalattrs`)."""
    LATER = "later"
    """It has a value, but an earlier one counts."""
    NOTHING = "nothing"
    """Nothing is written there."""
    UNDEFINED = "undefined"
    """A group that nodes name and nobody defines hands down nothing."""
    DYNAMIC = "dynamic"
    """A dynamic group hands down nothing."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that was considered: the node itself or one of its groups, what is written there, where, and what it comes to.

    `formulas` are those in what is written, with the adapters they are for (empty where the whole value is one); `added` the entries that
    no earlier candidate had, where entries are gathered."""

    objtype: str
    name: str
    verdict: Verdict
    written: str = ""
    source: Source | None = None
    value: str = ""
    formulas: tuple[tuple[str, Traced], ...] = ()
    added: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """A node's attribute by its own name, the value, the candidates in the order in which they were considered, and in sentences what else
    is to be known."""

    node: str
    attribute: str
    value: str | None
    candidates: tuple[Candidate, ...]
    notes: tuple[Note, ...]

    @property
    def decisive(self) -> Candidate | None:
        """The candidate that counts, or the first that adds something."""
        return next((each for each in self.candidates if each.verdict in (Verdict.COUNTS, Verdict.ADDS)), None)


def explain(definitions: Definitions, node: str, asked: str) -> Explanation:
    """Explain an attribute of a node; `asked` is a name that `Definitions.canonical` knows. Raises KeyError for an unknown node."""
    own = definitions.nodes[node]
    meant = meaning(definitions, node, asked)
    candidates = () if meant.head == "node" else tuple(_candidates(definitions, own, meant))
    return Explanation(
        node=node,
        attribute=meant.attribute,
        value=definitions.value(node, meant.attribute),
        candidates=candidates,
        notes=tuple(notes_on(definitions, node, meant)),
    )


def valued(definitions: Definitions, node: str) -> tuple[str, ...]:
    """The attributes that are written on a node or on a group that it inherits from, sorted, whether they give a value or not."""
    own = definitions.nodes[node]
    found = set(own.attributes)
    for name in own.groups:
        group = definitions.groups.get(name)
        if group is not None and not group.dynamic:
            found |= group.attributes.keys() & table.ATTRIBUTES["node"].keys() - table.OWN_ONLY
    return tuple(sorted(found))


def _candidates(definitions: Definitions, own: Node, meant: Meaning) -> Iterator[Candidate]:
    decided, gathered = False, set[str]()
    for name, holder in _holders(definitions, own, meant.head):
        objtype = "group" if holder is not own else "node"
        written = "" if holder is None else holder.attributes.get(meant.head, "")
        if holder is None:
            yield Candidate(objtype, name, Verdict.UNDEFINED)
        elif isinstance(holder, Group) and holder.dynamic:
            yield Candidate(objtype, name, Verdict.DYNAMIC)
        elif not written:
            yield Candidate(objtype, name, Verdict.NOTHING)
        else:
            verdict = Verdict.ADDS if meant.delimiter else Verdict.LATER if decided else Verdict.COUNTS
            decided = True
            found = _written(own.name, holder, meant, verdict)
            if meant.delimiter:
                entries = [entry.strip() for entry in found.value.split(meant.delimiter)]
                found = replace(found, added=tuple(entry for entry in entries if entry and entry not in gathered))
                gathered.update(found.added)
            yield found


def _holders(definitions: Definitions, own: Node, attribute: str) -> Iterator[tuple[str, Definition | None]]:
    yield own.name, own
    if attribute not in table.OWN_ONLY:
        yield from ((name, definitions.groups.get(name)) for name in own.groups)


def _written(node: str, holder: Definition, meant: Meaning, verdict: Verdict) -> Candidate:
    written = holder.attributes[meant.head]
    formulas = tuple(_formulas(written, node, meant))
    return Candidate(
        objtype=holder.objtype,
        name=holder.name,
        verdict=verdict,
        written=written,
        source=holder.source(meant.attribute) if holder.origin.file else None,
        value=_value(written, meant, formulas),
        formulas=formulas,
    )


def _formulas(written: str, node: str, meant: Meaning) -> Iterator[tuple[str, Traced]]:
    if is_formula(written):
        yield "", trace(written, node)
    elif meant.head in table.NICS:
        for nic, text in nic_entries(written):
            if is_formula(text) and meant.nic in ("", nic):
                yield nic, trace(text, node)


def _value(written: str, meant: Meaning, formulas: tuple[tuple[str, Traced], ...]) -> str:
    computed = dict(formulas)
    if "" in computed:
        whole = computed[""].value
        return dict(nic_entries(whole)).get(meant.nic, "") if meant.nic else whole
    if meant.head not in table.NICS:
        return written
    entries = ((nic, computed[nic].value if nic in computed else text) for nic, text in nic_entries(written))
    if meant.nic:
        return dict(entries).get(meant.nic, "")
    return join_nics(entries) if computed else written
