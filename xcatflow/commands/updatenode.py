"""updatenode: on machines that are installed already, distribute files, bring software up to date, run postscripts.

Source: xCAT's manual page of updatenode. The order is files, software, keys, scripts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.chosen import chosen
from xcatflow.commands.command import Command, Context, Refused
from xcatflow.commands.container_nodes import DOCKER
from xcatflow.commands.heard import Heard, Steps
from xcatflow.commands.node_status import write_back
from xcatflow.commands.runs import run_steps
from xcatflow.commands.update_story import FILES, KEYS, SCRIPTS, SERVER, SOFTWARE, Story
from xcatflow.commands.update_words import Asked, read_words
from xcatflow.model.definitions import Definitions
from xcatflow.model.event import Event, WorkflowStarted
from xcatflow.model.node_status import is_kept, now_as_text
from xcatflow.model.script_environment import environment_of
from xcatflow.model.scripts import chosen_lines, ids_of
from xcatflow.model.values import split_list

USAGE = """\
Usage: updatenode noderange [-F | --sync] [-S | --sw] [-P [scripts] | --scripts [scripts]] [scripts]
       updatenode noderange {-f | --snsync}
       updatenode noderange {-k | --security}
       updatenode noderange {-g | --genmypost}
       updatenode noderange {-s | --sn} [-F] [-S] [-P [scripts]]
       updatenode {-h | --help | -v | --version}

  Without any of these: -F -S -P, in this order.

  -F         distribute the files of the nodes' synclists
  -S         software maintenance: run the scripts ospkgs and otherpkgs
  -P         run the nodes' postscripts and postbootscripts, or only these: "s1 arg1 arg2,s2", or a section such as
             node-postbootscripts-start-here
  -f         distribute files to the service nodes of these nodes only
  -k         renew the key that root lets in (the script remoteshell)
  -g         see that the environment of the nodes' scripts can be made; for sites with precreatemypostscripts
  -s         tell the nodes who their server is, in /opt/xcat/xcatinfo

  -l user     log in as this user, and become root with sudo
  --fanout N  at most so many nodes at once (64)
  -t seconds  the longest that one script may take (3600)
  -n          do not check first whether nodes can be reached: here they are looked at in any case
  -r program  rsync or scp: here files go over the connection that is there
  --sort      tell the nodes by name, all at the end
"""

_SOFTWARE = "ospkgs,otherpkgs"
_KEYS = "remoteshell"
_SYNC = "syncfiles"


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput."""
    asked = read_words(arguments)
    definitions = context.desk.definitions
    nodes = _machines(context, definitions, chosen(context, definitions, arguments.operands[0]))
    if asked.service_nodes:
        nodes = _service_nodes(definitions, nodes)
    if asked.environment_only:
        _try_environment(context, definitions, nodes)
        return
    if KEYS in asked.phases and (managing := [node for node in nodes if definitions.holds(node, "nodetype", "mn")]):
        raise Refused(f"You must not run -k option against a management node: {','.join(managing)}.")
    given = _given(context, definitions, nodes, asked)
    phases = _told(context, definitions, given, asked)
    story = Story(
        context.talk,
        {node: _scripts(definitions, node, asked, phases) for node in given},
        _syncing(definitions, given) if FILES in phases else frozenset(),
        by_name="sort" in arguments,
    )
    written = _Written(context)

    def also(event: Event) -> None:
        if isinstance(event, WorkflowStarted):
            written.begin(event.nodes)
        story(event)

    heard = Heard(context.talk, _nothing, by_name="sort" in arguments, also=also, who="machine", once=True)

    def after() -> None:
        story.end()
        written.end(heard)

    words = ("updatenode", *arguments.operands[:1], *(f"-{one}" for one in "FSPfks" if one in arguments), asked.scripts)
    steps = [step for phase in phases for step in _steps(phase)]
    if steps:
        told = tuple(word for word in words if word)
        run_steps(context, told, steps, given, heard, after, limits=asked.limits, user=arguments.value("l"))


def _machines(context: Context, definitions: Definitions, nodes: Sequence[str]) -> list[str]:
    """The nodes without those that are containers, which is told."""
    found = []
    for node in nodes:
        if definitions.value(node, "mgt") == DOCKER:
            text = "updatenode is for machines, found mgt=docker: make the container anew from another image"
            context.talk.error(text, node=node)
        else:
            found.append(node)
    return found


def _service_nodes(definitions: Definitions, nodes: Sequence[str]) -> list[str]:
    """The service nodes of nodes. Raises Refused where there are none."""
    named = [one for node in nodes for one in split_list(definitions.value(node, "servicenode") or "")]
    found = [one for one in dict.fromkeys(named) if one in definitions.nodes]
    if not found and nodes:
        raise Refused("-f: none of the nodes has a service node (servicenode) that is defined")
    return found


