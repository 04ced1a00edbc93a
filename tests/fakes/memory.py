"""A world in memory and steps to act on it: enough to run the engine without a machine."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import Field

from xcatflow.contract import Kind, Params, Step
from xcatflow.errors import ActFailed, CannotTell, Unreachable
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Question, Reply, Shell
from xcatflow.model.target import TargetRef


@dataclass
class World:
    """Values by machine and name; what was asked and done, in order; machines that are off."""

    values: dict[tuple[str, str], str] = field(default_factory=dict)
    asked: list[tuple[tuple[str, str], int]] = field(default_factory=list)
    acts: list[tuple[str, str, str]] = field(default_factory=list)
    off: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    """Names whose acts do nothing, though they report success."""
    failing: dict[str, int] = field(default_factory=dict)
    """Names whose next acts fail, and how often."""
    hold: threading.Event | None = None
    """Acts wait for this."""
    guard: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, face: tuple[str, str], questions: tuple[Question[Any], ...]) -> Mapping[Question[Any], object]:
        with self.guard:
            self.asked.append((face, len(questions)))
        if face[1] in self.off:
            return dict.fromkeys(questions, Unreachable(f"{face[1]}: no route"))
        return {
            q: Reply(0, self.values.get((face[1], q.script), "").encode()) for q in questions if isinstance(q, Shell)
        }

    def target(self, ref: TargetRef, timeout_s: float, progress: Callable[[str], None]) -> "Place":
        return Place(ref.name, self, progress)


@dataclass
class Place:
    name: str
    world: World
    tell: Callable[[str], None] = lambda _text: None

    def run(self, script: str, *, stdin: bytes = b"", timeout_s: float | None = None, check: bool = True) -> Reply:
        world, (name, _, value) = self.world, script.partition("=")
        if world.hold:
            world.hold.wait(10)
        with world.guard:
            world.acts.append((self.name, name, value))
            if world.failing.get(name, 0) > 0:
                world.failing[name] -= 1
                raise ActFailed(f"{name} would not", "line one\nline two")
            if name not in world.broken:
                world.values[self.name, name] = value
        return Reply(0)


class ValueParams(Params):
    """A name and its value."""

    name: str = Field(description="what")
    value: str = Field(description="its value")
    needs: str = Field("", description="cannot tell while this name has no value")


class Value(Step[ValueParams, str]):
    """A value in memory."""

    kind = "memory.value"
    params = ValueParams

    def ask(self, want: ValueParams) -> tuple[Question[Any], ...]:
        return (Shell(want.name), *((Shell(want.needs),) if want.needs else ()))

    def seen(self, answers: Answers, want: ValueParams) -> str | None:
        if want.needs and not answers[Shell(want.needs)].text:
            raise CannotTell(f"{want.needs} is not there")
        return answers[Shell(want.name)].text or None

    def plan(self, seen: str | None, want: ValueParams) -> tuple[Change, ...]:
        if seen == want.value:
            return ()
        return (Change(Verb.UPDATE if seen else Verb.CREATE, f"value {want.name}", before=seen, after=want.value),)

    def apply(self, at: Any, want: ValueParams, seen: str | None, change: Change) -> None:
        at.run(f"{want.name}={want.value}")

    def undo(self, at: Any, want: ValueParams, seen: str | None, change: Change) -> None:
        at.run(f"{want.name}={seen or ''}")

    def outputs(self, seen: str | None, want: ValueParams) -> Mapping[str, str]:
        return {"value": want.value}


class Proof(Value):
    """Proves a value; waiting for it brings it about."""

    kind = "memory.proof"
    proof: ClassVar[bool] = True

    def plan(self, seen: str | None, want: ValueParams) -> tuple[Change, ...]:
        return () if seen == want.value else (Change(Verb.AWAIT, f"value {want.name}", after="not there"),)


class Buggy(Value):
    """Has a bug."""

    kind = "memory.buggy"

    def plan(self, seen: str | None, want: ValueParams) -> tuple[Change, ...]:
        raise ZeroDivisionError("oh")


class Careless(Value):
    """Plans something that is no plan."""

    kind = "memory.careless"

    def plan(self, seen: str | None, want: ValueParams) -> tuple[Change, ...]:
        return Change(Verb.RUN, "a single change")  # type: ignore[return-value]


class Showing(Value):
    """Shows a diff."""

    kind = "memory.showing"

    def plan(self, seen: str | None, want: ValueParams) -> tuple[Change, ...]:
        return () if seen == want.value else (Change(Verb.UPDATE, want.name, diff=f"-{seen}\n+{want.value}\n"),)


class Command(Value):
    """Runs always, proves nothing."""

    kind = "memory.command"

    def plan(self, seen: str | None, want: ValueParams) -> tuple[Change, ...]:
        return (Change(Verb.RUN, f"command {want.name}"),)

    def verifies(self, want: ValueParams) -> bool:
        return False


STEPS: dict[str, Kind] = {step.kind: step for step in (Value(), Proof(), Buggy(), Careless(), Showing(), Command())}
