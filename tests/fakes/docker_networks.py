"""The networks and volumes of the daemon in memory."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from tests.fakes.docker_images import FakeImages
from tests.fakes.docker_things import FakeContainer
from xcatflow.errors import ActFailed
from xcatflow.model.docker_api import Body, lacking
from xcatflow.model.question import DaemonFacts, DockerNetworkFacts, VolumeFacts


class FakeNetworks(FakeImages):
    """Networks `bridge`, `host` and `none` are there from the start."""

    facts: DaemonFacts
    endpoint: str
    _networks: dict[str, DockerNetworkFacts]
    _volumes: dict[str, VolumeFacts]

    def networks(self) -> tuple[DockerNetworkFacts, ...]:
        return tuple(self._networks.values())

    def create_network(self, body: Mapping[str, Any]) -> str:
        self._refuse_lacking(body, "network")
        name = body["Name"]
        if name in self._networks:
            raise ActFailed(f"network with name {name} already exists")
        config = (body.get("IPAM") or {}).get("Config") or ()
        pools = tuple((p.get("Subnet", ""), p.get("Gateway", "")) for p in config)
        wanted = [ip_network(subnet) for subnet, _ in pools]
        taken = [ip_network(subnet) for network in self._networks.values() for subnet, _ in network.pools]
        if any(one.overlaps(other) for one in wanted for other in taken if one.version == other.version):
            raise ActFailed("Pool overlaps with other one on this address space")
        self._networks[name] = DockerNetworkFacts(
            id=self._new_id(),
            name=name,
            driver=body.get("Driver") or "bridge",
            pools=pools,
            options=dict(body.get("Options") or {}),
            labels=dict(body.get("Labels") or {}),
            internal=bool(body.get("Internal")),
            ranges={p.get("Subnet", ""): p["IPRange"] for p in config if p.get("IPRange")},
            reserved={name: ip for p in config for name, ip in (p.get("AuxiliaryAddresses") or {}).items()},
        )
        return self._networks[name].id

    def remove_network(self, name: str) -> None:
        name = next((it.name for it in self._networks.values() if it.id == name), name)
        if name not in self._networks:
            raise ActFailed(f"network {name} not found")
        if any(name in it.addresses for it in self._containers.values()):
            raise ActFailed(
                f"error while removing network: network {name} id {self._networks[name].id} has active endpoints"
            )
        del self._networks[name]

    def connect_network(
        self, network: str, container: str, *, address: str | None, address6: str | None = None, mac: str | None = None
    ) -> None:
        given = {"IPv4Address": address, "IPv6Address": address6}
        config = {key: value for key, value in given.items() if value}
        end: dict[str, Any] = {"IPAMConfig": config} if config else {}
        end |= {"MacAddress": mac} if mac else {}
        self._refuse_lacking({"EndpointConfig": end}, "connect")
        if network not in self._networks:
            raise ActFailed(f"network {network} not found")
        it = self._need(container)
        if network in it.networks:
            raise ActFailed(f"endpoint with name {it.name} already exists in network {network}")
        if it.alive and self._pool(network):
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

    def volumes(self) -> tuple[VolumeFacts, ...]:
        return tuple(self._volumes.values())

    def create_volume(self, body: Mapping[str, Any]) -> str:
        self._refuse_lacking(body, "volume")
        name = str(body.get("Name") or self._new_id())
        facts = VolumeFacts(
            name,
            body.get("Driver") or "local",
            dict(body.get("Labels") or {}),
            dict(body.get("DriverOpts") or {}),
        )
        self._volumes.setdefault(name, facts)
        return name

    def remove_volume(self, name: str) -> None:
        if name not in self._volumes:
            raise ActFailed(f"get {name}: no such volume")
        if users := [it.id for it in self._containers.values() if name in it.volumes]:
            raise ActFailed(f"remove {name}: volume is in use - [{', '.join(users)}]")
        del self._volumes[name]

    def _refuse_lacking(self, body: Mapping[str, Any], where: Body) -> None:
        if missing := lacking(body, self.facts.used_api, where):
            fields = ", ".join(str(each) for each in missing)
            raise ActFailed(f"the docker host {self.endpoint} speaks API {self.facts.used_api}, {fields}")

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

    def _need(self, name: str) -> FakeContainer:
        raise NotImplementedError

    def _new_id(self) -> str:
        raise NotImplementedError
