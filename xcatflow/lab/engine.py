"""The Docker engine that labs run on, spoken to through the SDK: only what a lab needs of it.

Source: Docker Engine API 1.41; docker SDK 7.1 (`APIClient` reads proxies and CA settings from the environment unless told not to).
"""

import io
import json
import os
import tarfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, TypeVar

import docker
import requests
from docker import constants
from docker.errors import APIError, DockerException, NotFound

from xcatflow.errors import ActFailed, Unreachable
from xcatflow.lab.state import LABEL

T = TypeVar("T")
DEFAULT_SOCKET = "/var/run/docker.sock"
REQUEST_S = 120
IMPORT_S = 900


@dataclass(frozen=True, slots=True)
class Box:
    """A container of a lab. `state` is the engine's word."""

    id: str
    name: str
    lab: str
    state: str


def running_engine(env: Mapping[str, str] = os.environ) -> str | None:
    """The socket of an engine of the machine that labs can use; None when there is none.

    Only Unix sockets count: the hosts of a remote engine could not be reached, nor those of a rootless one.
    """
    named = env.get("DOCKER_HOST", "")
    for socket in ((named.removeprefix("unix://"),) if named.startswith("unix://") else ()) + (DEFAULT_SOCKET,):
        if not Path(socket).exists():
            continue
        try:
            engine = Engine(socket, timeout_s=5)
        except Unreachable:
            continue
        try:
            if not engine.rootless():
                return socket
        finally:
            engine.close()
    return None


