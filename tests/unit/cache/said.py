"""What a site says, read by way of the cache and without it: to be compared."""

from collections.abc import Callable
from pathlib import Path

from xcatflow.cache.inventory import load_inventory
from xcatflow.errors import InvalidInput
from xcatflow.load.definitions import load_definitions
from xcatflow.model.definitions import Definitions


def told(load: Callable[[], Definitions]) -> object:
    """Everything that definitions say, or every complaint."""
    try:
        found = load()
    except InvalidInput as error:
        return [(problem.message, problem.source) for problem in error.problems]
    types = ("node", "group", "osimage", "network", "site", "policy")
    names = sorted({*found.nodes, *found.group_names, "nosuch"})
    return {
        "objects": {
            objtype: [
                (name, item, item.origin, dict(item.origin.places)) for name, item in found.objects(objtype).items()
            ]
            for objtype in types
        },
        "records": list(found.records.items()),
        "site": dict(found.site),
        "defaults": found.xcatdefaults,
        "groups": found.group_names,
        "members": {name: found.members(name) for name in names},
        "values": {
            (node, attribute): (found.value(node, attribute), found.source(node, attribute))
            for node in found.nodes
            for attribute in ("groups", "mgt", "ip", "nicips", "nicips.eth0", "arch", "vm.host", "postscripts")
        },
        "all": {attribute: list(found.values(attribute)) for attribute in ("groups", "mgt", "ip")},
        "warnings": found.warnings,
    }


def cached(site: Path) -> object:
    return told(lambda: load_inventory(site / "inventory").definitions)


def cold(site: Path) -> object:
    return told(lambda: load_definitions(site / "inventory"))
