"""One Docker daemon over its Engine API, through the SDK's low-level client: Unix socket, TCP with mutual TLS, or plain TCP if asked for.

Source: Engine API reference, versions 1.24 to 1.45. Acts are never repeated blindly; looks are, once, when a kept connection broke.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from xcatflow.errors import ActFailed, DeadlineExceeded, InvalidInput, XcatflowError, reason_of
from xcatflow.model.endpoint import Endpoint
from xcatflow.model.question import ContainerFacts, DaemonFacts, DockerNetworkFacts, ImageFacts
from xcatflow.transport import docker_facts
from xcatflow.transport.docker_clients import Client, ClientPool
from xcatflow.transport.docker_http import ConnectionLost, DockerTimeouts
from xcatflow.transport.docker_wire import Wire, post
from xcatflow.transport.protocols import Traffic
from xcatflow.transport.tls import TlsFiles

T = TypeVar("T")


class DockerDaemon:
    """A daemon, for many threads at once. Nothing is opened before the first request.

    `address` is where to connect when the endpoint's host name is not to be resolved; the daemon's certificate must be for either.
    `check_names` is off only for historic hosts whose common certificate names none of them. Raises InvalidInput when the endpoint
    wants TLS and `tls` is missing.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        traffic: Traffic,
        address: str | None = None,
        tls: TlsFiles | None = None,
        timeouts: DockerTimeouts | None = None,
        check_names: bool = True,
    ) -> None:
        if endpoint.tls and tls is None:
            raise InvalidInput(f'docker host "{endpoint}" needs TLS files: expected a CA, our certificate and its key')
        self.endpoint = str(endpoint)
        self._timeouts = timeouts or DockerTimeouts()
        tls = tls if endpoint.tls else None
        clients = ClientPool(
            endpoint, address=address, tls=tls, timeouts=self._timeouts, check_names=check_names, sent=self._count
        )
        place = endpoint.place + (f" ({address})" if address and address != endpoint.host else "")
        host = endpoint.machine or endpoint.path
        self._traffic = traffic
        self._wire = Wire(clients, host=host, place=place, timeouts=self._timeouts, ca=tls.ca if tls else None)

    def daemon(self) -> DaemonFacts:
        """Versions, asked anew each time: the answer tells that the daemon lets us in now."""
        return self._wire.facts(fresh=True)

    def containers(self) -> tuple[ContainerFacts, ...]:
        """All containers, running or not, in one request."""
        return self._list("/containers/json", lambda client: client.containers(all=True), docker_facts.container_facts)

    def images(self) -> tuple[ImageFacts, ...]:
        """All images that have a name or are no other image's part."""
        return self._list("/images/json", lambda client: client.images(), docker_facts.image_facts)

    def networks(self) -> tuple[DockerNetworkFacts, ...]:
        """All networks."""
        return self._list("/networks", lambda client: client.networks(), docker_facts.network_facts)

    def inspect_container(self, name: str) -> Mapping[str, Any] | None:
        """The daemon's whole answer about one container; None where it has none of that name."""
        return self._wire.look_one(f"/containers/{name}/json", lambda client: client.inspect_container(name))

    def inspect_image(self, reference: str) -> ImageFacts | None:
        """One image; None where the daemon does not have it."""
        answer = self.image_details(reference)
        return None if answer is None else self._wire.read(_image(reference), answer, docker_facts.image_facts)

    def image_details(self, reference: str) -> Mapping[str, Any] | None:
        """The daemon's whole answer about one image; None where it does not have it."""
        return self._wire.look_one(_image(reference), lambda client: client.inspect_image(reference))  # type: ignore[no-untyped-call]

    def info(self) -> Mapping[str, Any]:
        """What the daemon tells of its machine and settings."""
        answer: Mapping[str, Any] = self._wire.look("/info", lambda client: client.info())
        return answer

    def create_container(self, name: str, body: Mapping[str, Any]) -> str:
        """Create from a request body of the Engine API, its MAC moved to where the daemon's version looks for it; returns the id.

        When the reply is lost, a container of that name that has all the body's labels is taken for ours; without labels there is no
        telling.
        """

        def create(client: Client) -> str:
            placed = docker_facts.place_mac(body, client.api_version)
            answer = client.create_container_from_config(placed, name=name)  # type: ignore[no-untyped-call]
            return str(answer["Id"])

        try:
            return self._wire.act("POST", f"/containers/create?name={quote(name)}", create)
        except (ConnectionLost, DeadlineExceeded):
            with suppress(XcatflowError):
                found = self.inspect_container(name) or {}
                if _has_labels((found.get("Config") or {}).get("Labels"), body.get("Labels")):
                    return str(found["Id"])
            raise

    def start_container(self, name: str) -> None:
        """Start; a running one stays as it is."""
        self._wire.act("POST", f"/containers/{name}/start", lambda client: client.start(name))

    def stop_container(self, name: str, *, grace_s: int) -> None:
        """Stop, killing it after `grace_s` seconds; a stopped one stays as it is."""
        path, limit_s = f"/containers/{name}/stop", self._timeouts.request_s + grace_s
        self._wire.act("POST", path, lambda client: client.stop(name, timeout=grace_s), limit_s=limit_s)

    def pause_container(self, name: str) -> None:
        """Freeze a running container. Raises ActFailed when it is not running or paused already."""
        self._wire.act("POST", f"/containers/{name}/pause", lambda client: client.pause(name))

    def unpause_container(self, name: str) -> None:
        """Let a paused container go on. Raises ActFailed when it is not paused."""
        self._wire.act("POST", f"/containers/{name}/unpause", lambda client: client.unpause(name))

    def remove_container(self, name: str, *, force: bool) -> None:
        """Remove; with `force` a running one too. A missing one raises ActFailed with the daemon's words: a caller to whom that is fine
        looked before, so something else removed it meanwhile, and that is worth knowing."""
        self._wire.act("DELETE", f"/containers/{name}", lambda client: client.remove_container(name, force=force))

    def update_container(self, name: str, body: Mapping[str, Any]) -> None:
        """Change limits and restart policy in place; the body is the Engine API's."""
        path = f"/containers/{quote(name, safe='')}/update"
        self._wire.act("POST", path, lambda client: post(client, path, json=dict(body)))

    def rename_container(self, name: str, new: str) -> None:
        """Give a container another name. Raises ActFailed when that is taken."""
        self._wire.act("POST", f"/containers/{name}/rename", lambda client: client.rename(name, new))

    def create_network(self, body: Mapping[str, Any]) -> str:
        """Create from a request body of the Engine API, refusing a second network of the same name; returns the id."""

        def create(client: Client) -> str:
            return str(post(client, "/networks/create", json={"CheckDuplicate": True, **body}).json()["Id"])

        try:
            return self._wire.act("POST", "/networks/create", create)
        except (ConnectionLost, DeadlineExceeded):
            with suppress(XcatflowError):
                for network in self.networks():
                    if network.name == body.get("Name") and _has_labels(network.labels, body.get("Labels")):
                        return network.id
            raise

    def remove_network(self, name: str) -> None:
        """Remove a network that no container uses. A missing one raises ActFailed."""
        self._wire.act("DELETE", f"/networks/{name}", lambda client: client.remove_network(name))

    def connect_network(self, network: str, container: str, *, address: str | None) -> None:
        """Connect a container to a network, with this IPv4 address where one is given."""

        def connect(client: Client) -> None:
            client.connect_container_to_network(container, network, ipv4_address=address)

        self._wire.act("POST", f"/networks/{network}/connect", connect)

    def disconnect_network(self, network: str, container: str) -> None:
        """Disconnect a container from a network. Raises ActFailed when it is not connected."""

        def disconnect(client: Client) -> None:
            client.disconnect_container_from_network(container, network)

        self._wire.act("POST", f"/networks/{network}/disconnect", disconnect)

    def pull_image(self, reference: str) -> None:
        """Pull one tag or digest with the credentials of the user's Docker configuration, for as long as data comes.

        Raises ActFailed with what the daemon or the registry said.
        """
        repository, tag = docker_facts.split_reference(reference)
        request = f"POST /images/create?fromImage={repository}&tag={tag}"

        def pull(client: Client) -> None:
            chunks = client.pull(repository, tag=tag, stream=True)
            data = (chunk if isinstance(chunk, bytes) else str(chunk).encode() for chunk in chunks)
            docker_facts.stream_lines(docker_facts.json_objects(data), request=request)

        self._wire.act("POST", request.removeprefix("POST "), pull, limit_s=self._timeouts.stall_s)

    def load_image(self, archive: Path) -> tuple[str, ...]:
        """Load an archive made by `docker save`; returns the references it held. Raises ActFailed when the archive is none."""
        try:
            file = archive.open("rb")
        except OSError as error:
            raise ActFailed(f'cannot read image archive "{archive}": {reason_of(error)}') from error

        def load(client: Client) -> tuple[str, ...]:
            file.seek(0)
            with post(client, "/images/load", data=file, stream=True, timeout=self._timeouts.stall_s) as answer:
                chunks = answer.iter_content(chunk_size=None)
                lines = docker_facts.stream_lines(docker_facts.json_objects(chunks), request="POST /images/load")
                return docker_facts.loaded_references(lines)

        with file:
            return self._wire.act("POST", "/images/load", load, limit_s=self._timeouts.stall_s)

    def remove_image(self, reference: str) -> None:
        """Remove a tag, and the image with its last one. A missing one raises ActFailed."""
        self._wire.act("DELETE", f"/images/{reference}", lambda client: client.remove_image(reference))

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def _count(self, url: str, connections: int) -> None:
        lists = int("/containers/json" in url)
        self._traffic.count(
            self.endpoint, docker_requests=1, docker_container_lists=lists, docker_connections=connections
        )

    def _list(self, path: str, work: Callable[[Client], Any], facts: Callable[[Mapping[str, Any]], T]) -> tuple[T, ...]:
        return self._wire.read(path, self._wire.look(path, work), lambda answer: tuple(facts(item) for item in answer))


def _image(reference: str) -> str:
    return f"/images/{reference}/json"


def _has_labels(found: Mapping[str, str] | None, wanted: Mapping[str, str] | None) -> bool:
    return bool(wanted) and dict(wanted or {}).items() <= dict(found or {}).items()
