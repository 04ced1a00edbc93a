"""Tasks that tell about definitions: explain."""

import json as json_text
from typing import TYPE_CHECKING

from xcatflow.errors import InvalidInput, did_you_mean
from xcatflow.tasks.common import say, site, warn
from xcatflow.tasks.face import face

if TYPE_CHECKING:
    from xcatflow.app import Site


@face(
    words=["what"],
    help={
        "what": "NODERANGE.ATTRIBUTE, or a NODERANGE for all attributes of its nodes in short",
        "json": "as JSON",
    },
)
def explain(what: str, json: bool = False) -> None:
    """Tell how a value came about: every place that was considered, in order, with file and line."""
    from xcatflow.model.explain import explain as explained
    from xcatflow.model.explain import valued
    from xcatflow.report.explanation import all_data, listed, told

    here = site()
    noderange, nodes, attribute = _meant(here, what)
    if not nodes:
        warn(f'no node in "{noderange}"')
    found = {
        node: [
            explained(here.definitions, node, name)
            for name in ([attribute] if attribute else valued(here.definitions, node))
        ]
        for node in nodes
    }
    if json:
        say(json_text.dumps(all_data(each for all_ in found.values() for each in all_), indent=2))
    elif attribute:
        say(*told([each for all_ in found.values() for each in all_]))
    else:
        for index, all_ in enumerate(found.values()):
            say(*([""] if index else []), *listed(all_))


def _meant(here: "Site", what: str) -> tuple[str, tuple[str, ...], str]:
    """The noderange, its nodes, and the attribute; empty for all attributes. Both names of nodes and of attributes may hold dots. Raises
    InvalidInput."""
    definitions = here.definitions
    splits = [(what[:at], what[at + 1 :]) for at, letter in enumerate(what) if letter == "."]
    known = [(noderange, attribute) for noderange, attribute in splits if definitions.canonical(attribute)]
    tried = [*known, (what, "")]
    problem: InvalidInput | None = None
    for noderange, attribute in tried:
        if noderange in definitions.nodes:
            return noderange, (noderange,), attribute
        try:
            return noderange, here.select(noderange), attribute
        except InvalidInput as error:
            problem = problem or error
    if not known:
        _unknown_attribute(here, splits)
    assert problem is not None
    raise problem


def _unknown_attribute(here: "Site", splits: list[tuple[str, str]]) -> None:
    """Raise InvalidInput where the part before a dot selects nodes: then what stands behind it was to be an attribute."""
    from xcatflow.model.attributes import ATTRIBUTES

    for noderange, attribute in splits:
        try:
            here.select(noderange)
        except InvalidInput:
            continue
        hint = did_you_mean(attribute, ATTRIBUTES["node"])
        raise InvalidInput(
            f'nodes have no attribute "{attribute}"{hint or ": xcatflow explain NODE lists what is set"}'
        )
