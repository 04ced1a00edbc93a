"""What a new network lacks, or which one it would be a second time."""

from collections.abc import Iterator, Mapping

from xcatflow.commands.planned import Planned
from xcatflow.model.values import Network4or6, subnet_of


def network_problem(name: str, values: Mapping[str, str], planned: Planned) -> str:
    """Why there cannot be a network of this name with these values; empty where there can."""
    net, mask = values.get("net", ""), values.get("mask", "")
    if not net or not mask:
        return f"Net or mask value should not be empty for xCAT network object '{name}'."
    wanted = _subnet(net, mask)
    for other, found in dict(_networks(planned)).items():
        if other != name and wanted is not None and found == wanted:
            return (
                f"A network definition called '{other}' already exists that contains the same net and mask values. "
                f"Cannot create a definition for '{name}'."
            )
    return ""


def _networks(planned: Planned) -> Iterator[tuple[str, Network4or6 | None]]:
    yield from ((name, network.subnet) for name, network in planned.definitions.networks.items())
    for (objtype, name), values in planned.touched().items():
        if objtype == "network":
            yield name, _subnet(values.get("net", ""), values.get("mask", ""))


def _subnet(net: str, mask: str) -> Network4or6 | None:
    try:
        return subnet_of(net, mask)
    except ValueError:
        return None
