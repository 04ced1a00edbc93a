"""lsdocker: list the containers of Docker hosts and of container nodes, or show their logs.

Source: xCAT's manual page of lsdocker.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.chosen import chosen
from xcatflow.commands.command import Command, Context, Refused
from xcatflow.commands.container_logs import show_logs
from xcatflow.commands.container_nodes import Found, instances_and_hosts
from xcatflow.commands.heard import Heard, Steps
from xcatflow.commands.runs import run_steps
from xcatflow.model.endpoint import machine_of

USAGE = """\
Usage: lsdocker <noderange> [--all] [--host] [--sort] [--json]
       lsdocker <noderange> [-l|--logs] [--follow] [--since time] [--tail lines] [--split]
       lsdocker {-h | --help | -v | --version}

  Of a Docker host its running containers are listed, of a container node its container, running or not.

  --all          of Docker hosts also containers that do not run
  --host         the Docker host as one more column, in front
  --sort         tell the nodes by name, all at the end
  --json         one JSON array of all
  -l, --logs     what the containers printed
  -f, --follow   and go on until Ctrl-C
  --since time   only what is newer: 10min, 2h, 2016-03-02T09:15:40 (UTC) or seconds since 1970
  --tail lines   only the last lines
  --split        what came on standard error, on standard error
"""

_LINE = "{id:<12}   {image:<30.30} {command:<22} {created:<20} {status:<10} {name}"
_LOGS_ONLY = ("follow", "since", "tail", "split")
_LIST_ONLY = ("all", "host", "json", "sort")


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput."""
    if len(arguments.operands) > 1:
        raise Refused(f"Option {arguments.operands[1]} is not supported for lsdocker")
    if not arguments.operands:
        raise Refused("expected a noderange, found nothing", usage=True)
    logs = "l" in arguments
    for flag in _LIST_ONLY if logs else _LOGS_ONLY:
        name = {"follow": "f"}.get(flag, flag)
        if name in arguments:
            raise Refused(f"--{flag} goes {'without' if logs else 'with'} --logs", usage=True)
    definitions = context.desk.definitions
    nodes = chosen(context, definitions, arguments.operands[0])
    found = instances_and_hosts(context.talk, definitions, nodes, "lsdocker")
    if logs:
        show_logs(context, arguments, found)
    else:
        _list(context, arguments, found)


def _list(context: Context, arguments: Arguments, found: Found) -> None:
    given = {node: {"daemon": daemon, "container": node} for node, daemon in found.instances.items()}
    given |= {node: {"daemon": daemon, "container": ""} for node, daemon in found.hosts.items()}
    as_json = "json" in arguments
    shown = _Shown(found, hosts="host" in arguments, silent=as_json)
    heard = Heard(context.talk, shown.lines, by_name="sort" in arguments or as_json)
    wanted = {"container": "${given.container:-}", "stopped": "all" in arguments}
    step = {"id": "list", "use": "docker.containers", "at": "${given.daemon}", "with": wanted}

    def after() -> None:
        done = sorted(heard.done.items())
        rows = [shown.plain(node, row) for node, steps in done for row in rows_of(steps)]
        context.talk.say(json.dumps(rows, indent=1))

    words = ("lsdocker", *arguments.operands)
    run_steps(context, words, (step,), given, heard, after if as_json else _nothing, looks=True)


def _nothing() -> None:
    """Lines were told when they came."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """How what was found is shown: a line for each container."""

    found: Found
    hosts: bool
    silent: bool

    def lines(self, node: str, steps: Steps) -> Sequence[str]:
        if self.silent:
            return ()
        rows = rows_of(steps)
        if not rows:
            return ("No running docker",)
        whole = node in self.found.hosts
        column = f"{self.host(node):<12} " if self.hosts else ""
        return [column + _line(row, row["status"] if whole else row["state"]) for row in rows]

    def plain(self, node: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """A container as plain data."""
        kept = {name: row[name] for name in ("id", "image", "command", "state", "name", "addresses")}
        status = row["status"] if node in self.found.hosts else row["state"]
        return {"node": node, "host": self.host(node), **kept, "status": status, "created": _utc(row["created_s"])}

    def host(self, node: str) -> str:
        """The Docker host that a node is on."""
        return node if node in self.found.hosts else machine_of(self.found.instances[node]) or "localhost"


def rows_of(steps: Steps) -> Sequence[Mapping[str, Any]]:
    """The containers that a run told about a node."""
    found: Sequence[Mapping[str, Any]] = json.loads(steps["list"].outputs.get("containers", "[]"))
    return found


def _line(row: Mapping[str, Any], status: str) -> str:
    return _LINE.format(
        id=row["id"][:12],
        image=row["image"],
        command=f'"{row["command"][:20]}"',
        created=_utc(row["created_s"]),
        status=status,
        name=row["name"],
    )


def _utc(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


COMMAND = Command(
    name="lsdocker",
    usage=USAGE,
    run=run,
    flags=(
        Flag("l", "logs"),
        Flag("f", "follow"),
        Flag(long="since", takes="value"),
        Flag(long="tail", takes="value"),
        Flag(long="split"),
        Flag(long="all"),
        Flag(long="host"),
        Flag(long="json"),
        Flag(long="sort"),
        Flag("V", "verbose"),
    ),
    bare=1,
)
