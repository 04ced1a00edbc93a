"""`docker.tls`: the engine uses the certificates that are on its machine, and lets us in by them.

dockerd reads its certificates, and the authorities of clients, when it starts. It is restarted where they are newer than it is; its
containers stay, which is proved: their starts are held against those before. Then the engine's API has to answer here.

Source: dockerd(8) on live restore; `docker inspect` (State.StartedAt).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo, Unreachable, XcatflowError
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Daemon, File, Question
from xcatflow.steps.daemons.acts import restart
from xcatflow.steps.daemons.config import CONFIG, DROP_IN
from xcatflow.steps.daemons.info import named
from xcatflow.steps.daemons.look import DaemonState, question, read_state, tls_paths
from xcatflow.steps.daemons.running_look import containers
from xcatflow.steps.daemons.running_look import question as look
from xcatflow.steps.given import LenientParams
from xcatflow.steps.place import AbsolutePath

_SERVICE = "service docker"
_PATIENCE_S, _PAUSE_S = 30.0, 0.5


class EngineTlsParams(LenientParams):
    """The engine whose certificates are to be in use; `at:` names its port."""

    tls_directory: AbsolutePath = Field(
        "/etc/docker/tls", description="Where `ca.pem`, `cert.pem` and `key.pem` are (tls.host_certificate)."
    )
    containers: Literal["keep", "may_stop"] = Field(
        "keep", description="`keep` refuses to restart an engine whose containers would be stopped by that."
    )


@dataclass(frozen=True, slots=True)
class EngineTls:
    """The engine as its machine shows it, and why it does not let us in (empty: it does). `by_former`: only by our former certificate."""

    state: DaemonState
    refused: str = ""
    by_former: bool = False

    def unread(self, directory: str) -> tuple[str, ...]:
        """The files that it has not read yet."""
        return tuple(path for path in tls_paths(directory) if path in self.state.newer)


class DockerTls(Step[EngineTlsParams, EngineTls]):
    """Restarted only where a certificate is newer than it; the proof that it lets us in is part of every look."""

    kind = "docker.tls"
    follows = ("tls.host_certificate", "docker.daemon")
    params: ClassVar[type[Params]] = EngineTlsParams

    def ask(self, want: EngineTlsParams) -> tuple[Question[Any], ...]:
        return (File(CONFIG, ""), File(DROP_IN, ""), question(want.tls_directory, ()), Daemon())

    def seen(self, answers: Answers, want: EngineTlsParams) -> EngineTls | None:
        reply, config, drop_in = (
            answers[question(want.tls_directory, ())],
            answers[File(CONFIG, "")],
            answers[File(DROP_IN, "")],
        )
        state = read_state(reply, config, drop_in, tls_directory=want.tls_directory)
        try:
            facts = answers[Daemon()]
        except XcatflowError as error:
            return EngineTls(state, str(error))
        return EngineTls(state, by_former=facts.by_former)

    def plan(self, seen: EngineTls | None, want: EngineTlsParams) -> tuple[Change, ...]:
        assert seen is not None
        state = seen.state
        if state.load != "loaded" or not state.running:
            raise ActFailed("docker does not run on the machine: start it, or set it up first (docker.daemon)")
        if state.missing:
            raise ActFailed(f'"{state.missing[0]}" is missing: make it first (tls.host_certificate)')
        if unread := seen.unread(want.tls_directory):
            names = ", ".join(path.rpartition("/")[2] for path in unread)
            reason = f"{names} {'are' if len(unread) > 1 else 'is'} newer than the running engine"
            return (Change(Verb.RESTART, _SERVICE, why=f"{reason}; {_fate(state, want)}"),)
        if seen.refused:
            raise ActFailed(seen.refused)
        if seen.by_former:
            # Whatever the clocks say: who was revoked is let in until it reads them.
            reason = "it has not read which clients are let in now"
            return (Change(Verb.RESTART, _SERVICE, why=f"{reason}; {_fate(state, want)}"),)
        return ()

    def apply(self, at: Target, want: EngineTlsParams, seen: EngineTls | None, change: Change) -> None:
        before = _running(at)
        restart(at, {}, verb=change.verb)
        if want.containers == "keep":
            _unharmed(at, before, _running(at))
        _lets_us_in(at)

    def undo(self, at: Target, want: EngineTlsParams, seen: EngineTls | None, change: Change) -> None:
        raise CannotUndo("docker was restarted: that cannot be taken back")

    def outputs(self, seen: EngineTls | None, want: EngineTlsParams) -> dict[str, str]:
        info = seen.state.info if seen else None
        return {"containers": str(len(info.running)) if info else ""}


def _fate(state: DaemonState, want: EngineTlsParams) -> str:
    """What becomes of the containers. Raises ActFailed where they are to be kept and would not be."""
    names = tuple(each.name for each in state.info.running) if state.info else ()
    if not names:
        return "no container runs" if state.info else "its containers are held against those before"
    if state.info and state.info.live_restore:
        return f"{len(names)} {'containers keep' if len(names) > 1 else 'container keeps'} running"
    if want.containers == "may_stop":
        return f"containers are stopped: {named(names)}"
    raise ActFailed(
        f"docker has to be restarted and would stop its containers ({named(names)}), since it runs without live restore: switch that on "
        '(docker.daemon, "live_restore: true"), or say "containers: may_stop"'
    )


def _running(at: Target) -> Mapping[str, str]:
    """Running containers by name, and when each was started. Raises CannotTell."""
    found = containers(at.run(look().script, check=False))
    return {name: each.started for name, each in found.items() if each.running}


def _unharmed(at: Target, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Raise ActFailed naming the containers that were stopped or restarted."""
    harmed = tuple(
        f"{name} {'was restarted' if name in after else 'does not run any more'}"
        for name, started in before.items()
        if after.get(name) != started
    )
    if harmed:
        detail = "\n".join(f"{name}: {started} -> {after.get(name, 'gone')}" for name, started in before.items())
        raise ActFailed(f"docker on {at.name} was restarted, and not all containers stayed: {named(harmed)}", detail)


def _lets_us_in(at: Target) -> None:
    """Wait until the engine answers here, by TLS, with our certificate. Raises Unreachable with its reason."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            at.docker.daemon()
            return
        except Unreachable:
            if time.monotonic() > deadline:
                raise
        at.pause(_PAUSE_S)
