"""`network.bridge`: a bridge over a NIC, which has taken over the NIC's addresses and routes.

The change travels over the very connection that goes through the NIC. The bridge has the NIC's MAC and its addresses, so that open
connections survive; the script that does it goes on by itself when they stall. Where a command fails, and where the machine cannot be
reached afterwards, it puts everything back.
"""

import re
from collections.abc import Iterator
from functools import partial
from ipaddress import ip_address, ip_interface
from shlex import quote
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.links import Link
from xcatflow.model.question import Answers, Question
from xcatflow.steps.bridge_files import Bridge, files, forget, keep
from xcatflow.steps.bridge_guard import guarded
from xcatflow.steps.bridge_look import Network, network, question
from xcatflow.steps.bridge_script import make_script, open_script, shut_script, unmake_script
from xcatflow.steps.place import checked

_GUESTS = ("veth", "tun", "tap", "macvtap")
"""Kinds of ports that belong to containers and virtual machines; ports of other kinds lead outside."""


def _link_name(name: str) -> str:
    if name and (not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}", name) or name in ("all", "default")):
        raise ValueError(f'expected the name of a network interface (at most 15 characters), found "{name}"')
    return name


def _interface(text: str) -> str:
    try:
        if text and "/" not in text:
            raise ValueError
        return str(ip_interface(text)) if text else ""
    except ValueError:
        raise ValueError(f'expected an address with its prefix such as "10.0.0.5/24", found "{text}"') from None


def _address(text: str) -> str:
    try:
        return str(ip_address(text)) if text else ""
    except ValueError:
        raise ValueError(f'expected an IP address, found "{text}"') from None


class BridgeParams(Params):
    """One bridge with at most one NIC."""

    name: Annotated[str, AfterValidator(_link_name)] = Field("mydocker0", min_length=1, description="The bridge.")
    port: Annotated[str, AfterValidator(_link_name)] = Field(
        "",
        description="The NIC that becomes its port; all the NIC's global addresses and routes move to the bridge. "
        "Left out: a bridge of the machine's own, without a way outside.",
    )
    address: Annotated[str, AfterValidator(_interface)] = Field(
        "", description="An address with prefix that the bridge has besides those it takes over, such as `10.0.0.5/24`."
    )
    gateway: Annotated[str, AfterValidator(_address)] = Field(
        "", description="The default gateway. Left out: the NIC's default route is taken over as it is."
    )
    persist: Literal["auto", "none"] = Field(
        "auto",
        description="`auto` keeps the bridge over reboots, by files of systemd-networkd or ifupdown where one of them manages the NIC, "
        "else by a systemd unit; `none` leaves that to you.",
    )

    @model_validator(mode="after")
    def _different(self) -> "BridgeParams":
        if self.name == self.port:
            raise ValueError(f'the bridge and its port cannot both be called "{self.name}"')
        return self

    @property
    def bridge(self) -> Bridge:
        return Bridge(self.name, self.port, self.address, self.gateway)


class NetworkBridge(Step[BridgeParams, Network]):
    """Made live and kept over reboots."""

    kind = "network.bridge"
    params: ClassVar[type[Params]] = BridgeParams

    def ask(self, want: BridgeParams) -> tuple[Question[Any], ...]:
        return (question(want.name, want.port),)

    def seen(self, answers: Answers, want: BridgeParams) -> Network | None:
        return network(answers[question(want.name, want.port)])

    def plan(self, seen: Network | None, want: BridgeParams) -> tuple[Change, ...]:
        assert seen is not None
        _refuse(seen, want)
        return (*_live(seen, want), *_kept(seen, want))

    def apply(self, at: Target, want: BridgeParams, seen: Network | None, change: Change) -> None:
        assert seen is not None
        match change.verb, change.field:
            case Verb.CREATE, "":
                checked(at, _create_script(want), f'cannot make the bridge "{want.name}"')
            case _, "at boot":
                keep(at, seen.stack, want.bridge)
            case _, "packet filter":
                checked(at, open_script(want.name), f'cannot let frames pass through the bridge "{want.name}"')
            case _:
                make = partial(make_script, want.name, want.port, want.address, want.gateway)
                guarded(at, make, f'cannot make the bridge "{want.name}"')

    def undo(self, at: Target, want: BridgeParams, seen: Network | None, change: Change) -> None:
        assert seen is not None
        match change.verb, change.field:
            case _, "at boot":
                if seen.marks:
                    raise CannotUndo(f'the former files of the bridge "{want.name}" are not known any more')
                forget(at, seen.stack, want.name)
            case Verb.CREATE, "":
                checked(at, f"ip link del dev {quote(want.name)}", f'cannot remove the bridge "{want.name}"')
            case Verb.ATTACH, _ if seen.find(want.name):
                raise CannotUndo(
                    f'the bridge "{want.name}" was there before: which addresses are its own is not known any more'
                )
            case Verb.ATTACH, _:
                unmake = partial(unmake_script, want.name, want.port, _added(seen, want))
                guarded(at, unmake, f'cannot move the addresses of "{want.name}" back')
                checked(at, _create_script(want), f'cannot make the bridge "{want.name}"')
            case _, "packet filter":
                checked(at, shut_script(want.name), f'cannot stop frames from passing through the bridge "{want.name}"')
            case _:
                raise CannotUndo(f'the bridge "{want.name}" keeps its {change.field}')

    def outputs(self, seen: Network | None, want: BridgeParams) -> dict[str, str]:
        bridge = seen.find(want.name) if seen else None
        first = bridge.addresses[0].text if bridge and bridge.addresses else ""
        return {"name": want.name, "address": first.partition("/")[0]}


