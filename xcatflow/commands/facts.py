"""facts: what machines are. They are asked once, and the answers kept in the site's state, with their time.

Of a container its daemon tells, each time: that is not kept.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import fill

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.chosen import chosen
from xcatflow.commands.command import Command, Context, Refused
from xcatflow.commands.container_nodes import DOCKER, instances
from xcatflow.commands.heard import Heard, Steps
from xcatflow.commands.runs import on_daemons, run_steps
from xcatflow.commands.structured import json_lines
from xcatflow.errors import did_you_mean
from xcatflow.model.definitions import Definitions
from xcatflow.model.fact_names import FACTS, STANDS_IN
from xcatflow.model.values import split_list

_NAMES = fill(", ".join(FACTS), 100, initial_indent="  ", subsequent_indent="  ")

USAGE = f"""\
Usage: facts noderange [-i names] [--refresh | --cached] [--json] [--sort] [--write names]
       facts {{-h | --help | -v | --version}}

  What machines are: system, hardware, disks, NICs, Docker engine; of containers what their daemons say.
  A machine is asked once, and its facts are kept: noderanges (facts.engine==running) and workflows
  (${{node.facts.memory_mb}}) can use them.

  -i names       only these, with commas
  --refresh      ask again, also whose facts are known
  --cached       ask nobody
  --json         one JSON array of all
  --sort         tell the nodes by name, all at the end
  --write names  write these facts into the definitions: os, arch

  Facts of a machine (what it does not have it has no fact of):
{_NAMES}
"""


@dataclass(slots=True)
class _Asked:
    """What is wanted, and what was found: lines and plain data by node."""

    names: Sequence[str]
    writes: Sequence[str]
    silent: bool
    rows: dict[str, Mapping[str, object]] = field(default_factory=dict)
    written: dict[str, dict[str, str]] = field(default_factory=dict)


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput."""
    if len(arguments.operands) != 1:
        raise Refused(f"expected a noderange, found {' '.join(arguments.operands) or 'nothing'}", usage=True)
    if "refresh" in arguments and "cached" in arguments:
        raise Refused("expected either --refresh or --cached, found both")
    at_end = "json" in arguments or "sort" in arguments
    asked = _Asked(_names(arguments), _writes(arguments), silent=at_end)
    definitions = context.desk.definitions
    nodes = chosen(context, definitions, arguments.operands[0])
    containers = [node for node in nodes if definitions.value(node, "mgt") == DOCKER]
    of_daemons = frozenset(containers)
    hosts = [node for node in nodes if node not in of_daemons]
    lines = _machines(context, arguments, asked, hosts)
    lines |= _containers(context, arguments, asked, definitions, containers)
    if "json" in arguments:
        context.talk.each(json_lines(asked.rows[node] for node in sorted(asked.rows)))
    elif at_end:
        context.talk.each(f"{node}: {line}" for node in sorted(lines) for line in lines[node])
    if asked.written:
        _write(context, asked.written)


def _names(arguments: Arguments) -> tuple[str, ...]:
    """The facts asked for, none for all. Raises Refused."""
    from xcatflow.commands.facts_shown import CONTAINER, GATHERED

    names = split_list(arguments.value("i"))
    known = (*FACTS, GATHERED, *CONTAINER)
    for name in names:
        if name not in known:
            raise Refused(f"-i: there is no fact '{name}'{did_you_mean(name, known) or ': facts --help lists them'}")
    return names


def _writes(arguments: Arguments) -> tuple[str, ...]:
    """The attributes to be written. Raises Refused."""
    names = split_list(arguments.value("write"))
    for name in names:
        if name not in STANDS_IN:
            raise Refused(f"--write: expected {' and '.join(STANDS_IN)}, found '{name}'")
    return names


def _machines(context: Context, arguments: Arguments, asked: _Asked, hosts: Sequence[str]) -> dict[str, Sequence[str]]:
    """The lines about machines; those that need not wait for the end are told."""
    from xcatflow.commands import facts_shown as shown
    from xcatflow.model.facts import Known

    told: dict[str, Sequence[str]] = {}

    def keep(node: str, known: Known) -> Sequence[str]:
        asked.rows[node] = shown.plain(node, known, asked.names)
        told[node] = shown.lines(known, asked.names)
        if values := {name: value for name in asked.writes if (value := known.facts.values.get(name))}:
            asked.written[node] = values
        return () if asked.silent else told[node]

    def well(node: str, steps: Steps) -> Sequence[str]:
        return keep(node, shown.gathered_now(steps["facts"].outputs, time.time()))

    known = {} if "refresh" in arguments else context.desk.definitions.facts.known(hosts)
    for node in hosts:
        if node in known:
            context.talk.say(*(f"{node}: {line}" for line in keep(node, known[node])))
    unknown = [node for node in hosts if node not in known]
    if "cached" in arguments:
        for node in unknown:
            context.talk.error("no facts yet, and --cached asks nobody", node=node)
    else:
        step = {"id": "facts", "use": "host.facts"}
        given: dict[str, dict[str, str]] = {node: {} for node in unknown}
        heard = Heard(context.talk, well, by_name=asked.silent)
        run_steps(context, ("facts", *arguments.operands), (step,), given, heard, looks=True)
    return told


def _containers(
    context: Context, arguments: Arguments, asked: _Asked, definitions: Definitions, nodes: Sequence[str]
) -> dict[str, Sequence[str]]:
    """The same about containers."""
    from xcatflow.commands import facts_shown as shown

    told: dict[str, Sequence[str]] = {}

    def well(node: str, steps: Steps) -> Sequence[str]:
        row = shown.rows_of(steps["list"].outputs)
        asked.rows[node] = shown.container_plain(node, row, asked.names)
        told[node] = shown.container_lines(row, asked.names)
        return () if asked.silent else told[node]

    if nodes and "cached" in arguments:
        for node in nodes:
            context.talk.error("a container's facts are not kept, and --cached asks nobody", node=node)
        return told
    step = {"id": "list", "use": "docker.containers", "at": "${given.daemon}", "with": {"container": "${node.name}"}}
    daemons = on_daemons(instances(context.talk, definitions, nodes, "facts"))
    heard = Heard(context.talk, well, by_name=asked.silent)
    run_steps(context, ("facts", *arguments.operands), (step,), daemons, heard, looks=True)
    return told


def _write(context: Context, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Write attributes where the node does not have them so already, and tell which. Raises InvalidInput, Locked."""
    from xcatflow.model.edit import Write

    with context.desk.editing() as editing:
        nodes = editing.definitions.nodes
        changed = {
            node: {name: new for name, new in values.items() if editing.definitions.value(node, name) != new}
            for node, values in wanted.items()
            if node in nodes
        }
        changed = {node: values for node, values in changed.items() if values}
        if changed:
            editing.write([Write("node", node, values) for node, values in changed.items()])
    for node in sorted(changed):
        pairs = ", ".join(f"{name}={value}" for name, value in changed[node].items())
        context.talk.say(f"{node}: written into its definition: {pairs}")


COMMAND = Command(
    name="facts",
    usage=USAGE,
    run=run,
    flags=(
        Flag("i", takes="value"),
        Flag(long="refresh"),
        Flag(long="cached"),
        Flag(long="json"),
        Flag(long="sort"),
        Flag(long="write", takes="value"),
        Flag("V", "verbose"),
    ),
    bare=1,
)
