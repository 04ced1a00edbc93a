"""A container in a network of Docker: connected with a fixed address, or given another one.

Source: Docker Engine API, network connect; a container in the network `none` is refused any other until it has left that.
"""

from xcatflow.contract import Target
from xcatflow.errors import ActFailed
from xcatflow.steps.daemon_words import refused

_ALONE = "none"


def connect(at: Target, container: str, network: str, address: str) -> None:
    """Connect a container; one that was to have no network leaves `none` for it, which costs it nothing. Raises ActFailed."""
    facts = at.docker.inspect_container(container) or {}
    if _ALONE in (facts.get("NetworkSettings", {}).get("Networks") or {}):
        at.docker.disconnect_network(_ALONE, container)
    _connect(at, container, network, address)


def reconnect(at: Target, container: str, network: str, *, old: str, new: str) -> None:
    """Give a connected container the address `new`; where that is refused, `old` comes back. Raises ActFailed."""
    at.docker.disconnect_network(network, container)
    try:
        _connect(at, container, network, new)
    except ActFailed:
        at.docker.connect_network(network, container, address=old)
        raise


def _connect(at: Target, container: str, network: str, address: str) -> None:
    try:
        at.docker.connect_network(network, container, address=address)
    except ActFailed as error:
        message = f'cannot give container "{container}" the address {address} in the network "{network}": {error}'
        raise refused(error, message) from None