def _create_script(want: BridgeParams) -> str:
    name = quote(want.name)
    mac = f' address "$(cat /sys/class/net/{quote(want.port)}/address)"' if want.port else ""
    return f"ip link add name {name}{mac} type bridge stp_state 0 forward_delay 0"


def _added(seen: Network, want: BridgeParams) -> str:
    """The wanted address, unless the port had it before."""
    port = seen.find(want.port)
    return "" if port and want.address in port.movable else want.address


def _refuse(seen: Network, want: BridgeParams) -> None:
    """Raise ActFailed for what this step will not touch."""
    bridge, port = seen.find(want.name), seen.find(want.port)
    if bridge and bridge.kind != "bridge":
        raise ActFailed(
            f'"{want.name}" is there already and is no bridge but a {bridge.kind or "NIC"}: choose another name'
        )
    if not want.port:
        return
    if port is None:
        others = ", ".join(
            link.name for link in seen.links if link.kind not in ("bridge", "dummy") and link.name != "lo"
        )
        raise ActFailed(f'there is no NIC "{want.port}" on the machine, there are: {others or "none"}')
    if port.master not in ("", want.name):
        raise ActFailed(
            f'NIC "{want.port}" is a port of "{port.master}" already: take it out there, or use that bridge'
        )
    wrong = [it.name for it in seen.links if it.master == want.name and it.name != want.port and it.kind not in _GUESTS]
    if wrong:
        raise ActFailed(
            f'bridge "{want.name}" has the port "{wrong[0]}", expected only "{want.port}": take it out by hand'
        )
    if seen.stack == "networkmanager" and want.persist == "auto":
        raise ActFailed(
            f'NetworkManager manages "{want.port}": make the bridge with nmcli, or give the NIC up with '
            f'"nmcli device set {want.port} managed no" and say "persist: none"'
        )
    if port.announced and seen.stack != "networkd":
        raise ActFailed(
            f'"{want.port}" has its address by DHCP, whose client would not follow to the bridge: give it a fixed address first'
        )


def _live(seen: Network, want: BridgeParams) -> Iterator[Change]:
    what = f"bridge {want.name}"
    bridge, port = seen.find(want.name), seen.find(want.port)
    if bridge is None:
        yield Change(Verb.CREATE, what)
    addresses = {address.text for link in (bridge, port) if link for address in link.addresses}
    if port and (port.master != want.name or port.movable):
        moved = ", ".join(dict.fromkeys(_moved(seen, port)))
        why = f"its addresses and routes move along: {moved}" if moved else ""
        yield Change(Verb.ATTACH, what, "port", None, port.name, why)
    elif bridge and not bridge.up:
        yield Change(Verb.UPDATE, what, "link", "down", "up")
    if want.address and want.address not in addresses:
        before = next(
            (
                a.text
                for a in (bridge.addresses if bridge else ())
                if a.text.split("/")[0] == want.address.split("/")[0]
            ),
            None,
        )
        yield Change(Verb.UPDATE, what, "address", before, want.address)
    if want.gateway and (now := _gateway(seen, want)) != want.gateway:
        yield Change(Verb.UPDATE, what, "gateway", now, want.gateway)
    if bridge and bridge.stp:
        yield Change(Verb.UPDATE, what, "spanning tree", "on", "off")
    elif bridge and bridge.forward_delay_s:
        yield Change(Verb.UPDATE, what, "forward delay", f"{bridge.forward_delay_s:g} s", "0 s")
    if seen.filter == "closed":
        yield Change(Verb.UPDATE, what, "packet filter", "closed", "open", "Docker closes it for what it does not know")


def _moved(seen: Network, port: Link) -> Iterator[str]:
    yield from port.movable
    over = [it for it in seen.routes if it.link == port.name and it.protocol not in ("kernel", "ra")]
    yield from (f"{it.to} via {it.via}" if it.via else it.to for it in over)


def _gateway(seen: Network, want: BridgeParams) -> str | None:
    family = ip_address(want.gateway).version
    over = (it for it in seen.routes if it.to == "default" and it.via and it.link in (want.name, want.port))
    return next((it.via for it in over if ip_address(it.via).version == family), None)


def _kept(seen: Network, want: BridgeParams) -> Iterator[Change]:
    if want.persist == "none":
        return
    wanted = files(seen.stack, want.name)
    marks = dict(seen.marks)
    right = all(marks.get(path) == want.bridge.mark for path in wanted)
    if right and (seen.enabled or seen.stack == "ifupdown"):
        return
    way = {"networkd": "by systemd-networkd", "ifupdown": "by ifupdown"}.get(seen.stack, "by a systemd unit")
    old = any(path in marks for path in wanted)
    yield Change(Verb.UPDATE if old else Verb.CREATE, f"file {wanted[0]}", "at boot", "other" if old else None, way)
