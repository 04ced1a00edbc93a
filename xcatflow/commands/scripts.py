"""Lists of scripts: every node's begin with those of the pseudo node `xcatdefaults`, which no node needs to name itself."""

from collections.abc import Mapping

from xcatflow.commands.changes import items_of
from xcatflow.commands.findings import Findings
from xcatflow.model.definitions import XCATDEFAULTS
from xcatflow.model.formula import is_formula

SCRIPTS = ("postscripts", "postbootscripts")


def without_defaults(
    node: str, attribute: str, text: str, defaults: Mapping[str, str], findings: Findings | None = None
) -> str:
    """A node's list without what every node's begins with, by the values of `xcatdefaults`; `findings` gets a warning for each entry
    left out."""
    if attribute not in SCRIPTS or node == XCATDEFAULTS or is_formula(text):
        return text
    everybodys = items_of(defaults.get(attribute, ""))
    entries = items_of(text)
    left_out = [entry for entry in entries if entry in everybodys]
    if not left_out:
        return text
    if findings is not None:
        for entry in left_out:
            findings.warn(f"{node}: {attribute} '{entry}' is already included in the 'xcatdefaults'.")
    return ",".join(entry for entry in entries if entry not in everybodys)