def _try_environment(context: Context, definitions: Definitions, nodes: Sequence[str]) -> None:
    """Nothing of it is kept: it is made when scripts run, of definitions as they are then. Raises InvalidInput."""
    if definitions.site.get("precreatemypostscripts", "").lower() not in ("1", "y", "yes"):
        why = "which this one has not: scripts get their environment when they run"
        raise Refused(f"-g is for sites with precreatemypostscripts=yes, {why}")
    for node in nodes:
        environment_of(definitions, node, updating=True)
        context.talk.say(f"{node}: the environment of its scripts is as it should be, and made anew whenever they run")


def _given(context: Context, definitions: Definitions, nodes: Sequence[str], asked: Asked) -> dict[str, dict[str, str]]:
    """What the steps look up about nodes; where a server is asked for those without one are left out, which is told."""
    found: dict[str, dict[str, str]] = {}
    for node in nodes:
        server = definitions.value(node, "xcatmaster") or definitions.site.get("master", "")
        if SERVER in asked.phases and not server:
            text = f"Could not determine or resolve xcatmaster for {node}. Will skip this node."
            context.talk.error(text, node=node)
            continue
        found[node] = {"scripts": asked.scripts, "server": server}
    return found


def _syncing(definitions: Definitions, nodes: Mapping[str, object]) -> frozenset[str]:
    """The nodes whose osimage has synclists."""
    images = {node: definitions.osimage_of(node) for node in nodes}
    return frozenset(node for node, image in images.items() if image and image.attributes.get("synclists"))


def _told(
    context: Context, definitions: Definitions, given: Mapping[str, Mapping[str, str]], asked: Asked
) -> tuple[str, ...]:
    """The phases in which there may be something to do; what can be said before."""
    if not given:
        return ()
    phases = list(asked.phases)
    if FILES in phases and not _syncing(definitions, given):
        context.talk.say("There were no syncfiles defined to process. File synchronization has completed.")
        phases.remove(FILES)
    if SOFTWARE in phases:
        context.talk.say(
            "Performing software maintenance operations. This could take a while, if there are packages to install."
        )
    return tuple(phases)


def _scripts(
    definitions: Definitions, node: str, asked: Asked, phases: Sequence[str]
) -> dict[str, tuple[Sequence[str], Sequence[str]]]:
    """The ids and names of the scripts of a node, by phase. Raises InvalidInput."""
    texts = {SOFTWARE: _SOFTWARE, KEYS: _KEYS, SCRIPTS: asked.scripts}
    found: dict[str, tuple[Sequence[str], Sequence[str]]] = {}
    for phase in phases:
        if phase in texts:
            lines = chosen_lines(definitions, node, texts[phase])
            found[phase] = (ids_of(lines), [line.words[0] for line in lines])
    return found


def _steps(phase: str) -> Sequence[Mapping[str, Any]]:
    if phase == SERVER:
        place = {"path": "/opt/xcat", "parents": True}
        file = {"path": "/opt/xcat/xcatinfo", "content": "XCATSERVER=${given.server}\n"}
        return (
            {"id": f"{phase}-directory", "use": "directory.present", "with": place, "on_failure": "continue"},
            {"id": phase, "use": "file.present", "with": file, "on_failure": "continue"},
        )
    scripts = {FILES: _SYNC, SOFTWARE: _SOFTWARE, KEYS: _KEYS, SCRIPTS: "${given.scripts:-}"}
    again = {} if phase == FILES else {"always": True, "updating": True}
    wanted = {"scripts": scripts[phase], **again}
    return ({"id": phase, "use": "host.scripts", "with": wanted, "on_failure": "continue"},)


@dataclass(slots=True)
class _Written:
    """Keeps `updatestatus`: `syncing` while it goes on, then how it ended."""

    context: Context
    begun: tuple[str, ...] = ()

    def begin(self, nodes: tuple[str, ...]) -> None:
        self.begun = nodes
        self._write(dict.fromkeys(nodes, "syncing"))

    def end(self, heard: Heard) -> None:
        self._write({node: "synced" if node in heard.done else "failed" for node in self.begun})

    def _write(self, status: Mapping[str, str]) -> None:
        if is_kept(self.context.desk.definitions):
            now = now_as_text()
            write_back(
                self.context,
                {},
                {node: {"updatestatus": text, "updatestatustime": now} for node, text in status.items()},
                again=True,
            )


def _nothing(_node: str, _steps: Steps) -> Sequence[str]:
    return ()


COMMAND = Command(
    name="updatenode",
    usage=USAGE,
    run=run,
    flags=(
        Flag("F", "sync"),
        Flag("S", "sw"),
        Flag("P", "scripts", takes="perhaps"),
        Flag("f", "snsync"),
        Flag("k", "security"),
        Flag("g", "genmypost"),
        Flag("s", "sn"),
        Flag("l", "user", takes="value"),
        Flag(long="fanout", takes="value"),
        Flag("t", "timetrace", takes="value"),
        Flag("n", "noverify"),
        Flag("r", "node-rcp", takes="value"),
        Flag(long="sort"),
        Flag("V", "verbose"),
    ),
    bare=1,
)
