"""The task that watches container nodes: top."""

import json as json_text
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from xcatflow.errors import ExitCode, InvalidInput, did_you_mean
from xcatflow.model.fold import fold
from xcatflow.tasks.common import say, site, warn
from xcatflow.tasks.face import face

if TYPE_CHECKING:
    from xcatflow.app import Site
    from xcatflow.model.usage import NodeUse
    from xcatflow.report.top import Sort, View
    from xcatflow.watching import Watch

_LEAST_S = 0.5
_PATIENCE_S = 30.0
"""How long a single table waits for daemons; those that did not answer are said to be waited for."""


@face(
    words=["noderange"],
    help={
        "noderange": "which nodes; those that are no containers are left out",
        "once": "show them once, and end; so it is where standard output is no terminal",
        "interval": "time between two looks (2 s)",
        "sort": "cpu (the default), memory, name or state",
        "json": "as JSON: an array of nodes at every look, each on a line of its own",
    },
)
def top(noderange: str, once: bool = False, interval: str = "2 s", sort: str = "cpu", json: bool = False) -> None:
    """Watch containers: state, uptime, CPU (of one CPU), memory and network of every node. Ctrl-C ends it.

    With --once it exits 1 when a node's daemon is unreachable, or a container missing."""
    from xcatflow.report.choose import can_draw
    from xcatflow.tasks.execute import allow_many_files
    from xcatflow.watching import watching

    order, interval_s = _sort(sort), _interval(interval)
    here = site()
    nodes = _containers(here, noderange)
    live = not once and (json or can_draw(sys.stdout))
    allow_many_files()
    with watching(here.root, here.definitions, nodes, interval_s=interval_s) as watch:
        watch.start(once=not live)
        if live:
            _follow(watch, interval_s, _view(order, json=json))
        else:
            watch.wait(_PATIENCE_S)
            _tell(watch.now(), order, json=json)


def _follow(watch: "Watch", interval_s: float, view: "View") -> None:
    """Show what is known, again and again, until the user has seen enough."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        watch.wait(interval_s)
        while not view.closed:
            view.show(watch.now())
            time.sleep(min(interval_s, view.patience_s))
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
        view.close()


def _tell(uses: "Sequence[NodeUse]", order: "Sort", *, json: bool) -> None:
    from xcatflow.report.top import data, problems, table

    if json:
        say(json_text.dumps(data(uses, order), indent=2))
    else:
        say(*(row.text for row in table(uses, order)))
        warn(*problems(uses))
    if any(use.bad for use in uses):
        raise SystemExit(int(ExitCode.FAILED))


def _view(order: "Sort", *, json: bool) -> "View":
    from xcatflow.report.top import JsonView, ScreenView

    if json:
        return JsonView(sys.stdout, order)
    from xcatflow.report.console import Screen

    return ScreenView(Screen(sys.stdout, environ=os.environ), order)


def _containers(here: "Site", noderange: str) -> dict[str, str]:
    """The nodes that are containers, with the endpoints of their daemons. Raises InvalidInput where there are none."""
    chosen = here.select(noderange)
    value = here.definitions.value
    found = {node: value(node, "dockerhost") or "" for node in chosen if value(node, "mgt") == "docker"}
    others = [node for node in chosen if node not in found]
    homeless = [node for node, endpoint in found.items() if not endpoint]
    nodes = {node: endpoint for node, endpoint in found.items() if endpoint}
    if not nodes:
        raise InvalidInput(f'no container in "{noderange}": expected nodes with mgt=docker and a dockerhost')
    if others:
        warn(f"warning: left out, these are no containers (mgt is not docker): {fold(others)}")
    if homeless:
        warn(f"warning: left out, these have no dockerhost: {fold(homeless)}")
    return nodes


def _sort(text: str) -> "Sort":
    from xcatflow.report.top import SORTS

    for each in SORTS:
        if each == text:
            return each
    raise InvalidInput(f'--sort: no order "{text}"{did_you_mean(text, SORTS)}: expected {", ".join(SORTS)}')


def _interval(text: str) -> float:
    from xcatflow.model.duration import seconds

    try:
        interval_s = seconds(text)
    except ValueError as error:
        raise InvalidInput(f"--interval: {error}") from None
    if interval_s < _LEAST_S:
        raise InvalidInput(f'--interval: expected {_LEAST_S:g} s or more, found "{text}"')
    return interval_s
