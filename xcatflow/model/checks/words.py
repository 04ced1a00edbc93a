"""Words that look misspelt where any word is allowed."""

from xcatflow.model.alike import one_slip_apart
from xcatflow.model.definitions import Definitions
from xcatflow.model.findings import Findings
from xcatflow.model.formula import is_formula

_WORDS = """
master domain nameservers ntpservers installdir tftpdir httpport timezone nodestatus excludenodes hierarchicalattrs
runbootscripts precreatemypostscripts nodesyncfiledir sshbetweennodes FQDNfirst nmapoptions cleanupdiskfullxcatpost
xcatdebugmode monitorapps
"""
_SITE = tuple(_WORDS.split())
"""Attributes of the site object that something acts on. Others are allowed."""

_METHODS = ("docker", "kvm", "esx", "ipmi", "openbmc", "hmc", "ivm", "fsp", "bpa", "blade", "mic", "zvm")
"""Methods of management."""


def check(found: Findings, definitions: Definitions) -> None:
    """Find attributes of the site and values of `mgt` that are one slip away from one that means something."""
    clustersite = definitions.records.get(("site", "clustersite"))
    if clustersite:
        for attribute in clustersite.attributes:
            if meant := _meant(attribute, _SITE):
                source = clustersite.source(attribute)
                found.warn(f'nothing acts on "{attribute}" of the site, did you mean "{meant}"?', source)
    for holder in (*definitions.nodes.values(), *definitions.groups.values()):
        mgt = holder.attributes.get("mgt")
        if mgt and mgt not in _METHODS and not is_formula(mgt) and (meant := _meant(mgt, _METHODS)):
            what = f'"mgt" of {holder.objtype} "{holder.name}": '
            found.warn(f'{what}unknown method "{mgt}", did you mean "{meant}"?', holder.source("mgt"))


def _meant(word: str, known: tuple[str, ...]) -> str:
    """The known word that a word may be a misspelling of; empty where there is none, or the word is a known one itself."""
    if word in known:
        return ""
    return next((other for other in known if other.lower() == word.lower() or one_slip_apart(word, other)), "")
