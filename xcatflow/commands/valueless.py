"""Formulas that gave no value for what was just looked at: worth a warning, or an address is missing and nobody knows why."""

from xcatflow.commands.talk import Talk
from xcatflow.model.definitions import Definitions

_MOST = 10


def tell_valueless(talk: Talk, definitions: Definitions) -> None:
    """Warn of the first ones."""
    found = definitions.warnings
    for problem in found[:_MOST]:
        talk.warn(str(problem))
    if len(found) > _MOST:
        talk.warn(f"and {len(found) - _MOST} more of that kind: xcatflow check tells all")
