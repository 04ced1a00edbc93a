"""Lists of scripts: every node's begin with those of the pseudo node `xcatdefaults`, which no node needs to name itself."""

from collections.abc import Mapping

from xcatflow.commands.changes import items_of, removed
from xcatflow.commands.remarks import Remarks
from xcatflow.model.attributes import SCRIPTS
from xcatflow.model.definitions import XCATDEFAULTS
from xcatflow.model.formula import is_formula


def without_defaults(
    node: str, attribute: str, text: str, defaults: Mapping[str, str], remarks: Remarks | None = None
) -> str:
    """A node's list without what every node's begins with, by the values of `xcatdefaults`; `remarks` gets a warning for each entry
    left out."""
    if attribute not in SCRIPTS or node == XCATDEFAULTS or is_formula(text):
        return text
    everybodys = defaults.get(attribute, "")
    left_out = [entry for entry in items_of(text) if entry in items_of(everybodys)]
    if not left_out:
        return text
    if remarks is not None:
        for entry in left_out:
            remarks.warn(f"{node}: {attribute} '{entry}' is already included in the 'xcatdefaults'.")
    return removed(text, everybodys)[0]
