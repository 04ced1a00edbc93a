"""What the daemon in memory keeps: its containers and its images, and the texts an engine 20.10 makes of them."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from xcatflow.model.image import split_reference
from xcatflow.model.question import ContainerFacts

ALIVE = ("running", "paused")


@dataclass
class FakeContainer:
    """A container made from `body`. `health` is what its health check says; it starts with `starting` where the body has one. `anonymous`
    maps paths in it to the volumes that were made for it there."""

    id: str
    name: str
    body: dict[str, Any]
    image_id: str
    created_s: int
    state: str = "created"
    pid: int = 0
    exit_code: int = 0
    health: str = ""
    addresses: dict[str, str] = field(default_factory=dict)
    anonymous: dict[str, str] = field(default_factory=dict)

    def add_anonymous(self, paths: Iterable[str], new: Callable[[], str]) -> None:
        """A volume of its own for each path where nothing else is mounted; `new` gives their names."""
        host = self.body.get("HostConfig", {})
        binds = [str(bind).split(":") for bind in host.get("Binds") or ()]
        taken = {parts[1] for parts in binds if len(parts) > 1} | {it.get("Target") for it in host.get("Mounts") or ()}
        asked = [*paths, *(self.body.get("Volumes") or {}), *(parts[0] for parts in binds if len(parts) == 1)]
        self.anonymous = {path: new() for path in dict.fromkeys(asked) if path not in taken}

    @property
    def alive(self) -> bool:
        return self.state in ALIVE

    @property
    def networks(self) -> dict[str, Any]:
        mode = self.body.get("HostConfig", {}).get("NetworkMode", "bridge")
        ends = self.body.get("NetworkingConfig", {}).get("EndpointsConfig")
        return {mode: {}} if ends is None else ends

    @property
    def volumes(self) -> Iterator[str]:
        """Names of the volumes it uses."""
        host = self.body.get("HostConfig", {})
        yield from (bind.partition(":")[0] for bind in host.get("Binds") or () if not bind.startswith("/"))
        yield from self.anonymous.values()
        yield from (it["Source"] for it in host.get("Mounts") or () if it.get("Type") == "volume" and it.get("Source"))

    @property
    def facts(self) -> ContainerFacts:
        return ContainerFacts(
            id=self.id,
            name=self.name,
            image=self.body["Image"],
            image_id=self.image_id,
            state=self.state,
            status=self._status,
            labels=dict(self.body.get("Labels") or {}),
            addresses=dict(self.addresses),
            networks=tuple(sorted(self.networks)),
            command=" ".join(f"'{word}'" if " " in word else word for word in self.body.get("Cmd") or ("/bin/sh",)),
            created_s=self.created_s,
            volumes=tuple(self.volumes),
            fixed={name: ip for name, end in sorted(self.networks.items()) if (ip := _asked_for(end))},
        )

    @property
    def _status(self) -> str:
        health = {"": "", "starting": " (health: starting)"}.get(self.health, f" ({self.health})")
        match self.state:
            case "running":
                return f"Up 1 second{health}"
            case "paused":
                return "Up 1 second (Paused)"
            case "exited":
                return f"Exited ({self.exit_code}) 1 second ago"
            case _:
                return self.state.capitalize()

    def inspected(self) -> dict[str, Any]:
        """As the daemon tells it."""
        whole: dict[str, Any] = {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Created": "2024-01-01T00:00:00.000000000Z",
            "Image": self.image_id,
            "Path": (self.body.get("Cmd") or ["/bin/sh"])[0],
            "Args": list((self.body.get("Cmd") or ["/bin/sh"])[1:]),
            "RestartCount": 0,
            "State": {
                "Status": self.state,
                "Running": self.alive,
                "Paused": self.state == "paused",
                "Pid": self.pid,
                "ExitCode": self.exit_code,
            },
            "Config": {
                "Labels": {},
                **{key: value for key, value in self.body.items() if key[:4] not in ("Host", "Netw")},
            },
            "HostConfig": {
                "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
                "NetworkMode": "default",
                **self.body.get("HostConfig", {}),
            },
            "NetworkSettings": {"Networks": {name: self._end(name) for name in self.networks}},
            "Mounts": [
                *(_mount(bind) for bind in self.body.get("HostConfig", {}).get("Binds") or () if ":" in bind),
                *(_mount(f"{name}:{path}") for path, name in self.anonymous.items()),
            ],
        }
        if "Hostname" in self.body:
            whole["Config"]["Hostname"] = self.body["Hostname"]
        if self.health:
            whole["State"]["Health"] = {"Status": self.health, "FailingStreak": 0, "Log": []}
        return deepcopy(whole)

    def _end(self, name: str) -> dict[str, Any]:
        given = self.networks[name] or {}
        mac = given.get("MacAddress") or self.body.get("MacAddress") or ""
        return {
            "IPAMConfig": given.get("IPAMConfig"),
            "IPAddress": self.addresses.get(name, ""),
            "GlobalIPv6Address": ((given.get("IPAMConfig") or {}).get("IPv6Address") or "") if self.alive else "",
            "MacAddress": mac if self.alive else "",
        }


@dataclass
class FakeImage:
    """An image with its tags and digests; all are of the same size and age."""

    id: str
    tags: set[str] = field(default_factory=set)
    digests: set[str] = field(default_factory=set)


def _mount(bind: str) -> dict[str, Any]:
    """A bind or named volume as an inspected container has it."""
    source, target, *options = bind.split(":")
    named = not source.startswith("/")
    return {
        "Type": "volume" if named else "bind",
        **({"Name": source} if named else {}),
        "Source": f"/var/lib/docker/volumes/{source}/_data" if named else source,
        "Destination": target,
        "RW": "ro" not in ",".join(options).split(","),
    }


def _asked_for(end: Mapping[str, Any] | None) -> str:
    return str(((end or {}).get("IPAMConfig") or {}).get("IPv4Address") or "")


def tagged(reference: str) -> str:
    """A reference with its tag or digest."""
    repository, tag = split_reference(reference)
    return f"{repository}@{tag}" if "@" in reference else f"{repository}:{tag}"


def digest(text: str) -> str:
    """`sha256:` and the digest of a text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
