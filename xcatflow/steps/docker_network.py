"""`docker.network`: a daemon has a network with this subnet. Docker cannot change a network, so one that differs is an error.

Source: Engine API, `/networks/create`; options of Docker's bridge driver (`com.docker.network.bridge.name`).
"""

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, DockerNetworkFacts, Question
from xcatflow.model.question import DockerNetwork as NetworkQuestion
from xcatflow.steps.daemon_words import refused
from xcatflow.steps.given import LenientParams

MADE_FROM = "xcatflow.made-from"
"""The label with the fingerprint of what a network was made from; it also tells ours apart when the reply to its creation is lost."""

_BRIDGE_NAME = "com.docker.network.bridge.name"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LINK = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f'expected the name of a Docker network (letters, digits, "_", "." and "-"), found "{text}"')
    return text


def _link(text: str) -> str:
    if text and not _LINK.fullmatch(text):
        raise ValueError(f'expected the name of a Linux bridge (at most 15 characters), found "{text}"')
    return text


def _subnet(text: str) -> str:
    try:
        if text and "/" not in text:
            raise ValueError
        return str(ip_network(text)) if text else ""
    except ValueError:
        raise ValueError(
            f'expected a subnet with its prefix such as "10.77.0.0/24", found "{text}"{_hint(text)}'
        ) from None


def _hint(text: str) -> str:
    try:
        return f', did you mean "{ip_network(text, strict=False)}"?' if "/" in text else ""
    except ValueError:
        return ""


def _address(text: str) -> str:
    try:
        return str(ip_address(text)) if text else ""
    except ValueError:
        raise ValueError(f'expected an IP address, found "{text}"') from None


class NetworkParams(LenientParams):
    """One network of a daemon."""

    name: Annotated[str, AfterValidator(_name)] = Field(description="The network.")
    driver: str = Field("bridge", min_length=1, description="Docker's network driver.")
    subnet: Annotated[str, AfterValidator(_subnet)] = Field(
        "",
        description="The subnet, such as `10.77.0.0/24`; fixed addresses of containers need one. Left out: the daemon chooses.",
    )
    gateway: Annotated[str, AfterValidator(_address)] = Field(
        "", description="The containers' gateway. Left out: the first address of the subnet."
    )
    bridge: Annotated[str, AfterValidator(_link)] = Field(
        "",
        description="The Linux bridge on the host, for the driver `bridge`; one that is there is used. Left out: Docker names it.",
    )
    internal: bool = Field(False, description="Without a way outside.")
    options: dict[str, str] = Field(
        default_factory=dict, description="Options of the driver, such as `parent` of `macvlan`."
    )
    labels: dict[str, str] = Field(default_factory=dict, description="Labels of the network.")
    state: Literal["present", "absent"] = Field(
        "present", description="`absent` removes it; no container may use it then."
    )

    @model_validator(mode="after")
    def _fits(self) -> "NetworkParams":
        if self.gateway and not self.subnet:
            raise ValueError('a "gateway" needs a "subnet"')
        if self.gateway and ip_address(self.gateway) not in ip_network(self.subnet):
            raise ValueError(f'the gateway "{self.gateway}" is outside of the subnet "{self.subnet}"')
        if self.bridge and self.driver != "bridge":
            raise ValueError(f'"bridge" is for the driver "bridge", found the driver "{self.driver}"')
        if self.bridge and self.options.get(_BRIDGE_NAME, self.bridge) != self.bridge:
            raise ValueError(f'"bridge" says "{self.bridge}", and "options" say "{self.options[_BRIDGE_NAME]}"')
        return self

    @property
    def all_options(self) -> dict[str, str]:
        """The driver's options with the bridge's name among them."""
        return {**({_BRIDGE_NAME: self.bridge} if self.bridge else {}), **self.options}


