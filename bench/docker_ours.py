"""xcatflow as it is measured: its commands as whole processes, and the library in a process that runs already."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.docker_contender import Contender, expect
from bench.docker_place import GROUP, IMAGE, Place
from bench.timing import environment, timed
from xcatflow.app import Site
from xcatflow.commands.runs import FANOUT
from xcatflow.errors import ExitCode
from xcatflow.journal.store import LAST
from xcatflow.model.call import Call
from xcatflow.model.event import Event, RunEnded, StepEnded
from xcatflow.model.workflow import Limits, StepSpec, Workflow

_COMMANDS = {
    "create": ("mkdocker", GROUP),
    "start": ("rpower", GROUP, "start"),
    "state": ("rpower", GROUP, "state"),
    "stop": ("rpower", GROUP, "stop"),
    "remove": ("rmdocker", GROUP),
}
_CONTAINER = {"container": "${node.name}"}
_STEPS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "create": ("docker.create", {"name": "${node.name}", "image": IMAGE}),
    "start": ("docker.power", {**_CONTAINER, "do": "start"}),
    "state": ("docker.power", {**_CONTAINER, "do": "state"}),
    "stop": ("docker.power", {**_CONTAINER, "do": "stop"}),
    "remove": ("docker.remove", _CONTAINER),
}


def commands(site: Path, place: Place) -> Contender:
    """mkdocker, rpower and rmdocker as they are typed: each reads the site, records its run and keeps the nodes' status."""
    environ = environment(XCATFLOW_SITE=str(site), **place.environ())
    timed((sys.executable, "-m", "xcatflow", "nodels", GROUP), environ)  # compiles modules and definitions

    def does(act: str) -> None:
        timed((sys.executable, "-m", "xcatflow", *_COMMANDS[act]), environ)

    return Contender("commands", "xcatflow: mkdocker, rpower, rmdocker", does)


def library(site: Path, nodes: Mapping[str, Place], *, state: str = "running") -> Contender:
    """The same steps by `Site.call`: recorded as well, without a start-up and without the nodes' status. `state` is what the containers
    are expected to be in when they are asked."""
    ours = Site.load(site)
    given = {node: {"daemon": place.dockerhost} for node, place in nodes.items()}

    def does(act: str) -> None:
        heard: list[Event] = []
        use, wanted = _STEPS[act]
        step = StepSpec.model_validate({"id": act, "use": use, "at": "${given.daemon}", "with": wanted})
        workflow = Workflow(name=f"bench-{act}", summary=act, limits=Limits(fanout=FANOUT), steps=(step,))
        called = ours.call(Call(workflow, given), [heard.extend])
        ended = [event for event in heard if isinstance(event, StepEnded)]
        if called.code is not ExitCode.OK or called.refused:
            raise SystemExit(f"{act}: {called} {[event.message for event in ended if event.message][:1]}")
        if act == "state":
            expect((event.outputs["state"] for event in ended), len(nodes), state)

    return Contender("library", "xcatflow: the library alone", does)


def traffic(site: Path) -> Mapping[str, int]:
    """What the site's last run recorded of its traffic."""
    with Site.load(site).journal() as journal:
        events: Sequence[Event] = tuple(journal.events(journal.find(LAST).id))
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    return ended.traffic
