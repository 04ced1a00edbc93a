"""What is heard of a run of a command's own steps: each node's lines, in the order in which nodes are done or by name."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from xcatflow.commands.talk import Talk
from xcatflow.model.call import Called
from xcatflow.model.event import Event, NodeEnded, Outcome, StepEnded, StepStarted
from xcatflow.model.fold import fold

Steps = Mapping[str, StepEnded]


@dataclass(slots=True)
class Heard:
    """Listens to a run. `well(node, steps)` is asked for the lines about a node that went well, `steps` being its steps by id; what went
    wrong is told as errors. With `by_name` all is told in the end. `also` hears every event."""

    talk: Talk
    well: Callable[[str, Steps], Sequence[str]]
    by_name: bool = False
    also: Callable[[Event], None] = lambda _event: None
    failed: dict[str, StepEnded] = field(default_factory=dict)
    done: dict[str, Steps] = field(default_factory=dict)
    _begun: set[str] = field(default_factory=set)
    steps: dict[str, dict[str, StepEnded]] = field(default_factory=dict)

    def __call__(self, events: Sequence[Event]) -> None:
        for event in events:
            self.also(event)
            match event:
                case StepStarted():
                    self._begun.add(event.node)
                case StepEnded():
                    self._begun.discard(event.node)
                    self.steps.setdefault(event.node, {})[event.step] = event
                case NodeEnded():
                    self._ended(event)

    def end(self, called: Called, nodes: Iterable[str]) -> None:
        """Tell what is left to tell about the nodes of the run: those refused from the start, those that an interrupt left undone."""
        if self.by_name:
            for node in sorted({*self.done, *self.failed}):
                self._tell(node)
        for node, problems in called.refused.items():
            for problem in problems:
                self.talk.error(problem, node=node)
        left = [node for node in nodes if node not in self.done | self.failed | dict(called.refused)]
        if left:
            self.talk.interrupted = True
            if unknown := [node for node in left if node in self._begun]:
                self.talk.error(f"interrupted before the daemon answered, look at {fold(unknown)}")
            if undone := [node for node in left if node not in self._begun]:
                self.talk.error(f"interrupted, nothing was done for {fold(undone)}")

    def _ended(self, event: NodeEnded) -> None:
        steps = self.steps.get(event.node, {})
        bad = next((step for step in steps.values() if step.outcome.bad), None)
        if bad:
            self.failed[event.node] = bad
        elif event.outcome is Outcome.SKIPPED or "stopped" in event.message:
            return
        else:
            self.done[event.node] = steps
        if not self.by_name:
            self._tell(event.node)

    def _tell(self, node: str) -> None:
        if bad := self.failed.get(node):
            self.talk.error(_own_text(bad), node=node)
        else:
            self.talk.say(*(f"{node}: {line}" for line in self.well(node, self.done[node])))


def _own_text(step: StepEnded) -> str:
    """The error as it is for this node, also where another node's lane met it."""
    return step.message.removeprefix(f"the same step failed on {step.shared_with}: ")
