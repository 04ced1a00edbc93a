"""A compose project: what its services need to know of each other and of what is around the file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xcatflow.errors import InvalidInput, Source, did_you_mean
from xcatflow.exchange.compose_networks import Network
from xcatflow.exchange.compose_said import Said
from xcatflow.exchange.compose_tree import Fields, Tree
from xcatflow.exchange.compose_variables import Variables


@dataclass(frozen=True, slots=True)
class Service:
    """A service: `tree` is what is said of it with what it extends, `nodes` how its nodes are called; it gets them where it is `wanted`."""

    name: str
    tree: Fields
    nodes: tuple[str, ...]
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume of the file. `name` is the daemon's; an `external` one is made by somebody else."""

    key: str
    name: str
    external: bool
    given: Fields


@dataclass(frozen=True, slots=True)
class Project:
    """`read` gives the text of a file, by its name as messages have it, None where there is none; `endpoint` is the daemon that services
    are on; `mounted` are the keys of volumes that services have."""

    name: str
    group: str
    endpoint: str
    variables: Variables
    read: Callable[[str], str | None]
    networks: Mapping[str, Network]
    volumes: Mapping[str, Volume]
    services: Mapping[str, Service]
    said: Said
    mounted: dict[str, None] = field(default_factory=dict)

    def node_of(self, service: str, source: Source) -> str:
        """The node of a service, the first of several. Raises InvalidInput."""
        if service not in self.services:
            raise InvalidInput(f'there is no service "{service}"{did_you_mean(service, self.services)}', source)
        return self.services[service].nodes[0]

    def volume_name(self, key: str, at: Tree) -> str:
        """The daemon's name of a volume. Raises InvalidInput."""
        if key not in self.volumes:
            hint = did_you_mean(key, self.volumes) or '; a directory of the host begins with "/"'
            raise InvalidInput(f'the volume "{key}" is not defined under "volumes"{hint}', at.source)
        self.mounted[key] = None
        return self.volumes[key].name
