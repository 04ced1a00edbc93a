"""rpower: start, stop, restart, pause and unpause container nodes, and tell their state.

Source: xCAT's manual page of rpower, its docker verbs; `on`, `off`, `reset` and `stat` are those of other machines.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.chosen import chosen
from xcatflow.commands.command import Command, Context, Refused
from xcatflow.commands.container_nodes import instances
from xcatflow.commands.heard import Heard, Steps
from xcatflow.commands.node_status import gone, write_back
from xcatflow.commands.runs import on_daemons, run_steps
from xcatflow.model.event import Outcome
from xcatflow.model.fold import fold

USAGE = """\
Usage: rpower noderange [start|stop|restart|pause|unpause|state]
       rpower noderange {stop|restart} [-t seconds]
       rpower noderange {start|restart} [--wait healthy] [--timeout time]
       rpower noderange state [--fold]
       rpower {-h | --help | -v | --version}

  on, off, reset and stat (or status) mean start, stop, restart and state

  -t seconds      kill what has not stopped by then (10)
  --wait healthy  be done when the health check of the container says so
  --timeout time  how long to wait for it, such as 90s or 2min (60s)
  --fold          nodes in the same state in one line
  --sort          tell the nodes by name, all at the end
"""

_SECONDS = re.compile(r"[0-9]{1,6}")
_ALIASES = {"on": "start", "off": "stop", "reset": "restart", "stat": "state", "status": "state"}
_VERBS = ("start", "stop", "restart", "pause", "unpause", "state")
_ALREADY = {"start": "container already started", "stop": "container already stopped"}
_TELLS_STATE = ("pause", "unpause")


@dataclass(frozen=True, slots=True)
class _Asked:
    verb: str
    grace_s: str = ""
    wait: str = ""
    timeout: str = ""


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput."""
    asked = _asked(arguments)
    definitions = context.desk.definitions
    nodes = chosen(context, definitions, arguments.operands[0])
    daemons = instances(context.talk, definitions, nodes, "rpower")
    heard = Heard(context.talk, _nothing if "fold" in arguments else _lines(asked.verb), by_name="sort" in arguments)

    def after() -> None:
        states = {node: _state(steps) for node, steps in heard.done.items()}
        if "fold" in arguments:
            _tell_folded(context, states)
        acted = {node: acts[0].change.after or "" for node, acts in heard.acts.items() if acts[0].change.field == ""}
        write_back(context, acted | states | gone(heard))

    words = ("rpower", *arguments.operands)
    looks = asked.verb == "state"
    run_steps(context, words, (_step(asked),), on_daemons(daemons), heard, after, verb=asked.verb, looks=looks)


def _asked(arguments: Arguments) -> _Asked:
    """Raises InvalidInput."""
    words = arguments.operands[1:]
    if not arguments.operands:
        raise Refused("expected a noderange, found nothing", usage=True)
    if not words:
        raise Refused("No option specified for rpower")
    if len(words) > 1:
        raise Refused("Only one option is supportted at the same time")
    verb = _ALIASES.get(words[0], words[0])
    if verb not in _VERBS:
        raise Refused(f"The option {words[0]} not support for rpower")
    for flag, verbs in (("t", ("stop", "restart")), ("wait", ("start", "restart")), ("fold", ("state",))):
        if flag in arguments and verb not in verbs:
            raise Refused(f"{'-t' if flag == 't' else f'--{flag}'} goes with {' and '.join(verbs)}, found {words[0]}")
    if "timeout" in arguments and "wait" not in arguments:
        raise Refused("--timeout goes with --wait")
    grace, wait = arguments.value("t"), arguments.value("wait")
    if "t" in arguments and not _SECONDS.fullmatch(grace):
        raise Refused(f'-t: expected seconds, at most a million, found "{grace}"')
    if wait not in ("", "healthy"):
        raise Refused(f'--wait: expected "healthy", found "{wait}"')
    return _Asked(verb, grace and f"{grace} s", wait, _timeout(arguments.value("timeout")))


def _timeout(text: str) -> str:
    """Raises InvalidInput."""
    from xcatflow.model.duration import seconds

    try:
        return text and f"{seconds(text):g} s"
    except ValueError as error:
        raise Refused(f"--timeout: {error}") from None


def _step(asked: _Asked) -> Mapping[str, Any]:
    wanted = {"do": asked.verb, "grace": asked.grace_s, "wait": asked.wait, "wait_timeout": asked.timeout}
    wanted = {"container": "${node.name}", **{name: value for name, value in wanted.items() if value}}
    return {"id": "power", "use": "docker.power", "at": "${given.daemon}", "with": wanted}


def _lines(verb: str) -> Callable[[str, Steps], Sequence[str]]:
    """What is said about a node that went well."""

    def lines(_node: str, steps: Steps) -> Sequence[str]:
        step = steps["power"]
        state = step.outputs.get("state", "")
        if verb == "state":
            return (state,)
        if step.outcome is Outcome.OK or step.outputs.get("acted") == "no":
            return (_ALREADY.get(verb, "success"),)
        return (f"success ({state})" if verb in _TELLS_STATE else "success",)

    return lines


def _nothing(_node: str, _steps: Steps) -> Sequence[str]:
    return ()


def _state(steps: Steps) -> str:
    return steps["power"].outputs.get("state", "")


def _tell_folded(context: Context, states: Mapping[str, str]) -> None:
    by_state: dict[str, list[str]] = {}
    for node, state in states.items():
        by_state.setdefault(state, []).append(node)
    for state in sorted(by_state, key=lambda each: (-len(by_state[each]), each)):
        context.talk.say(f"{fold(by_state[state])}: {state}")


COMMAND = Command(
    name="rpower",
    usage=USAGE,
    run=run,
    flags=(
        Flag("t", takes="value"),
        Flag(long="wait", takes="value"),
        Flag(long="timeout", takes="value"),
        Flag(long="fold"),
        Flag(long="sort"),
        Flag("V", "verbose"),
    ),
    bare=1,
)