class Engine:
    """One engine. Every method raises Unreachable when it lets nobody in and ActFailed with its own words when it refuses."""

    def __init__(self, socket: str, *, timeout_s: float = REQUEST_S) -> None:
        self.socket = socket
        version = self._try("say its version", lambda: self._offered(timeout_s))
        self._client = self._make(version, timeout_s)

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def rootless(self) -> bool:
        """Does it run without root, in a network of its own?"""
        info = self._try("describe itself", lambda: self._client.info())
        return any("rootless" in option for option in info.get("SecurityOptions") or ())

    def cgroup_version(self) -> int:
        """1 or 2. Engines that do not say know only 1."""
        return int(self._try("describe itself", lambda: self._client.info()).get("CgroupVersion") or 1)

    # --- images ---

    def has_image(self, reference: str) -> bool:
        try:
            self._try("inspect an image", lambda: self._client.inspect_image(reference))
        except NotThere:
            return False
        return True

    def import_image(self, tree: Path, reference: str, changes: Sequence[str]) -> None:
        """Make an image of a tar archive of a file tree; `changes` are Dockerfile instructions."""
        repository, _, tag = reference.rpartition(":")
        client = self._make(self._client.api_version, IMPORT_S)
        try:
            said = self._try(
                "import the host image",
                lambda: client.import_image_from_file(str(tree), repository, tag, changes=list(changes)),
            )
        finally:
            client.close()
        for line in str(said).splitlines():
            if line.strip() and (complaint := json.loads(line).get("error")):
                raise ActFailed(f'the engine could not import "{tree}"', complaint)

    def drop_images(self, repository: str, *, keep: str) -> None:
        """Remove the other images of a repository, but for those that a container was made from."""
        for image in self._try("list images", lambda: self._client.images(repository)):
            for reference in image["RepoTags"] or ():
                if reference != keep:
                    with suppress(ActFailed):
                        self._try(f'remove "{reference}"', partial(self._client.remove_image, reference))

    # --- containers ---

    def boxes(self, lab: str | None = None) -> tuple[Box, ...]:
        """Containers of a lab, or of all labs, running or not."""
        label = f"{LABEL}={lab}" if lab else LABEL
        found = self._try("list containers", lambda: self._client.containers(all=True, filters={"label": [label]}))
        return tuple(
            Box(item["Id"], item["Names"][0].lstrip("/"), item["Labels"][LABEL], item["State"]) for item in found
        )

    def create(self, name: str, body: Mapping[str, Any]) -> None:
        """Create a container from a request body of the Engine API."""
        self._try(f'create "{name}"', lambda: self._client.create_container_from_config(dict(body), name))

    def start(self, name: str) -> None:
        self._try(f'start "{name}"', lambda: self._client.start(name))

    def unpause(self, name: str) -> None:
        self._try(f'go on with "{name}"', lambda: self._client.unpause(name))

    def kill(self, name: str) -> None:
        """End a container as a power cut would; it stays off until it is started."""
        self._try(f'kill "{name}"', lambda: self._client.kill(name))

    def remove(self, name: str) -> None:
        """Kill and remove a container with its anonymous volumes; well when there is none."""
        try:
            self._try(f'remove "{name}"', lambda: self._client.remove_container(name, v=True, force=True))
        except NotThere:
            return

    def logs(self, name: str) -> str:
        """The last lines of what a container wrote to its console."""
        said = self._try(f'read the log of "{name}"', lambda: self._client.logs(name, tail=15))
        return bytes(said).decode(errors="replace").strip()

    def put(self, name: str, files: Mapping[str, tuple[int, bytes]]) -> None:
        """Put files into a container, running or not: absolute path to mode and content. All are root's."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path, (mode, content) in files.items():
                entry = tarfile.TarInfo(path.lstrip("/"))
                entry.mode, entry.size = mode, len(content)
                archive.addfile(entry, io.BytesIO(content))
        self._try(f'put files into "{name}"', lambda: self._client.put_archive(name, "/", packed.getvalue()))

    def get(self, name: str, path: str) -> bytes:
        """A file's content out of a container, running or not. Raises ActFailed when it is not there."""
        chunks, _ = self._try(f'read "{path}" in "{name}"', lambda: self._client.get_archive(name, path))
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            member = archive.extractfile(archive.getmembers()[0])
            return member.read() if member else b""

    # --- networks ---

    def subnets(self) -> tuple[IPv4Network, ...]:
        """The IPv4 subnets of all its networks."""
        found = []
        for network in self._try("list networks", lambda: self._client.networks()):
            for pool in (network.get("IPAM") or {}).get("Config") or ():
                if "." in (pool.get("Subnet") or ""):
                    found.append(IPv4Network(pool["Subnet"], strict=False))
        return tuple(found)

    def networks(self, lab: str | None = None) -> dict[str, str]:
        """Networks of a lab, or of all labs: name to subnet."""
        label = f"{LABEL}={lab}" if lab else LABEL
        found = self._try("list networks", lambda: self._client.networks(filters={"label": [label]}))
        return {network["Name"]: network["IPAM"]["Config"][0]["Subnet"] for network in found}

    def create_network(self, lab: str, name: str, *, subnet: str, gateway: str, bridge: str) -> None:
        ipam = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet=subnet, gateway=gateway)])
        self._try(
            f'create the network "{name}"',
            lambda: self._client.create_network(
                name,
                driver="bridge",
                ipam=ipam,
                labels={LABEL: lab},
                options={"com.docker.network.bridge.name": bridge},
            ),
        )

    def remove_network(self, name: str) -> None:
        """Remove a network; well when there is none."""
        try:
            self._try(f'remove the network "{name}"', lambda: self._client.remove_network(name))
        except NotThere:
            return

    # --- the wire ---

    def _make(self, version: str, timeout_s: float) -> Any:
        client = docker.APIClient(base_url=f"unix://{self.socket}", version=version, timeout=int(timeout_s))
        client.trust_env = False
        return client

    def _offered(self, timeout_s: float) -> str:
        """The newest API version that both sides speak."""
        client = self._make(constants.DEFAULT_DOCKER_API_VERSION, timeout_s)
        try:
            said: str = client.version(api_version=False)["ApiVersion"]
        finally:
            client.close()
        return min(said, constants.DEFAULT_DOCKER_API_VERSION, key=lambda text: tuple(map(int, text.split("."))))

    def _try(self, what: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except NotFound as error:
            raise NotThere(f"the engine could not {what}: {_words(error)}") from None
        except APIError as error:
            raise ActFailed(f"the engine could not {what}: {_words(error)}") from None
        except (DockerException, requests.RequestException) as error:
            raise Unreachable(f'the Docker engine at "{self.socket}" does not answer: {error}') from None


class NotThere(ActFailed):
    """The engine has no such thing."""


def _words(error: APIError) -> str:
    return str(error.explanation or error).strip()
