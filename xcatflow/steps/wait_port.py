"""`wait.port`: a TCP port answers to where xcatflow runs. Changes nothing."""

import time
from typing import Any, ClassVar

from pydantic import Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import DeadlineExceeded
from xcatflow.model.change import Change, Verb
from xcatflow.model.duration import Duration
from xcatflow.model.question import Answers, Port, Question

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0


class PortParams(Params):
    """One port."""

    host: str = Field(min_length=1, description="Name or address of the machine with the port.")
    port: int = Field(ge=1, le=65535, description="The TCP port.")
    timeout: Duration = Field(60.0, description="How long to wait for it, such as `2 min`.")


class WaitPort(Step[PortParams, bool]):
    """Waits until a connection opens."""

    kind = "wait.port"
    params: ClassVar[type[Params]] = PortParams
    proof = True

    def ask(self, want: PortParams) -> tuple[Question[Any], ...]:
        return (Port(want.host, want.port),)

    def seen(self, answers: Answers, want: PortParams) -> bool:
        return answers[Port(want.host, want.port)]

    def plan(self, seen: bool | None, want: PortParams) -> tuple[Change, ...]:
        return () if seen else (Change(Verb.AWAIT, f"port {want.host}:{want.port}", why="it lets nobody in"),)

    def apply(self, at: Target, want: PortParams, seen: bool | None, change: Change) -> None:
        end = time.monotonic() + want.timeout
        pause = _FIRST_PAUSE_S
        while not at.port_open(want.host, want.port):
            left = end - time.monotonic()
            if left <= 0:
                raise DeadlineExceeded(f"port {want.port} of {want.host} lets nobody in after {want.timeout:g} s")
            at.pause(min(pause, left))
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def outputs(self, seen: bool | None, want: PortParams) -> dict[str, str]:
        return {"host": want.host, "port": str(want.port)}
