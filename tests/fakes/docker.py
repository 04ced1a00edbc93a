"""A Docker daemon in memory: names, states and refusals as an engine 20.10 has them, and ways to make it misbehave.

Held to the same contract test as the adapter with a real daemon behind it (tests/unit/transport/test_docker_contract.py).
"""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from tests.fakes.docker_networks import FakeNetworks
from tests.fakes.docker_things import ALIVE, FakeContainer, digest, tagged
from xcatflow.errors import ActFailed, XcatflowError
from xcatflow.model.question import ContainerFacts, DaemonFacts, DockerNetworkFacts, Reply
from xcatflow.transport.protocols import Created, LogPiece

_EPOCH_S = 1_704_067_200


class FakeDocker(FakeNetworks):
    """`images` are there from the start, `registry` can be pulled. `calls` counts methods; `broken` makes every method raise;
    `fail_once[method]` makes the next call of that method raise, after doing its work when `after_doing` holds the method's name.

    `facts.used_api` decides which fields of bodies are refused. `said` are containers' logs, `runs` answers commands run inside, `warned`
    is what creating and updating find odd, `set_health` sets what a health check says. `image_volumes` are paths for which containers of
    an image get a volume each."""

    def __init__(
        self, *, images: Iterable[str] = (), registry: Iterable[str] = (), endpoint: str = "fake:2376"
    ) -> None:
        self.endpoint = endpoint
        self.calls: Counter[str] = Counter()
        self.broken: XcatflowError | None = None
        self.fail_once: dict[str, XcatflowError] = {}
        self.after_doing: set[str] = set()
        self.facts = DaemonFacts(engine="20.10.24", api="1.41", min_api="1.12", used_api="1.41")
        self.said: dict[str, list[LogPiece]] = {}
        self.runs: Callable[[str, tuple[str, ...]], Reply] = lambda _name, _command: Reply(0)
        self.warned: tuple[str, ...] = ()
        self.image_volumes: dict[str, tuple[str, ...]] = {}
        self.closed = False
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._networks = {
            name: DockerNetworkFacts(self._new_id(), name, driver)
            for name, driver in (("bridge", "bridge"), ("host", "host"), ("none", "null"))
        }
        self._volumes = {}
        super().__init__(images=images, registry=registry)

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or not callable(found) or name in ("close", "runs", "set_health"):
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

    def info(self) -> Mapping[str, Any]:
        return {"Name": "fake", "LoggingDriver": "json-file", "DefaultRuntime": "runc", "CgroupVersion": "2"}

    def set_health(self, name: str, health: str) -> None:
        """What the container's health check says from now on: `starting`, `healthy`, `unhealthy`, or nothing."""
        self._need(name).health = health

    def containers(self) -> tuple[ContainerFacts, ...]:
        return tuple(it.facts for it in self._containers.values())

    def inspect_container(self, name: str) -> Mapping[str, Any] | None:
        it = self._find(name)
        return it.inspected() if it else None

    def create_container(self, name: str, body: Mapping[str, Any]) -> Created:
        self._refuse_lacking(body, "create")
        image = self._image(body["Image"])
        if image is None:
            raise ActFailed(f"No such image: {tagged(body['Image'])}")
        if other := self._containers.get(name):
            raise ActFailed(
                f'Conflict. The container name "/{name}" is already in use by container "{other.id}". '
                "You have to remove (or rename) that container to be able to reuse that name."
            )
        it = FakeContainer(self._new_id(), name, deepcopy(dict(body)), image.id, _EPOCH_S + next(self._numbers))
        it.add_anonymous(self.image_volumes.get(body["Image"], ()), self._new_id)
        for volume in it.volumes:
            self.create_volume({"Name": volume})
        self._containers[name] = it
        return Created(it.id, self.warned)

    def start_container(self, name: str) -> bool:
        it = self._need(name)
        if it.state == "paused":
            raise ActFailed("cannot start a paused container, try unpause instead")
        if it.state == "running":
            return False
        if missing := [network for network in it.networks if not self._knows(network)]:
            raise ActFailed(f"network {missing[0]} not found")
        it.addresses = {
            network: self._address(network, end) for network, end in it.networks.items() if self._pool(network)
        }
        it.state, it.pid, it.exit_code = "running", 1000 + next(self._numbers), 0
        it.health = "starting" if it.body.get("Healthcheck") else ""
        return True

    def stop_container(self, name: str, *, grace_s: int | None) -> bool:
        it = self._need(name)
        was = it.state
        if was in ALIVE:
            it.state, it.pid, it.exit_code, it.addresses, it.health = "exited", 0, 137, {}, ""
        if was in ALIVE and it.body.get("HostConfig", {}).get("AutoRemove"):
            self.remove_container(name, force=True, volumes=True)
        return was in ALIVE

    def restart_container(self, name: str, *, grace_s: int | None) -> None:
        it = self._need(name)
        if it.state in ALIVE:
            it.state, it.addresses = "exited", {}
        self.start_container(it.name)

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

    def remove_container(self, name: str, *, force: bool, volumes: bool = False) -> None:
        it = self._need(name)
        if it.state in ALIVE and not force:
            raise ActFailed(
                f"You cannot remove a {it.state} container {it.id}. Stop the container before attempting removal or force remove"
            )
        del self._containers[it.name]
        used = {name for other in self._containers.values() for name in other.volumes}
        for name in set(it.anonymous.values()) - used if volumes else ():
            self._volumes.pop(name, None)

    def update_container(self, name: str, body: Mapping[str, Any]) -> tuple[str, ...]:
        self._refuse_lacking(body, "update")
        self._need(name).body.setdefault("HostConfig", {}).update(deepcopy(dict(body)))
        return self.warned

    def rename_container(self, name: str, new: str) -> None:
        container = self._need(name)
        if self._find(new):
            raise ActFailed(f'Conflict. The container name "/{new}" is already in use')
        self._containers[new] = self._containers.pop(container.name)
        container.name = new

    @contextmanager
    def logs(
        self, name: str, *, follow: bool = False, since_s: float | None = None, tail: int | None = None
    ) -> Iterator[Iterator[LogPiece]]:
        it = self._need(name)
        said = self.said.get(it.name, [])
        yield iter(said if tail is None else said[len(said) - tail :] if tail else ())

    def stats(self, name: str) -> Mapping[str, Any]:
        it = self._need(name)
        if not it.alive:
            return {
                "name": f"/{it.name}",
                "id": it.id,
                "cpu_stats": {"cpu_usage": {"total_usage": 0}},
                "memory_stats": {},
            }
        return {
            "name": f"/{it.name}",
            "id": it.id,
            "read": "2024-01-01T00:00:01.000000000Z",
            "cpu_stats": {
                "cpu_usage": {"total_usage": 50_000_000},
                "system_cpu_usage": 1_000_000_000,
                "online_cpus": 2,
            },
            "precpu_stats": {"cpu_usage": {"total_usage": 0}},
            "memory_stats": {"usage": 1_048_576, "limit": 536_870_912, "stats": {"inactive_file": 0}},
            "pids_stats": {"current": 1},
            "networks": {},
        }

    def execute(
        self,
        name: str,
        command: Sequence[str],
        *,
        timeout_s: float,
        user: str = "",
        directory: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Reply:
        self._refuse_lacking({"WorkingDir": directory, "Env": dict(environment or {})}, "exec")
        it = self._need(name)
        if it.state != "running":
            raise ActFailed(
                f"Container {it.id} is {'paused, unpause the container before exec' if it.alive else 'not running'}"
            )
        return self.runs(it.name, tuple(command))

    def close(self) -> None:
        self.closed = True

    def _find(self, name: str) -> FakeContainer | None:
        return self._containers.get(name) or next((it for it in self._containers.values() if it.id == name), None)

    def _need(self, name: str) -> FakeContainer:
        if found := self._find(name):
            return found
        raise ActFailed(f"No such container: {name}")

    def _new_id(self) -> str:
        return digest(f"{self.endpoint}{next(self._numbers)}").removeprefix("sha256:")
