"""Facts in noderanges: `facts.engine==running`, and `os=~debian` of nodes whose definition does not say what they run."""

from collections.abc import Iterable

from xcatflow.errors import InvalidInput, NotGathered, did_you_mean
from xcatflow.model.fact_names import FACTS, PREFIX, STANDS_IN
from xcatflow.selection.inventory import Inventory
from xcatflow.selection.tree import Criterion


def fact_of(attribute: str, noderange: str) -> str:
    """The fact that the attribute of a criterion names, empty where it names none. Raises InvalidInput for an unknown fact."""
    if not attribute.startswith(PREFIX):
        return ""
    name = attribute.removeprefix(PREFIX)
    if name in FACTS:
        return name
    if name.rstrip("<>") in FACTS:
        raise InvalidInput(f"Noderanges compare text only, with == != =~ !~: found '{attribute}=' in '{noderange}'")
    hint = did_you_mean(name, FACTS) or ": xcatflow facts --help lists them"
    raise InvalidInput(f"Unknown fact '{name}' in noderange '{noderange}'{hint}")


def observed(inventory: Inventory, criterion: Criterion, fact: str) -> frozenset[str]:
    """The nodes whose fact satisfies a criterion, an absent one being empty text. A node of which nothing is known satisfies none: that
    it is unlike a value cannot be told. Raises NotGathered where nothing is known of any node."""
    known = inventory.facts.all()
    if not known:
        raise NotGathered(f"no facts of any node yet, '{criterion.attribute}' means nothing: xcatflow facts NODERANGE")
    nodes = inventory.nodes
    return frozenset(node for node, facts in known.items() if criterion.holds(facts.get(fact, "")) and node in nodes)


def standing_in(
    inventory: Inventory, attribute: str, values: Iterable[tuple[str, str | None]]
) -> Iterable[tuple[str, str | None]]:
    """The values of an attribute, facts in place of those that no definition says, for the few attributes that are also facts."""
    if attribute not in STANDS_IN:
        return values
    known = inventory.facts.all()
    return ((node, value or known.get(node, {}).get(attribute)) for node, value in values) if known else values
