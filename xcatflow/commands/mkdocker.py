"""mkdocker: create the containers of container nodes.

Source: xCAT's manual page of mkdocker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.chosen import chosen
from xcatflow.commands.command import Command, Context
from xcatflow.commands.container_nodes import instances
from xcatflow.commands.docker_wishes import Operands, Wishes, read_operands
from xcatflow.commands.heard import Heard, Steps
from xcatflow.commands.node_status import write_back
from xcatflow.commands.runs import run_steps
from xcatflow.commands.talk import Talk
from xcatflow.model.change import Verb
from xcatflow.model.event import ActEnded, ActStarted, Event

USAGE = """\
Usage: mkdocker <noderange> [image=<image_name> [command=<command>]] [dockerflag=<docker_flags>]
                            [pull=missing|always|never] [start]
       mkdocker {-h | --help | -v | --version}

  image       what the container is made of; the provmethod of the node where not given
  command     what runs in it: words as a shell would read them, or a JSON list
  dockerflag  a JSON object, merged into the request of the Docker API that creates the container
  pull        when to pull the image: where it is missing (the default), before each creation, or never
  start       start it as well

  What was given is kept in the definition of the node once the container is there, so that mkdocker needs no
  operands the next time.

  --sort      tell the nodes by name, all at the end
"""


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput."""
    operands = read_operands(arguments.operands[1:])
    definitions = context.desk.definitions
    nodes = chosen(context, definitions, arguments.operands[0] if arguments.operands else "")
    daemons = instances(context.talk, definitions, nodes, "mkdocker")
    given = Wishes(context.talk, definitions, operands).of(daemons)
    heard = Heard(context.talk, _lines, by_name="sort" in arguments, also=_Pulls(context.talk))

    def after() -> None:
        states = {node: state for node in given if (state := _state(heard, node))}
        write_back(context, states, dict.fromkeys(states, operands.kept) if operands.kept else {})

    words = ("mkdocker", arguments.operands[0], *operands.told)
    run_steps(context, words, _steps(operands), given, heard, after)


def _steps(operands: Operands) -> Sequence[Mapping[str, Any]]:
    at = "${given.daemon}"
    names = ("image", "command", "dockerflag", "cpus", "memory", "mac", "network", "ip")
    wanted = {"name": "${node.name}", **{name: f"${{given.{name}:-}}" for name in names}}
    steps: list[Mapping[str, Any]] = [{"id": "create", "use": "docker.create", "at": at, "with": wanted}]
    if operands.pull != "never":
        image = {"name": "${given.image}", "pull": operands.pull}
        steps.insert(0, {"id": "image", "use": "docker.pull", "at": at, "with": image})
    if operands.start:
        power = {"container": "${node.name}", "do": "start", "created": True}
        steps.append({"id": "start", "use": "docker.power", "at": at, "with": power})
    return steps


def _state(heard: Heard, node: str) -> str:
    """What the acts on a node made of it; empty where no container was made."""
    done = [(act.step, act.change.verb) for act in heard.acts.get(node, ())]
    if ("create", Verb.CREATE) not in done:
        return ""
    return "running" if ("start", Verb.START) in done else "created"


def _lines(_node: str, steps: Steps) -> Sequence[str]:
    warnings = steps["create"].outputs.get("warnings", "").splitlines()
    return (*(f"Warning: {text}" for text in warnings), "success")


@dataclass(slots=True)
class _Pulls:
    """Tells when the pull of an image begins and ends."""

    talk: Talk
    _texts: dict[str, str] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        match event:
            case ActStarted(step="image"):
                doing = "Load" if event.change.verb is Verb.LOAD else "Pull"
                text = f"{event.node}: {doing} {event.change.what}"
                self._texts[event.key] = text
                self.talk.say(f"{text} start")
            case ActEnded(error="") if event.key in self._texts:
                self.talk.say(f"{self._texts.pop(event.key)} done")


COMMAND = Command(
    name="mkdocker",
    usage=USAGE,
    run=run,
    flags=(Flag(long="sort"), Flag("V", "verbose")),
    bare=1,
)
