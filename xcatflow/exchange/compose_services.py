"""The services of a compose file: which become nodes, what they are with all that they extend, and how their nodes are called.

Source: Compose Specification, "profiles", "extends", "container_name", "scale"; a container's name is PROJECT-SERVICE-NUMBER with docker
compose 2, here PROJECT-SERVICE where a service has one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from xcatflow.errors import InvalidInput, Source
from xcatflow.exchange.brought import Remark
from xcatflow.exchange.compose_deploy import replicas
from xcatflow.exchange.compose_extends import extended
from xcatflow.exchange.compose_project import Service
from xcatflow.exchange.compose_said import Said
from xcatflow.exchange.compose_tree import Fields, text, texts
from xcatflow.exchange.names import Names
from xcatflow.model.names import container_problem

_SERVICE = re.compile(r"[A-Za-z0-9._-]+")
_NOT_NODE = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(slots=True)
class Services:
    """`profiles` are the active ones (`*`: all); `load` gives the services of another file."""

    project: str
    profiles: frozenset[str]
    load: Callable[[str, Source], Fields]
    said: Said
    names: Names = field(default_factory=lambda: Names(_node_name))

    def read(self, tree: Fields) -> dict[str, Service]:
        """The services by their names; what is wrong with one is told, and it is left out."""
        found: dict[str, Service] = {}
        for name in tree.items:
            try:
                found[name] = self._service(name, tree)
            except InvalidInput as error:
                self.said.problems += error.problems
        self.names.learn(container for service in found.values() for container in service.nodes)
        return {name: self._named(service) for name, service in found.items()}

    def _service(self, name: str, tree: Fields) -> Service:
        if not _SERVICE.fullmatch(name):
            raise InvalidInput(
                f'the name of the service "{name}" may hold letters, digits, ".", "_" and "-" only', tree.at(name)
            )
        whole = extended(name, tree, self.load)
        count = replicas(whole)
        own = whole.get("container_name")
        if own is not None and count > 1:
            raise InvalidInput(f'"container_name" is for one container, and service "{name}" has {count}', own.source)
        stem = text(own) if own is not None else f"{self.project}-{name}"
        containers = tuple(f"{stem}-{number}" for number in range(1, count + 1)) if count > 1 else (stem,)
        return Service(name, whole, containers, self._wanted(name, whole, count, tree.at(name)))

    def _wanted(self, name: str, whole: Fields, count: int, source: Source) -> bool:
        listed = whole.get("profiles")
        profiles = texts(listed) if listed is not None else []
        if listed is not None and profiles and "*" not in self.profiles and self.profiles.isdisjoint(profiles):
            why = f"it is for the profiles {', '.join(profiles)}, of which COMPOSE_PROFILES names none"
            self.said.left.append(Remark(f"service {{who}}: {why}", listed.source, name))
            return False
        if whole.get("image") is None:
            hint = (
                ", and is built from source: build it, and say what its image is called" if whole.get("build") else ""
            )
            self.said.left.append(Remark(f"service {{who}}: it names no image{hint}", source, name))
            return False
        if not count:
            self.said.left.append(Remark("service {who}: it has no container", source, name))
        return bool(count)

    def _named(self, service: Service) -> Service:
        nodes = tuple(self.names(container) for container in service.nodes)
        for container, node in zip(service.nodes, nodes, strict=True):
            if container != node and service.wanted:
                place = service.tree.get("container_name") or service.tree
                self.said.note(service.name, f'its container "{container}" is called "{node}" here', place.source)
        return replace(service, nodes=nodes)


def _node_name(container: str) -> str:
    """A container's name as a node's: without dots."""
    name = _NOT_NODE.sub("-", container).strip("-_") or "node"
    return f"{name}-1" if container_problem(name) else name