class DockerNetwork(Step[NetworkParams, DockerNetworkFacts]):
    """Made where it is missing; one that differs is refused, with what differs."""

    kind = "docker.network"
    params: ClassVar[type[Params]] = NetworkParams

    def ask(self, want: NetworkParams) -> tuple[Question[Any], ...]:
        return (NetworkQuestion(want.name),)

    def seen(self, answers: Answers, want: NetworkParams) -> DockerNetworkFacts | None:
        return answers[NetworkQuestion(want.name)]

    def plan(self, seen: DockerNetworkFacts | None, want: NetworkParams) -> tuple[Change, ...]:
        what = f"network {want.name}"
        if want.state == "absent":
            return (Change(Verb.REMOVE, what),) if seen else ()
        if seen is None:
            return (Change(Verb.CREATE, what, after=" ".join((want.driver, want.subnet)).strip()),)
        if differing := tuple(_differing(seen, want)):
            raise ActFailed(
                f'Docker network "{want.name}" is there and differs: {"; ".join(differing)}; networks cannot be changed: '
                f'remove it ("docker network rm {want.name}", with no container on it), or choose another name'
            )
        return ()

    def apply(self, at: Target, want: NetworkParams, seen: DockerNetworkFacts | None, change: Change) -> None:
        if change.verb is Verb.REMOVE:
            _remove(at, want.name)
            return
        try:
            at.docker.create_network(network_body(want))
        except ActFailed as error:
            advice = (
                "; choose a subnet that no other network of the daemon or of the host has" if _overlaps(error) else ""
            )
            raise refused(error, f'cannot create Docker network "{want.name}" on {at.name}: {error}{advice}') from error

    def undo(self, at: Target, want: NetworkParams, seen: DockerNetworkFacts | None, change: Change) -> None:
        if change.verb is not Verb.CREATE:
            raise CannotUndo(f'Docker network "{want.name}" was removed: its settings are not known any more')
        _remove(at, want.name)

    def outputs(self, seen: DockerNetworkFacts | None, want: NetworkParams) -> dict[str, str]:
        subnet, gateway = seen.pools[0] if seen and seen.pools else ("", "")
        return {"name": want.name, "id": seen.id if seen else "", "subnet": subnet, "gateway": gateway}


def network_body(want: NetworkParams) -> dict[str, Any]:
    """What the Engine API is sent to create the network."""
    body: dict[str, Any] = {"Name": want.name, "Driver": want.driver}
    if want.subnet:
        pool = {"Subnet": want.subnet, **({"Gateway": want.gateway} if want.gateway else {})}
        body["IPAM"] = {"Config": [pool]}
        if ip_network(want.subnet).version == 6:
            body["EnableIPv6"] = True
    if want.internal:
        body["Internal"] = True
    if want.all_options:
        body["Options"] = want.all_options
    identity = want.model_dump(mode="json", exclude_defaults=True, exclude={"state"})
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return {**body, "Labels": {**want.labels, MADE_FROM: sha256(text.encode()).hexdigest()}}


def _differing(seen: DockerNetworkFacts, want: NetworkParams) -> Iterator[str]:
    """Every difference as a sentence; what the params leave out is the daemon's choice and never differs."""
    if seen.driver != want.driver:
        yield f'driver is "{seen.driver}", expected "{want.driver}"'
    gateways = {_subnet_text(subnet): gateway.partition("/")[0] for subnet, gateway in seen.pools}
    if want.subnet and want.subnet not in gateways:
        yield f'subnet is "{", ".join(gateways) or "none"}", expected "{want.subnet}"'
    elif want.gateway and (gateway := gateways[want.subnet] or _first(want.subnet)) != want.gateway:
        yield f'gateway is "{gateway}", expected "{want.gateway}"'
    if seen.internal != want.internal:
        yield f'internal is "{str(seen.internal).lower()}", expected "{str(want.internal).lower()}"'
    yield from _missing("option", seen.options, want.all_options)
    yield from _missing("label", seen.labels, want.labels)


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
