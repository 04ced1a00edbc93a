"""Values that name another object which is not there."""

from collections.abc import Iterator, Mapping

from xcatflow.errors import did_you_mean
from xcatflow.model.definitions import Definition, Definitions
from xcatflow.model.findings import Findings, Lost
from xcatflow.model.nics import nic_values
from xcatflow.model.values import split_list
from xcatflow.model.written import written

_METHODS = ("install", "netboot", "statelite")
"""What `provmethod` could also say in old definitions."""


def check(found: Findings, definitions: Definitions, lost: Lost) -> None:
    """Find references to osimages, routes and networks that do not exist."""
    used = written(definitions)
    if "provmethod" in used:
        _osimages(found, definitions, lost)
    if "routenames" in used:
        _named(found, definitions, "routenames", "route", lost)
    if "nicnetworks" in used:
        _named(found, definitions, "nicnetworks", "network", lost)


def _osimages(found: Findings, definitions: Definitions, lost: Lost) -> None:
    hints: dict[str, str] = {}
    for node in definitions.nodes:
        image = definitions.value(node, "provmethod")
        if not image or image in definitions.osimages or image in _METHODS or lost(image):
            continue
        if definitions.value(node, "mgt") != "docker":
            if image not in hints:
                hints[image] = f': there is no osimage "{image}"{did_you_mean(image, definitions.osimages)}'
            source = definitions.source(node, "provmethod")
            found.on_node("warning", node, source, '"provmethod" of ', hints[image])


def _named(found: Findings, definitions: Definitions, attribute: str, objtype: str, lost: Lost) -> None:
    known: Mapping[str, Definition] = definitions.objects(objtype)
    for node in definitions.nodes:
        for name in _names(attribute, definitions.value(node, attribute) or ""):
            if name not in known and not lost(name):
                after = f': there is no {objtype} "{name}"{did_you_mean(name, known)}'
                found.on_node("warning", node, definitions.source(node, attribute), f'"{attribute}" of ', after)


def _names(attribute: str, value: str) -> Iterator[str]:
    if attribute == "routenames":
        yield from split_list(value)
    else:
        yield from (name for _, name in nic_values(value))
