"""nodestat: which services nodes offer, how far their installation is, or that they do not answer.

Source: xCAT's manual page of nodestat.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.chosen import chosen
from xcatflow.commands.command import Command, Context, Refused
from xcatflow.commands.container_nodes import DOCKER, daemons_by_host, instances
from xcatflow.commands.heard import Heard, Steps
from xcatflow.commands.node_status import gone, write_back
from xcatflow.commands.reached import addresses
from xcatflow.commands.runs import on_daemons, run_steps
from xcatflow.errors import InvalidInput, XcatflowError
from xcatflow.machine import probing
from xcatflow.model.definitions import Definitions
from xcatflow.model.endpoint import TLS_PORT, parse_endpoint
from xcatflow.model.fold import fold
from xcatflow.model.values import split_list

USAGE = """\
Usage: nodestat [noderange] [-m] [-p] [-f] [-u]
       nodestat {-h | --help | -v | --version}

  Tells of each node the services that are found open (sshd, https, pbs, xend, rdp, msrpc; docker on Docker
  hosts), else how far its installation is, else its boot state, else noping; of a container its state.

  -m, --usemon     also the applications that the site's attribute "monitorapps" names: registry=5000,ntp=123
  -p, --powerstat  of those that do not answer also the power state, where it is known
  -f, --usefping   only a ping counts as an answer
  -u, --updatedb   also write status and appstatus into the definitions
"""

SERVICES: Mapping[str, int] = {"sshd": 22, "https": 443, "pbs": 15002, "xend": 8002, "rdp": 3389, "msrpc": 135}
_INSTALLER = 3001
_UNDER_WAY = ("installing", "installed", "netbooting", "postbooting")
"""States that a deployment ends by itself: that a machine answers or not says nothing against them."""
_APPLICATION = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=([0-9]{1,5})")


@dataclass(slots=True)
class _Found:
    """What is told and written, by node."""

    lines: dict[str, str] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)
    applications: dict[str, str] = field(default_factory=dict)


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput."""
    if len(arguments.operands) > 1:
        raise Refused(f"expected one noderange, found {' '.join(arguments.operands)}", usage=True)
    definitions = context.desk.definitions
    more = _applications(definitions.site.get("monitorapps", "")) if "m" in arguments else {}
    nodes = chosen(context, definitions, *arguments.operands)
    containers = [node for node in nodes if definitions.value(node, "mgt") == DOCKER]
    inside = frozenset(containers)
    found = _Found()
    _machines(context, definitions, [node for node in nodes if node not in inside], more, arguments, found)
    _containers(context, arguments, definitions, containers, found)
    context.talk.each(f"{node}: {found.lines[node]}" for node in sorted(found.lines))
    if "u" in arguments:
        _write(context, definitions, found)


def _applications(text: str) -> dict[str, int]:
    """The ports of the applications that the site names. Raises InvalidInput."""
    found: dict[str, int] = {}
    for entry in split_list(text):
        parts = _APPLICATION.fullmatch(entry)
        if not parts or not 0 < int(parts[2]) < 65536:
            raise InvalidInput(f'"monitorapps" of the site: expected NAME=PORT such as registry=5000, found "{entry}"')
        found[parts[1]] = int(parts[2])
    return found


def _machines(
    context: Context,
    definitions: Definitions,
    nodes: Sequence[str],
    more: Mapping[str, int],
    arguments: Arguments,
    found: _Found,
) -> None:
    daemons = _daemon_ports(definitions) if nodes else {}
    places = addresses(definitions, nodes)
    services: dict[str, dict[str, int]] = {}
    wanted: dict[str, probing.Wanted] = {}
    for node in nodes:
        if node not in places:
            context.talk.error(f"Please make sure {node} exists in /etc/hosts or DNS or hosts table", node=node)
            continue
        docker = daemons.get(node) or (TLS_PORT if _is_docker_host(definitions, node) else 0)
        services[node] = {**SERVICES, **({"docker": docker} if docker else {}), **more}
        tells = _INSTALLER if _state(definitions, node).startswith("install") else 0
        ports = tuple(dict.fromkeys((*services[node].values(), *([tells] if tells else ()))))
        wanted[node] = probing.Wanted(places[node], ports, tells)
    try:
        heard = probing.probe(wanted, pinged="f" in arguments)
    except XcatflowError as error:
        raise InvalidInput(str(error)) from None
    silent = [node for node, each in heard.items() if not each.answers]
    for node, each in heard.items():
        found.lines[node] = _line(definitions, node, each, services[node], pinged="f" in arguments)
        found.status[node] = "alive" if each.answers else "unreachable"
        if each.line:
            found.status[node] = "installing"
        states = (f"{name}={'up' if port in each.open else 'down'}" for name, port in services[node].items())
        found.applications[node] = ",".join(states)
    if "p" in arguments and silent:
        context.talk.warn(f"the power state is known of containers only, not of {fold(silent)}")


def _line(
    definitions: Definitions, node: str, heard: probing.Heard, services: Mapping[str, int], *, pinged: bool
) -> str:
    """What is told about a machine."""
    if not heard.answers:
        return "noping"
    if there := sorted(name for name, port in services.items() if port in heard.open):
        return ",".join(there)
    if heard.line:
        return heard.line
    state = _state(definitions, node)
    return f"ping {state}".rstrip() if pinged else state or "ping"


def _containers(
    context: Context, arguments: Arguments, definitions: Definitions, nodes: Sequence[str], found: _Found
) -> None:
    """The states of containers, as their daemons tell them."""

    def well(node: str, steps: Steps) -> Sequence[str]:
        found.lines[node] = found.status[node] = steps["power"].outputs.get("state", "")
        return ()

    daemons = on_daemons(instances(context.talk, definitions, nodes, "nodestat"))
    with_ = {"container": "${node.name}", "do": "state"}
    step = {"id": "power", "use": "docker.power", "at": "${given.daemon}", "with": with_}
    heard = Heard(context.talk, well)
    run_steps(context, ("nodestat", *arguments.operands), (step,), daemons, heard, looks=True)
    found.status.update(gone(heard))


def _write(context: Context, definitions: Definitions, found: _Found) -> None:
    """Write what was found. A status that a deployment is about to leave stays, and so does the time of what is as it was."""
    now = time.strftime("%m-%d-%Y %H:%M:%S")
    before = {node: definitions.value(node, "status") or "" for node in found.status}
    status = {
        node: after
        for node, after in found.status.items()
        if node not in found.applications or before[node] not in _UNDER_WAY
    }
    values = {
        node: {"appstatus": states, "appstatustime": now}
        for node, states in found.applications.items()
        if states != definitions.value(node, "appstatus")
    }
    write_back(context, status, values)


def _state(definitions: Definitions, node: str) -> str:
    """What the node was told to boot: `boot`, `install IMAGE`; empty where nothing was said."""
    return definitions.value(node, "currstate") or ""


def _is_docker_host(definitions: Definitions, node: str) -> bool:
    return "dockerhost" in split_list(definitions.value(node, "groups") or "")


def _daemon_ports(definitions: Definitions) -> dict[str, int]:
    """The ports on which the daemons of Docker hosts are, by machine."""
    named = {host: parse_endpoint(daemons[0]).port for host, daemons in daemons_by_host(definitions).items()}
    return {host: port for host, port in named.items() if port}


COMMAND = Command(
    name="nodestat",
    usage=USAGE,
    run=run,
    flags=(
        Flag("m", "usemon"),
        Flag("p", "powerstat"),
        Flag("f", "usefping"),
        Flag("u", "updatedb"),
        Flag("V", "verbose"),
    ),
)
