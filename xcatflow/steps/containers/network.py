"""A container in a network of Docker: connected with a fixed address, or given another one.

Source: Docker Engine API, network connect; a container in the network `none` is refused any other until it has left that.
"""

from dataclasses import dataclass

from xcatflow.contract import Target
from xcatflow.errors import ActFailed
from xcatflow.steps.daemons.words import refused

_ALONE = "none"


@dataclass(frozen=True, slots=True)
class End:
    """What a container is connected with; None is the daemon's choice."""

    address: str | None = None
    address6: str | None = None
    mac: str | None = None


def end_of(at: Target, container: str, network: str) -> End:
    """The addresses that were asked for where the container is connected now."""
    ends = ((at.docker.inspect_container(container) or {}).get("NetworkSettings") or {}).get("Networks") or {}
    config = (ends.get(network) or {}).get("IPAMConfig") or {}
    return End(config.get("IPv4Address") or None, config.get("IPv6Address") or None)


def join(at: Target, container: str, network: str, end: End) -> None:
    """Connect a container. Raises ActFailed in the daemon's words."""
    at.docker.connect_network(network, container, address=end.address, address6=end.address6, mac=end.mac)


def rejoin(at: Target, container: str, network: str, *, new: End, old: End) -> None:
    """Connect a connected container anew; where that is refused it is connected as before. Raises ActFailed in the daemon's words, which
    tell when it has no connection now."""
    at.docker.disconnect_network(network, container)
    try:
        join(at, container, network, new)
    except ActFailed as error:
        try:
            join(at, container, network, old)
        except ActFailed as worse:
            message = f"{error}; and it could not be connected as before: {worse}"
            raise type(error)(message, error.detail) from error
        raise


def connect(at: Target, container: str, network: str, address: str) -> None:
    """Connect a container; one that was to have no network leaves `none` for it, which costs it nothing. Raises ActFailed."""
    facts = at.docker.inspect_container(container) or {}
    if _ALONE in (facts.get("NetworkSettings", {}).get("Networks") or {}):
        at.docker.disconnect_network(_ALONE, container)
    try:
        join(at, container, network, End(address))
    except ActFailed as error:
        raise _cannot_give(error, container, network, address) from None


def reconnect(at: Target, container: str, network: str, *, old: str, new: str) -> None:
    """Give a connected container the address `new`; where that is refused, `old` comes back. Raises ActFailed."""
    try:
        rejoin(at, container, network, new=End(new), old=End(old))
    except ActFailed as error:
        raise _cannot_give(error, container, network, new) from None


def _cannot_give(error: ActFailed, container: str, network: str, address: str) -> ActFailed:
    return refused(
        error, f'cannot give container "{container}" the address {address} in the network "{network}": {error}'
    )
