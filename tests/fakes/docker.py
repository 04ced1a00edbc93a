"""A Docker daemon in memory: names, states and refusals as an engine 20.10 has them, and ways to make it misbehave.

Held to the same contract test as the adapter with a real daemon behind it (tests/unit/transport/test_docker_contract.py).
"""

import hashlib
import itertools
import json
import tarfile
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from xcatflow.errors import ActFailed, XcatflowError
from xcatflow.model.question import ContainerFacts, DaemonFacts, DockerNetworkFacts, ImageFacts
from xcatflow.transport.docker_facts import split_reference

_ALIVE = ("running", "paused")


@dataclass
class _Container:
    id: str
    name: str
    body: dict[str, Any]
    image_id: str
    state: str = "created"
    pid: int = 0
    addresses: dict[str, str] = field(default_factory=dict)

    @property
    def networks(self) -> dict[str, Any]:
        mode = self.body.get("HostConfig", {}).get("NetworkMode", "bridge")
        ends = self.body.get("NetworkingConfig", {}).get("EndpointsConfig")
        return {mode: {}} if ends is None else ends


class FakeDocker:
    """`images` are there from the start, `registry` can be pulled. `calls` counts methods; `broken` makes every method raise;
    `fail_once[method]` makes the next call of that method raise, after doing its work when `after_doing` holds the method's name."""

    def __init__(
        self, *, images: Iterable[str] = (), registry: Iterable[str] = (), endpoint: str = "fake:2376"
    ) -> None:
        self.endpoint = endpoint
        self.calls: Counter[str] = Counter()
        self.broken: XcatflowError | None = None
        self.fail_once: dict[str, XcatflowError] = {}
        self.after_doing: set[str] = set()
        self.facts = DaemonFacts(engine="20.10.24", api="1.41", min_api="1.12", used_api="1.41")
        self.closed = False
        self._registry = {_tagged(reference) for reference in registry}
        self._images: dict[str, set[str]] = {}
        self._containers: dict[str, _Container] = {}
        self._networks: dict[str, DockerNetworkFacts] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        for reference in images:
            self._add_image(reference)
        for name, driver in (("bridge", "bridge"), ("host", "host"), ("none", "null")):
            self._networks[name] = DockerNetworkFacts(self._new_id(), name, driver)

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or not callable(found) or name == "close":
            return found

        def called(*args: Any, **options: Any) -> Any:
            with self._lock:
                self.calls[name] += 1
                failure = self.broken or self.fail_once.pop(name, None)
                if failure and name not in self.after_doing:
                    raise failure
                result = found(*args, **options)
                if failure:
                    raise failure
                return result

        return called

    def daemon(self) -> DaemonFacts:
        return self.facts

    def containers(self) -> tuple[ContainerFacts, ...]:
        return tuple(
            ContainerFacts(
                id=it.id,
                name=it.name,
                image=it.body["Image"],
                image_id=it.image_id,
                state=it.state,
                status={"running": "Up 1 second", "paused": "Up 1 second (Paused)"}.get(
                    it.state, it.state.capitalize()
                ),
                labels=dict(it.body.get("Labels") or {}),
                addresses=dict(it.addresses),
            )
            for it in self._containers.values()
        )

    def images(self) -> tuple[ImageFacts, ...]:
        return tuple(ImageFacts(id, tuple(sorted(tags))) for id, tags in self._images.items())

    def networks(self) -> tuple[DockerNetworkFacts, ...]:
        return tuple(self._networks.values())

    def inspect_container(self, name: str) -> Mapping[str, Any] | None:
        it = self._find(name)
        if it is None:
            return None
        host = it.body.get("HostConfig", {})
        return deepcopy(
            {
                "Id": it.id,
                "Name": f"/{it.name}",
                "Image": it.image_id,
                "State": {
                    "Status": it.state,
                    "Running": it.state in _ALIVE,
                    "Paused": it.state == "paused",
                    "Pid": it.pid,
                },
                "Config": {
                    "Labels": {},
                    **{key: value for key, value in it.body.items() if key[:4] not in ("Host", "Netw")},
                },
                "HostConfig": {
                    "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
                    "NetworkMode": "default",
                    **host,
                },
                "NetworkSettings": {
                    "Networks": {name: {"IPAddress": it.addresses.get(name, "")} for name in it.networks}
                },
            }
        )

    def inspect_image(self, reference: str) -> ImageFacts | None:
        id = self._image_id(reference)
        return ImageFacts(id, tuple(sorted(self._images[id]))) if id else None

    def image_details(self, reference: str) -> Mapping[str, Any] | None:
        id = self._image_id(reference)
        if id is None:
            return None
        return {"Id": id, "RepoTags": sorted(self._images[id]), "RepoDigests": [], "Config": {"Env": ["PATH=/bin"]}}

    def info(self) -> Mapping[str, Any]:
        return {"Name": "fake", "LoggingDriver": "json-file", "DefaultRuntime": "runc", "CgroupVersion": "2"}

    def create_container(self, name: str, body: Mapping[str, Any]) -> str:
        image_id = self._image_id(body["Image"])
        if image_id is None:
            raise ActFailed(f"No such image: {_tagged(body['Image'])}")
        if other := self._containers.get(name):
            raise ActFailed(
                f'Conflict. The container name "/{name}" is already in use by container "{other.id}". '
                "You have to remove (or rename) that container to be able to reuse that name."
            )
        self._containers[name] = _Container(self._new_id(), name, deepcopy(dict(body)), image_id)
        return self._containers[name].id

    def start_container(self, name: str) -> None:
        it = self._need(name)
        if it.state == "paused":
            raise ActFailed("cannot start a paused container, try unpause instead")
        if it.state != "running":
            if missing := [network for network in it.networks if not self._knows(network)]:
                raise ActFailed(f"network {missing[0]} not found")
            it.addresses = {
                network: self._address(network, end) for network, end in it.networks.items() if self._pool(network)
            }
            it.state, it.pid = "running", 1000 + next(self._numbers)

    def stop_container(self, name: str, *, grace_s: int) -> None:
        it = self._need(name)
        if it.state in _ALIVE:
            it.state, it.pid, it.addresses = "exited", 0, {}

    def pause_container(self, name: str) -> None:
        it = self._need(name)
        if it.state != "running":
            raise ActFailed(f"Container {it.id} is {'already paused' if it.state == 'paused' else 'not running'}")
        it.state = "paused"

    def unpause_container(self, name: str) -> None:
        it = self._need(name)
        if it.state != "paused":
            raise ActFailed(f"Container {it.id} is not paused")
        it.state = "running"

    def remove_container(self, name: str, *, force: bool) -> None:
        it = self._need(name)
        if it.state in _ALIVE and not force:
            raise ActFailed(
                f"You cannot remove a {it.state} container {it.id}. Stop the container before attempting removal or force remove"
            )
        del self._containers[it.name]

    def update_container(self, name: str, body: Mapping[str, Any]) -> None:
        self._need(name).body.setdefault("HostConfig", {}).update(deepcopy(dict(body)))

    def rename_container(self, name: str, new: str) -> None:
        container = self._need(name)
        if self._find(new):
            raise ActFailed(f'Conflict. The container name "/{new}" is already in use')
        self._containers[new] = self._containers.pop(container.name)
        container.name = new

    def create_network(self, body: Mapping[str, Any]) -> str:
        name = body["Name"]
        if name in self._networks:
            raise ActFailed(f"network with name {name} already exists")
        pools = tuple((p.get("Subnet", ""), p.get("Gateway", "")) for p in (body.get("IPAM") or {}).get("Config") or ())
        wanted = [ip_network(subnet) for subnet, _ in pools]
        taken = [ip_network(subnet) for network in self._networks.values() for subnet, _ in network.pools]
        if any(one.overlaps(other) for one in wanted for other in taken):
            raise ActFailed("Pool overlaps with other one on this address space")
        self._networks[name] = DockerNetworkFacts(
            id=self._new_id(),
            name=name,
            driver=body.get("Driver") or "bridge",
            pools=pools,
            options=dict(body.get("Options") or {}),
            labels=dict(body.get("Labels") or {}),
            internal=bool(body.get("Internal")),
        )
        return self._networks[name].id

    def remove_network(self, name: str) -> None:
        if name not in self._networks:
            raise ActFailed(f"network {name} not found")
        if any(name in it.addresses for it in self._containers.values()):
            raise ActFailed(
                f"error while removing network: network {name} id {self._networks[name].id} has active endpoints"
            )
        del self._networks[name]

    def connect_network(self, network: str, container: str, *, address: str | None) -> None:
        if network not in self._networks:
            raise ActFailed(f"network {network} not found")
        it = self._need(container)
        if network in it.networks:
            raise ActFailed(f"endpoint with name {it.name} already exists in network {network}")
        end = {"IPAMConfig": {"IPv4Address": address}} if address else {}
        if it.state in _ALIVE and self._pool(network):
            it.addresses[network] = self._address(network, end)
        it.body["NetworkingConfig"] = {"EndpointsConfig": {**it.networks, network: end}}

    def disconnect_network(self, network: str, container: str) -> None:
        it = self._need(container)
        if network not in it.networks:
            raise ActFailed(f"container {container} is not connected to network {network}")
        it.addresses.pop(network, None)
        it.body["NetworkingConfig"] = {
            "EndpointsConfig": {name: it.networks[name] for name in it.networks if name != network}
        }

    def pull_image(self, reference: str) -> None:
        if _tagged(reference) not in self._registry:
            raise ActFailed(f"manifest for {_tagged(reference)} not found: manifest unknown: manifest unknown")
        self._add_image(reference)

    def load_image(self, archive: Path) -> tuple[str, ...]:
        try:
            with tarfile.open(archive) as tar:
                manifest = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
        except OSError as error:
            raise ActFailed(
                f'cannot read image archive "{archive}": {(error.strerror or str(error)).lower()}'
            ) from error
        except (tarfile.TarError, KeyError) as error:
            raise ActFailed(f"Error processing tar file: {error}") from error
        references = tuple(tag for item in manifest for tag in item["RepoTags"])
        for reference in references:
            self._add_image(reference)
        return references

    def remove_image(self, reference: str) -> None:
        id = self._image_id(reference)
        if id is None:
            raise ActFailed(f"No such image: {_tagged(reference)}")
        if users := [it for it in self._containers.values() if it.image_id == id]:
            raise ActFailed(
                f'conflict: unable to remove repository reference "{reference}" (must force) - container {users[0].id[:12]} '
                f"is using its referenced image {id[7:19]}"
            )
        self._images[id].discard(_tagged(reference))
        if not self._images[id]:
            del self._images[id]

    def close(self) -> None:
        self.closed = True

    def _find(self, name: str) -> _Container | None:
        return self._containers.get(name) or next((it for it in self._containers.values() if it.id == name), None)

    def _need(self, name: str) -> _Container:
        if found := self._find(name):
            return found
        raise ActFailed(f"No such container: {name}")

    def _add_image(self, reference: str) -> None:
        id = f"sha256:{hashlib.sha256(_tagged(reference).encode()).hexdigest()}"
        self._images.setdefault(id, set()).add(_tagged(reference))

    def _image_id(self, reference: str) -> str | None:
        return next((id for id, tags in self._images.items() if id == reference or _tagged(reference) in tags), None)

    def _knows(self, network: str) -> bool:
        return network in self._networks or network == "default" or network.startswith("container:")

    def _pool(self, network: str) -> str:
        pools = self._networks[network].pools if network in self._networks else ()
        return pools[0][0] if pools else ""

    def _address(self, network: str, end: Mapping[str, Any] | None) -> str:
        used = {it.addresses[network] for it in self._containers.values() if network in it.addresses}
        if fixed := ((end or {}).get("IPAMConfig") or {}).get("IPv4Address"):
            if fixed in used:
                raise ActFailed("Address already in use")
            return str(fixed)
        gateway = self._networks[network].pools[0][1]
        return next(str(ip) for ip in ip_network(self._pool(network)).hosts() if str(ip) not in (*used, gateway))

    def _new_id(self) -> str:
        return hashlib.sha256(f"{self.endpoint}{next(self._numbers)}".encode()).hexdigest()


def _tagged(reference: str) -> str:
    repository, tag = split_reference(reference)
    return f"{repository}@{tag}" if "@" in reference else f"{repository}:{tag}"
