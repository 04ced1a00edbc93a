"""What is heard of a run of a command's own steps: each node's lines, in the order in which nodes are done or by name."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from xcatflow.commands.talk import Talk
from xcatflow.errors import ExitCode
from xcatflow.model.call import Called
from xcatflow.model.event import ActEnded, ActStarted, Event, NodeEnded, Outcome, StepEnded
from xcatflow.model.fold import fold

Steps = Mapping[str, StepEnded]


@dataclass(slots=True)
class Heard:
    """Listens to a run. `well(node, steps)` is asked for the lines about a node that went well, `steps` being its steps by id; what went
    wrong is told as errors. With `by_name` all is told in the end. `also` hears every event. `who` answers, a daemon or a machine; with
    `once` what all nodes are refused for is told without them.

    What cannot be told (a full disk) stops nobody from hearing the rest: `broken` has the error, for when all is written back.
    """

    talk: Talk
    well: Callable[[str, Steps], Sequence[str]]
    by_name: bool = False
    also: Callable[[Event], None] = lambda _event: None
    who: str = "daemon"
    once: bool = False
    worded: Callable[[str], str] = lambda text: text
    """An error in the command's own words."""
    failed: dict[str, StepEnded] = field(default_factory=dict)
    done: dict[str, Steps] = field(default_factory=dict)
    steps: dict[str, dict[str, StepEnded]] = field(default_factory=dict)
    acts: dict[str, list[ActStarted]] = field(default_factory=dict)
    """What was done on each node, and came back without an error."""
    broken: Exception | None = None
    _begun: dict[str, ActStarted] = field(default_factory=dict)

    def __call__(self, events: Sequence[Event]) -> None:
        for event in events:
            self._tell(lambda event=event: self.also(event))  # type: ignore[misc]
            match event:
                case ActStarted():
                    self._begun[event.key] = event
                case ActEnded():
                    begun = self._begun.pop(event.key, None)
                    if begun and not event.error:
                        self.acts.setdefault(begun.node, []).append(begun)
                case StepEnded():
                    self.steps.setdefault(event.node, {})[event.step] = event
                case NodeEnded():
                    self._ended(event)

    def end(self, called: Called, nodes: Iterable[str]) -> None:
        """Tell what is left to tell about the nodes of the run: those refused from the start, those that were not brought to their end."""
        if self.by_name:
            for node in sorted({*self.done, *self.failed}):
                self._tell_of(node)
        refused = called.refused
        if self.once and refused.keys() == set(nodes) and len(set(refused.values())) == 1:
            refused = {"": next(iter(refused.values()))}
        for node, problems in refused.items():
            for problem in problems:
                self._tell(lambda node=node, problem=problem: self.talk.error(problem, node=node))  # type: ignore[misc]
        self.talk.interrupted = called.code is ExitCode.INTERRUPTED
        known = self.done.keys() | self.failed.keys() | called.refused.keys()
        if left := [node for node in nodes if node not in known]:
            self._tell(lambda: self._tell_left(left))

    def _tell_left(self, left: Sequence[str]) -> None:
        """What is known about nodes that were left when the run was stopped, or broke off."""
        waiting = {begun.node for begun in self._begun.values()}
        unknown = [node for node in left if node in waiting]
        partly = [node for node in left if node in self.acts and node not in waiting]
        undone = [node for node in left if node not in self.acts and node not in waiting]
        if unknown:
            self.talk.error(f"ended before the {self.who} answered, look at {fold(unknown)}")
        if partly:
            self.talk.error(f"ended half-way, some of it was done for {fold(partly)}: xcatflow show tells what")
        if undone:
            self.talk.error(f"ended before anything was done for {fold(undone)}")

    def _ended(self, event: NodeEnded) -> None:
        steps = self.steps.get(event.node, {})
        bad = next((step for step in steps.values() if step.outcome.bad), None)
        if bad:
            self.failed[event.node] = bad
        elif event.message and (event.outcome is Outcome.SKIPPED or "stopped" in event.message):
            return  # without a message there was nothing to do for it
        else:
            self.done[event.node] = steps
        if not self.by_name:
            self._tell_of(event.node)

    def _tell_of(self, node: str) -> None:
        def tell() -> None:
            if bad := self.failed.get(node):
                self.talk.error(self.worded(_own_text(bad)), node=node)
            else:
                self.talk.say(*(f"{node}: {line}" for line in self.well(node, self.done[node])))

        self._tell(tell)

    def _tell(self, tell: Callable[[], None]) -> None:
        try:
            tell()
        except Exception as error:  # a full disk, or a bug: what was done must be written back all the same
            self.broken = self.broken or error


def _own_text(step: StepEnded) -> str:
    """The error as it is for this node, also where another node's lane met it."""
    return step.message.removeprefix(f"the same step failed on {step.shared_with}: ")
