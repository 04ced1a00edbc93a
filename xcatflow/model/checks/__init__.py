"""Everything that can be said against the definitions of a site as a whole."""

from xcatflow.model import cross_checks
from xcatflow.model.checks import addresses, formulas, groups, names, networks, references, words
from xcatflow.model.definitions import Definitions
from xcatflow.model.findings import NOTHING_LOST, Findings, Lost


def check(found: Findings, definitions: Definitions, lost: Lost = NOTHING_LOST) -> None:
    """Find every problem of the definitions; objects that are `lost` are not missed."""
    cross_checks.rules(found, definitions, lost)
    cross_checks.addresses(found, definitions, lost)
    addresses.check(found, definitions, lost)
    networks.check(found, definitions)
    names.check(found, definitions)
    groups.check(found, definitions, lost)
    references.check(found, definitions, lost)
    formulas.check(found, definitions)
    words.check(found, definitions)
