"""Is a container that was just started well? It stays up, and is healthy by the check that was asked for.

Source: Engine API, `State.Health` of a container; proc(5) on `/proc/net/tcp` (state 0A is listening).
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from xcatflow.contract import Target
from xcatflow.errors import ActFailed, Interrupted, XcatflowError
from xcatflow.steps.containers.health import HealthParams
from xcatflow.steps.containers.params import ContainerParams

_SETTLE_S = 0.3
"""A container whose command is wrong has ended within this time."""
_BETWEEN_S = 0.5
_PROBE_S = 10.0
_LOG_LINES = 5
_MOST_SAID = 200
"""Characters of what a health check printed."""
_LISTENS = "0A"


def prove(at: Target, want: ContainerParams, name: str, *, restarts: int = 0) -> None:
    """Wait until the container called `name` is what `want` calls well. Raises ActFailed when it ends, or is not well in time; the end of
    its log is in the error. `restarts` is how often the daemon had started it again before."""
    with suppress(Interrupted):  # an act that has begun is brought to its end
        at.pause(_SETTLE_S)
    try:
        _stays(at, name, restarts)
        if want.health is not None:
            _becomes_healthy(at, name, want.health, restarts)
    except ActFailed as error:
        log = _log_end(at, name)
        said = f'; its log ends with "{log[-1]}"' if log else ""
        detail = "\n".join(text for text in (error.detail, *log) if text)
        raise type(error)(
            f"{error}{said}", detail
        ) from error  # of the same sort: one that got no answer proves nothing


def await_well(at: Target, wait_s: float, wrong: Callable[[float], str]) -> str:
    """Ask `wrong` again and again, with the seconds so far, until it has nothing to say: what is still wrong after `wait_s`, empty when all
    is well. Raises Interrupted with the last that was wrong, and what `wrong` raises."""
    began, waited = time.monotonic(), 0.0
    while True:
        ran_s = max(waited, time.monotonic() - began)
        said = wrong(ran_s)
        if not said or ran_s >= wait_s:
            return said
        try:
            at.pause(_BETWEEN_S)
        except Interrupted:
            raise Interrupted(said) from None
        waited += _BETWEEN_S


def last_said(health: Mapping[str, Any]) -> str:
    """What the last check of a `State.Health` printed, in one line."""
    if not (log := health.get("Log")):
        return "no check has ended yet"
    said = " ".join(str(log[-1].get("Output") or "").split())
    return said[:_MOST_SAID] or f"its check ended with exit code {log[-1].get('ExitCode', 'unknown')}"


def _becomes_healthy(at: Target, name: str, health: HealthParams, restarts: int) -> None:
    at.tell(f'waiting for container "{name}" to become healthy')

    def wrong(ran_s: float) -> str:
        return _wrong(at, name, health, _stays(at, name, restarts), ran_s)

    try:
        left = await_well(at, health.wait, wrong)
    except Interrupted as stopped:
        message = f'the run was stopped before container "{name}" on {at.name} was healthy: {stopped}'
        raise ActFailed(message) from None
    if left:
        raise ActFailed(f'container "{name}" on {at.name} is not healthy after {health.wait:g} s: {left}')


def _wrong(at: Target, name: str, health: HealthParams, whole: Mapping[str, Any], ran_s: float) -> str:
    """What is not well yet; empty when all is."""
    check = (whole.get("State") or {}).get("Health") or {}
    if health.command:
        return _command_fails(at, name, health)
    if health.port is not None:
        return "" if _listens(at, name, whole, health.port) else f"nothing listens on port {health.port} in it"
    match check.get("Status"):
        case "healthy":
            return ""
        case "starting" | "unhealthy" as status:
            return f"its health check says {status}: {last_said(check)}"
    return "" if ran_s >= min(health.stays_up, health.wait) else "it has not run for long enough"


def _command_fails(at: Target, name: str, health: HealthParams) -> str:
    try:
        reply = at.docker.execute(name, health.command, timeout_s=min(_PROBE_S, max(health.wait, 1.0)))
    except ActFailed as error:
        return f"its health command cannot be run: {error}"
    if reply.code == 0:
        return ""
    words = (reply.complaint or reply.text).splitlines()
    return f"its health command exits with {reply.code}{f': {words[-1]}' if words else ''}"


def _listens(at: Target, name: str, whole: Mapping[str, Any], port: int) -> bool:
    """Does something listen? Looked up inside where the image has a `cat`; otherwise tried from here."""
    with suppress(ActFailed):
        reply = at.docker.execute(name, ("cat", "/proc/net/tcp", "/proc/net/tcp6"), timeout_s=_PROBE_S)
        if reply.out:
            rows = [line.split() for line in reply.text.splitlines()]
            return any(row[3] == _LISTENS and row[1].endswith(f":{port:04X}") for row in rows if len(row) > 3)
    ends = (whole.get("NetworkSettings") or {}).get("Networks") or {}
    return any(at.port_open(end["IPAddress"], port) for end in ends.values() if (end or {}).get("IPAddress"))


def _stays(at: Target, name: str, restarts: int) -> Mapping[str, Any]:
    """What the daemon tells of a running container. Raises ActFailed when it does not run any more."""
    whole = at.docker.inspect_container(name) or {}
    state = whole.get("State") or {}
    code = state.get("ExitCode", "unknown")
    match state.get("Status"):
        case "running" if (whole.get("RestartCount") or 0) <= restarts:
            return whole
        case "running":  # the exit code is that of the run before only while it waits for the next one
            fate = "keeps ending and being restarted"
        case "restarting":
            fate = f"keeps ending, with exit code {code}, and being restarted"
        case None:
            fate = "ended right after its start and removed itself"
        case _:
            fate = f"ended right after its start, with exit code {code}"
    raise ActFailed(f'container "{name}" on {at.name} {fate}: look at its command', str(state.get("Error", "")))


def _log_end(at: Target, name: str) -> list[str]:
    """The last lines of its log; none where there is no telling."""
    with suppress(XcatflowError), at.docker.logs(name, tail=_LOG_LINES) as pieces:
        text = b"".join(piece.data for piece in pieces).decode(errors="replace")
        return [line.strip() for line in text.splitlines() if line.strip()][-_LOG_LINES:]
    return []
