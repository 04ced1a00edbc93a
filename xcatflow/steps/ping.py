"""`ping`: addresses answer the machine, or a container on it. Changes nothing.

Source: ping(8) of iputils and of busybox; nsenter(1).
"""

import re
import time
from dataclasses import dataclass
from shlex import quote
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import CannotTell, DeadlineExceeded
from xcatflow.model.change import Change, Verb
from xcatflow.model.duration import Duration
from xcatflow.model.question import Answers, Question, Reply, Shell

_ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:%_-]*")
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_PAUSE_S = 1.0


def _listed(value: object) -> object:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def _addresses(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _ADDRESS.fullmatch(value):
            raise ValueError(f'expected an address or name, found "{value}"')
    return tuple(dict.fromkeys(values))


def _container(name: str) -> str:
    if name and not _CONTAINER.fullmatch(name):
        raise ValueError(f'expected the name of a container, found "{name}"')
    return name


class PingParams(Params):
    """Who has to answer, and to whom."""

    to: Annotated[
        tuple[str, ...],
        BeforeValidator(_listed, json_schema_input_type=str | list[str]),
        AfterValidator(_addresses),
        Field(min_length=1, description="The addresses that have to answer: a list, or text with commas."),
    ]
    from_container: Annotated[str, AfterValidator(_container)] = Field(
        "",
        description="Ping from inside this container's network, without anything running in it. Left out: from the machine.",
    )
    count: int = Field(1, ge=1, le=10, description="Echo requests per address; one answer is enough.")
    timeout: Duration = Field(30.0, description="How long to wait for all of them to answer, such as `30 s`.")


@dataclass(frozen=True, slots=True)
class Answering:
    """Who did not answer, and why nobody could be asked (empty when they could)."""

    silent: tuple[str, ...]
    obstacle: str = ""


class Ping(Step[PingParams, Answering]):
    """Waits until every address answers."""

    kind = "ping"
    params: ClassVar[type[Params]] = PingParams
    proof = True

    def ask(self, want: PingParams) -> tuple[Question[Any], ...]:
        return (_question(want),)

    def seen(self, answers: Answers, want: PingParams) -> Answering:
        return _answering(answers[_question(want)], want)

    def plan(self, seen: Answering | None, want: PingParams) -> tuple[Change, ...]:
        if seen and not seen.silent:
            return ()
        silent, obstacle = (seen.silent, seen.obstacle) if seen else (want.to, "")
        source = f" from container {want.from_container}" if want.from_container else ""
        return (Change(Verb.AWAIT, f"ping{source} to {', '.join(silent)}", why=obstacle or "no answer"),)

    def apply(self, at: Target, want: PingParams, seen: Answering | None, change: Change) -> None:
        end = time.monotonic() + want.timeout
        while (now := _answering(at.run(_question(want).script, check=False), want)).silent:
            left = end - time.monotonic()
            if left <= 0:
                raise DeadlineExceeded(_failure(at.name, want, now))
            at.pause(min(_PAUSE_S, left))

    def outputs(self, seen: Answering | None, want: PingParams) -> dict[str, str]:
        return {"to": ",".join(want.to)}


def _question(want: PingParams) -> Shell:
    """All addresses at the same time, so that the look takes no longer than its slowest one; who is silent is printed."""
    enter = ""
    lines = ["command -v ping >/dev/null || { echo '!there is no ping on the machine'; exit 0; }"]
    if want.from_container:
        name = quote(want.from_container)
        lines.append(f"pid=$(docker inspect -f '{{{{.State.Pid}}}}' -- {name} 2>/dev/null)")
        lines.append(
            f'case $pid in ""|0|*[!0-9]*) echo "!container {want.from_container} is not running"; exit 0;; esac'
        )
        enter = 'nsenter -t "$pid" -n '
    lines.append(f"for a in {' '.join(map(quote, want.to))}; do")
    lines.append(f'{{ {enter}ping -n -q -c {want.count} -W 1 "$a" >/dev/null 2>&1 || echo "$a"; }} &')
    lines.append("done; wait")
    return Shell("\n".join(lines), slow=True)


def _answering(reply: Reply, want: PingParams) -> Answering:
    lines = reply.text.splitlines()
    if reply.code:
        raise CannotTell(f"cannot ping: {reply.complaint or f'status {reply.code}'}")
    if lines and lines[0].startswith("!"):
        return Answering(want.to, lines[0][1:])
    return Answering(tuple(address for address in want.to if address in lines))


def _failure(machine: str, want: PingParams, now: Answering) -> str:
    source = f'container "{want.from_container}" on {machine}' if want.from_container else machine
    if now.obstacle:
        return f"cannot ping from {source}: {now.obstacle}"
    return f"no answer from {', '.join(now.silent)} to pings from {source} within {want.timeout:g} s"
