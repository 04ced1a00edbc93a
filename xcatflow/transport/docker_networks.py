"""Networks and volumes of one daemon.

Source: Engine API reference, versions 1.21 to 1.55.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from xcatflow.errors import DeadlineExceeded, XcatflowError
from xcatflow.model.docker_bodies import network_request
from xcatflow.model.question import DockerNetworkFacts, VolumeFacts
from xcatflow.transport.docker_calls import Calls
from xcatflow.transport.docker_containers import has_labels
from xcatflow.transport.docker_facts import network_facts, volume_facts
from xcatflow.transport.docker_http import ConnectionLost
from xcatflow.transport.docker_request import Request, thing


class NetworkCalls(Calls):
    """The part of `Docker` that is about networks."""

    def networks(self) -> tuple[DockerNetworkFacts, ...]:
        """All networks."""
        listed = self._wire.look(Request("GET", "/networks"))
        return self._wire.read("/networks", listed, lambda items: tuple(network_facts(item) for item in items))

    def create_network(self, body: Mapping[str, Any]) -> str:
        """Create from a request body of the Engine API, refusing a second network of the same name; returns the id."""

        def request(api: str) -> Request:
            self._refuse_lacking(body, api, "network")
            return Request("POST", "/networks/create", body=network_request(body, api))

        try:
            answer = self._wire.act_json(request)
        except (ConnectionLost, DeadlineExceeded):
            with suppress(XcatflowError):
                for network in self.networks():
                    if network.name == body.get("Name") and has_labels(network.labels, body.get("Labels")):
                        return network.id
            raise
        return self._wire.read("/networks/create", answer, lambda it: str(it["Id"]))

    def remove_network(self, name: str) -> None:
        """Remove a network that no container uses. A missing one raises ActFailed."""
        self._wire.act(Request("DELETE", thing("networks", name)))

    def connect_network(
        self, network: str, container: str, *, address: str | None, address6: str | None = None, mac: str | None = None
    ) -> None:
        """Connect a container to a network, with these addresses where they are given."""
        addresses = {"IPv4Address": address, "IPv6Address": address6}
        given = {key: value for key, value in addresses.items() if value}
        end: dict[str, Any] = {"IPAMConfig": given} if given else {}
        end |= {"MacAddress": mac} if mac else {}
        body = {"Container": container, **({"EndpointConfig": end} if end else {})}

        def request(api: str) -> Request:
            self._refuse_lacking(body, api, "connect")
            return Request("POST", thing("networks", network, "connect"), body=body)

        self._wire.act(request)

    def disconnect_network(self, network: str, container: str) -> None:
        """Disconnect a container from a network. Raises ActFailed when it is not connected."""
        self._wire.act(Request("POST", thing("networks", network, "disconnect"), body={"Container": container}))


class VolumeCalls(Calls):
    """The part of `Docker` that is about volumes."""

    def volumes(self) -> tuple[VolumeFacts, ...]:
        """All volumes."""
        listed = self._wire.look(Request("GET", "/volumes"))
        return self._wire.read(
            "/volumes", listed, lambda answer: tuple(volume_facts(item) for item in answer["Volumes"] or ())
        )

    def create_volume(self, body: Mapping[str, Any]) -> str:
        """Create from a request body of the Engine API; returns the name. One of that name that is there stays as it is."""

        def request(api: str) -> Request:
            self._refuse_lacking(body, api, "volume")
            return Request("POST", "/volumes/create", body=body)

        return self._wire.read("/volumes/create", self._wire.act_json(request), lambda it: str(it["Name"]))

    def remove_volume(self, name: str) -> None:
        """Remove a volume that no container uses. A missing one raises ActFailed."""
        self._wire.act(Request("DELETE", thing("volumes", name)))
