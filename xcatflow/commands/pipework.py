"""pipework: give a running container an address on a bridge of its Docker host, in the words of the script of that name.

Other than there, nothing has to be on the host but its own tools, a second call finds everything as it is, and the address comes back
whenever the container starts.

Source: the usage of pipework (Jérôme Petazzoni's script), whose words these are; xCAT's document on Docker instances.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.chosen import chosen
from xcatflow.commands.command import Command, Context, Refused
from xcatflow.commands.container_nodes import instances
from xcatflow.commands.heard import Heard, Steps
from xcatflow.commands.runs import on_daemons, run_steps
from xcatflow.model.event import Outcome

USAGE = """\
Usage: pipework <bridge> [-i <interface>] <node> <address>/<prefix>[@<gateway>] [<mac>] [--no-keep] [--adopt]
       pipework {-h | --help | -v | --version}

  The node is a container that runs on its dockerhost; the bridge is one of that machine.

  -i interface     the container's interface (eth1)
  --keep           put the address back whenever the container starts (this is so without it as well)
  --no-keep        do not: it is gone when the container stops
  --adopt          also give it to a container that xcatflow did not make
"""

_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
_BRIDGE = 'there is no bridge "'


@dataclass(frozen=True, slots=True)
class _Asked:
    bridge: str
    interface: str
    node: str
    address: str
    gateway: str
    mac: str


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput."""
    if "keep" in arguments and "no-keep" in arguments:
        raise Refused("expected either --keep or --no-keep, found both")
    asked = _asked(arguments)
    definitions = context.desk.definitions
    nodes = chosen(context, definitions, asked.node)
    if len(nodes) != 1:
        raise Refused(f"an address is for one node, found {len(nodes)} in '{asked.node}'")
    daemons = instances(context.talk, definitions, nodes, "pipework")
    wanted = {
        "container": "${node.name}",
        "bridge": asked.bridge,
        "interface": asked.interface,
        "address": asked.address,
        "gateway": asked.gateway,
        "mac": asked.mac,
        "keep": "no-keep" not in arguments,
        "adopt": "adopt" in arguments,
    }
    step = {"id": "address", "use": "container.address", "at": "${given.daemon}", "with": wanted}
    heard = Heard(context.talk, lambda node, steps: _lines(context, asked, node, steps), worded=_worded(asked.bridge))
    run_steps(context, ("pipework", *arguments.operands), (step,), on_daemons(daemons), heard)


def _asked(arguments: Arguments) -> _Asked:
    """What the words mean. Raises Refused, in pipework's words where it has some."""
    words = arguments.operands
    if len(words) == 4 and "@" in words[3]:
        vlan = words[3].partition("@")[2]
        raise Refused(f"VLAN '{vlan}' is not supported here: make a bridge on the VLAN's NIC with network.bridge")
    if not 3 <= len(words) <= 4:
        raise Refused(f"expected a bridge, a node and an address, found {' '.join(words) or 'nothing'}", usage=True)
    bridge, node, place = words[:3]
    mac = words[3] if len(words) == 4 else ""
    if mac and not _MAC.fullmatch(mac):
        raise Refused(f"expected a MAC address such as 02:00:0a:14:00:15, found '{mac}'")
    address, _, gateway = place.partition("@")
    if address.partition("-")[0] in ("dhcp", "dhclient", "udhcpc", "dhcpcd"):
        raise Refused(f"'{address}' is not supported: containers here have fixed addresses; give one with its prefix")
    if "/" not in address:
        raise Refused(f"The IP address should include a netmask. Maybe you meant {address}/24 ?")
    return _Asked(bridge, arguments.value("i", "eth1"), node, address, gateway, mac)


def _worded(bridge: str) -> Callable[[str], str]:
    """What went wrong, in pipework's words where it has some."""

    def said(text: str) -> str:
        return f"I do not know how to setup interface {bridge}. ({text})" if text.startswith(_BRIDGE) else text

    return said


def _lines(context: Context, asked: _Asked, node: str, steps: Steps) -> Sequence[str]:
    step = steps["address"]
    for change in step.changes:
        if change.why:
            context.talk.warn(change.why, node=node)
    if step.outcome is Outcome.OK:
        return (f"{asked.address} is on {asked.interface} already",)
    return ("success",)


COMMAND = Command(
    name="pipework",
    usage=USAGE,
    run=run,
    flags=(
        Flag("i", takes="value"),
        Flag(long="keep"),
        Flag(long="no-keep"),
        Flag(long="adopt"),
        Flag("V", "verbose"),
    ),
    bare=1,
)
