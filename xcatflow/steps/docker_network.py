"""`docker.network`: a daemon has a network with these subnets. Docker cannot change a network, so one that differs is an error.

Source: Engine API, `/networks/create`. What a bridge that the host has already needs is in `network_host`.
"""

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from ipaddress import ip_network
from typing import Any, ClassVar

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Daemon, DockerNetworkFacts, Question
from xcatflow.model.question import DockerNetwork as NetworkQuestion
from xcatflow.steps.daemons.network_params import INHIBIT_IPV4, NetworkParams, Pool
from xcatflow.steps.daemons.words import refused
from xcatflow.steps.networks import host
from xcatflow.steps.networks.host import HostBridge

MADE_FROM = "xcatflow.made-from"
"""The label with the fingerprint of what a network was made from; it also tells ours apart when the reply to its creation is lost."""

Seen = DockerNetworkFacts | HostBridge
"""The network; or, while there is none, the bridge of the host that it shall be on."""


class DockerNetwork(Step[NetworkParams, Seen]):
    """Made where it is missing; one that differs is refused, with what differs."""

    kind = "docker.network"
    params: ClassVar[type[Params]] = NetworkParams

    def ask(self, want: NetworkParams) -> tuple[Question[Any], ...]:
        if not _on_host(want):
            return (NetworkQuestion(want.name),)
        inhibited = (Daemon(),) if INHIBIT_IPV4 in want.options else ()
        return (NetworkQuestion(want.name), host.question(), *inhibited)

    def seen(self, answers: Answers, want: NetworkParams) -> Seen | None:
        network = answers[NetworkQuestion(want.name)]
        if network or not _on_host(want):
            return network
        daemon = answers[Daemon()] if INHIBIT_IPV4 in want.options else None
        return host.host_bridge(answers[host.question()], daemon, want.bridge)

    def plan(self, seen: Seen | None, want: NetworkParams) -> tuple[Change, ...]:
        what = f"network {want.name}"
        network = seen if isinstance(seen, DockerNetworkFacts) else None
        if want.state == "absent":
            return (Change(Verb.REMOVE, what),) if network else ()
        if network is None:
            host.ipam(want, seen if isinstance(seen, HostBridge) else None)
            made = ", ".join(pool.subnet for pool in want.pools)
            return (Change(Verb.CREATE, what, after=" ".join(filter(None, (want.driver, made)))),)
        if differing := tuple(_differing(network, want)):
            raise ActFailed(
                f'Docker network "{want.name}" is there and differs: {"; ".join(differing)}; networks cannot be changed: '
                f'remove it ("docker network rm {want.name}", with no container on it), or choose another name'
            )
        return ()

    def apply(self, at: Target, want: NetworkParams, seen: Seen | None, change: Change) -> None:
        if change.verb is Verb.REMOVE:
            _remove(at, want.name)
            return
        try:
            at.docker.create_network(network_body(want, seen if isinstance(seen, HostBridge) else None))
        except ActFailed as error:
            advice = (
                "; choose a subnet that no other network of the daemon or of the host has" if _overlaps(error) else ""
            )
            raise refused(error, f'cannot create Docker network "{want.name}" on {at.name}: {error}{advice}') from error

    def undo(self, at: Target, want: NetworkParams, seen: Seen | None, change: Change) -> None:
        if change.verb is not Verb.CREATE:
            raise CannotUndo(f'Docker network "{want.name}" was removed: its settings are not known any more')
        _remove(at, want.name)

    def outputs(self, seen: Seen | None, want: NetworkParams) -> dict[str, str]:
        network = seen if isinstance(seen, DockerNetworkFacts) else None
        subnet, gateway = network.pools[0] if network and network.pools else ("", "")
        return {"name": want.name, "id": network.id if network else "", "subnet": subnet, "gateway": gateway}


def network_body(want: NetworkParams, bridge: HostBridge | None = None) -> dict[str, Any]:
    """What the Engine API is sent to create the network; `bridge` is the one that is there already. Raises ActFailed."""
    body: dict[str, Any] = {"Name": want.name, "Driver": want.driver}
    if pools := host.ipam(want, bridge):
        body["IPAM"] = {"Config": pools}
    if any(pool.version == 6 for pool in want.pools):
        body["EnableIPv6"] = True
    if want.internal:
        body["Internal"] = True
    if want.all_options:
        body["Options"] = want.all_options
    identity = want.model_dump(mode="json", exclude_defaults=True, exclude={"state"})
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return {**body, "Labels": {**want.labels, MADE_FROM: sha256(text.encode()).hexdigest()}}


def _on_host(want: NetworkParams) -> bool:
    """Does it matter which bridge the host has?"""
    return bool(want.bridge) and want.state == "present"


def _differing(seen: DockerNetworkFacts, want: NetworkParams) -> Iterator[str]:
    """Every difference as a sentence; what the params leave out is the daemon's choice and never differs."""
    if seen.driver != want.driver:
        yield f'driver is "{seen.driver}", expected "{want.driver}"'
    for pool in want.pools:
        yield from _differing_pool(seen, pool)
    if seen.internal != want.internal:
        yield f'internal is "{str(seen.internal).lower()}", expected "{str(want.internal).lower()}"'
    yield from _missing("option", seen.options, want.all_options)
    yield from _missing("label", seen.labels, want.labels)


def _differing_pool(seen: DockerNetworkFacts, pool: Pool) -> Iterator[str]:
    gateways = {_subnet_text(subnet): gateway for subnet, gateway in seen.pools}
    if pool.subnet not in gateways:
        yield f'subnet is "{", ".join(gateways) or "none"}", expected "{pool.subnet}"'
        return
    gateway = host.gateway_of(pool.subnet, gateways[pool.subnet], dict(seen.reserved)) or _first(pool.subnet)
    if pool.gateway and gateway != pool.gateway:
        yield f'gateway is "{gateway}", expected "{pool.gateway}"'
    ranges = {_subnet_text(subnet): _subnet_text(part) for subnet, part in seen.ranges.items()}
    if pool.range and ranges.get(pool.subnet) != pool.range:
        yield f'range is "{ranges.get(pool.subnet, "none")}", expected "{pool.range}"'
    given = set(seen.reserved.values()) | {it.partition("/")[0] for it in gateways.values()}
    if lacking := [address for address in pool.reserved.values() if address not in given]:
        yield f'the address "{lacking[0]}" is not reserved'


def _missing(sort: str, seen: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[str]:
    for key, value in wanted.items():
        if seen.get(key) != value:
            found = f'"{seen[key]}"' if key in seen else "not set"
            yield f'{sort} "{key}" is {found}, expected "{value}"'


def _subnet_text(subnet: str) -> str:
    """One spelling: daemons keep a subnet as it was written."""
    try:
        return str(ip_network(subnet, strict=False))
    except ValueError:
        return subnet


def _first(subnet: str) -> str:
    """The gateway that a daemon takes without naming it."""
    return str(ip_network(subnet)[1]) if ip_network(subnet).num_addresses > 1 else ""


def _remove(at: Target, name: str) -> None:
    try:
        at.docker.remove_network(name)
    except ActFailed as error:
        raise refused(error, f'cannot remove Docker network "{name}" on {at.name}: {error}') from error


def _overlaps(error: ActFailed) -> bool:
    return "overlap" in str(error).lower()
