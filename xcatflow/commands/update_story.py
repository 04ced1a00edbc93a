"""What `updatenode` tells while scripts run: each node's lines in xCAT's words, made of the events of the run.

Source: xCAT's `updatenode`, what it and its scripts on the nodes print.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xcatflow.commands.output import lines_of
from xcatflow.commands.talk import Talk
from xcatflow.model.event import ActEnded, ActStarted, Event, NodeEnded, Outcome, StepEnded, StepStarted

FILES, SOFTWARE, KEYS, SERVER, SCRIPTS = "files", "software", "keys", "server", "scripts"
"""The phases: the ids of the command's steps."""

_DONE = {
    SOFTWARE: "Running of Software Maintenance has completed.",
    KEYS: "Running of postscripts has completed.",
    SCRIPTS: "Running of postscripts has completed.",
}
_NOTHING = {"otherpkgs": "otherpkgs: no extra rpms to install"}
"""What scripts say of nodes for which they have nothing to do."""
_CODE = re.compile(r"exited with code ([0-9]+)")
_COPIED = "files"
"""The field of the change that brings the site's scripts to a machine."""


@dataclass(slots=True)
class _Phase:
    """One phase on one node: `ids` are its scripts in order, with their names; `at` is the one under way, `code` what it ended with."""

    name: str
    ids: Sequence[str]
    names: Sequence[str]
    at: int = -1
    code: str = "0"
    heard: bool = False
    """Was there anything of the script under way?"""


@dataclass(slots=True)
class Story:
    """Hears the events of a run. `scripts` has, by node and phase, (ids of steps, names) of the scripts in their order; `syncing` are the
    nodes whose files are distributed. With `by_name` nothing is told before `end`."""

    talk: Talk
    scripts: Mapping[str, Mapping[str, tuple[Sequence[str], Sequence[str]]]]
    syncing: frozenset[str] = frozenset()
    by_name: bool = False
    synced: dict[str, bool] = field(default_factory=dict)
    _phases: dict[str, _Phase] = field(default_factory=dict)
    _copies: dict[str, str] = field(default_factory=dict)
    _kept: dict[str, list[str]] = field(default_factory=dict)
    _left: set[str] = field(default_factory=set)
    _through: set[str] = field(default_factory=set)
    """The nodes that are through with their files."""
    _told_files: bool = False

    def __call__(self, event: Event) -> None:
        match event:
            case StepStarted() | ActStarted() | StepEnded():
                self._hear(event)
            case ActEnded() if event.key in self._copies:
                node = self._copies.pop(event.key)
                if not event.error:
                    self._say(node, "postscripts downloaded successfully")
            case NodeEnded():
                self._end_node(event)

    def end(self) -> None:
        """Tell what is left to tell."""
        for node in sorted(self._kept):
            self.talk.say(*self._kept[node])
        self._tell_files(final=True)

    # --- events ---

    def _hear(self, event: StepStarted | ActStarted | StepEnded) -> None:
        phase_name, _, rest = event.step.partition("/")
        if phase_name == FILES:
            if isinstance(event, StepEnded):
                self._hear_files(event)
            return
        if phase_name not in _DONE:
            return
        if event.node in self.syncing:
            self._through.add(event.node)
            self._tell_files()
        if isinstance(event, StepEnded) and event.outcome is Outcome.UNREACHABLE:
            self._left.add(event.node)
            return
        phase = self._enter(event.node, phase_name)
        if isinstance(event, ActStarted) and event.change.field == _COPIED:
            self._copies[event.key] = event.node
            self._say(event.node, "trying to download postscripts...")
            return
        if isinstance(event, StepStarted):
            return
        number = phase.ids.index(rest.partition("/")[0])
        self._go_on(event.node, phase, number)
        phase.heard = True
        if isinstance(event, StepEnded):
            self._hear_script(event, phase)

    def _hear_files(self, event: StepEnded) -> None:
        self.synced[event.node] = self.synced.get(event.node, True) and not event.outcome.bad
        self._say(event.node, *lines_of(event.outputs.get("stdout", "")))

    def _hear_script(self, event: StepEnded, phase: _Phase) -> None:
        if event.outcome is Outcome.SKIPPED:
            return
        if event.outcome.bad:
            found = _CODE.search(event.message)
            phase.code = found[1] if found else "1"
            self._say(event.node, *lines_of(event.detail or event.message))
        elif "stdout" in event.outputs:
            self._say(event.node, *lines_of(event.outputs["stdout"]))
        else:
            self._say(event.node, *map(str, event.changes))

    def _end_node(self, event: NodeEnded) -> None:
        node = event.node
        if event.outcome is Outcome.UNREACHABLE or "stopped" in event.message:
            self._left.add(node)
        if event.message and event.outcome is Outcome.SKIPPED:
            self._left.add(node)
        if node not in self._left:
            for name in self.scripts.get(node, {}):
                self._enter(node, name)
            self._leave(node)
        if node in self._left and node in self.syncing:
            self.synced.setdefault(node, False)
        self._through.add(node)
        self._tell_files()

    # --- where a node is ---

    def _enter(self, node: str, name: str) -> _Phase:
        """The phase that a node is in now; those before it are over."""
        names = list(self.scripts.get(node, {}))
        now = self._phases.get(node)
        while now is None or now.name != name:
            following = names[names.index(now.name) + 1 if now else 0 :]
            if name not in following and now is not None:
                break
            self._leave(node)
            now = self._phases[node] = _Phase(following[0], *self.scripts[node][following[0]])
            self._say(node, "=============updatenode starting====================")
        assert now is not None
        return now

    def _leave(self, node: str) -> None:
        if phase := self._phases.get(node):
            self._go_on(node, phase, len(phase.ids))
            self._say(node, _DONE[phase.name], "=============updatenode ending====================")

    def _go_on(self, node: str, phase: _Phase, number: int) -> None:
        """Tell of the scripts up to this one; those between had nothing to do."""
        while phase.at < number:
            if phase.at >= 0:
                if not phase.heard and (nothing := _NOTHING.get(phase.names[phase.at])):
                    self._say(node, nothing)
                self._say(node, f"postscript end....: {phase.names[phase.at]} exited with code {phase.code}")
            phase.at, phase.code, phase.heard = phase.at + 1, "0", False
            if phase.at < len(phase.ids):
                self._say(node, f"postscript start..: {phase.names[phase.at]}")

    # --- telling ---

    def _say(self, node: str, *lines: str) -> None:
        told = [f"{node}: {line}".rstrip() for line in lines]
        if self.by_name:
            self._kept.setdefault(node, []).extend(told)
        elif told:
            self.talk.say(*told)

    def _tell_files(self, *, final: bool = False) -> None:
        """Once all nodes are through with their files: where that went well and where not."""
        if self._told_files or (self.by_name and not final) or not self.syncing:
            return
        if not final and self.syncing - self._through:
            return
        self._told_files = True
        good = sorted(node for node, well in self.synced.items() if well)
        bad = sorted(node for node, well in self.synced.items() if not well)
        if good:
            self.talk.say(f'File synchronization has completed for nodes: "{",".join(good)}"')
        if bad:
            self.talk.say(f'File synchronization failed for nodes: "{",".join(bad)}"')
