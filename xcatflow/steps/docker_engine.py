"""`docker.engine`: the engine that runs is the one that is installed, and containers outlive its restarts.

Before an upgrade it switches live restore on, without a restart; after it, it restarts an engine whose program was replaced.

Source: dockerd(8) on live restore; proc(5) on /proc/PID/exe.
"""

from typing import Any, ClassVar, Literal

from pydantic import Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, File, Question
from xcatflow.steps.daemons.acts import restart
from xcatflow.steps.daemons.config import CONFIG, DROP_IN
from xcatflow.steps.daemons.info import counted, named
from xcatflow.steps.daemons.look import DaemonState, question, read_state
from xcatflow.steps.daemons.reload import switch_live_restore_on

_SERVICE = "service docker"
_SWITCH = "live restore"


class EngineParams(Params):
    """The engine as it is to run."""

    containers: Literal["keep", "auto", "stop"] = Field(
        "keep",
        description="`keep`: live restore is on, so that containers run on when it is restarted, and an engine that cannot have it is "
        "refused; `auto`: on where it can be; `stop`: as it is.",
    )


class DockerEngine(Step[EngineParams, DaemonState]):
    """Restarted only where it runs a program that is not there any more."""

    kind = "docker.engine"
    params: ClassVar[type[Params]] = EngineParams

    def ask(self, want: EngineParams) -> tuple[Question[Any], ...]:
        return (File(CONFIG, ""), File(DROP_IN, ""), question("/etc/docker/tls", ()))

    def seen(self, answers: Answers, want: EngineParams) -> DaemonState | None:
        reply = answers[question("/etc/docker/tls", ())]
        return read_state(reply, answers[File(CONFIG, "")], answers[File(DROP_IN, "")], tls_directory="/etc/docker/tls")

    def plan(self, seen: DaemonState | None, want: EngineParams) -> tuple[Change, ...]:
        assert seen is not None
        if seen.load != "loaded":
            raise ActFailed(f"docker.service is {seen.load}: install the engine first (package.present)")
        if not seen.running:
            return (Change(Verb.START, _SERVICE, "", seen.active, "running"),)
        if seen.info is None:
            raise ActFailed("docker.service runs, but docker does not answer at its socket: look at its journal")
        if want.containers == "keep" and seen.info.swarm:
            raise ActFailed(
                "the engine is part of a swarm, and has no live restore: drain the node in the swarm, and have containers stopped "
                'by "containers: auto"'
            )
        switches = want.containers != "stop" and not seen.info.swarm and not seen.info.live_restore
        changes = (Change(Verb.UPDATE, _SERVICE, _SWITCH, "off", "on"),) if switches else ()
        return (*changes, *_restart(seen, kept=switches or seen.info.live_restore))

    def apply(self, at: Target, want: EngineParams, seen: DaemonState | None, change: Change) -> None:
        assert seen is not None
        if change.field == _SWITCH:
            switch_live_restore_on(at, seen.config)
        else:
            restart(at, {}, verb=change.verb)

    def undo(self, at: Target, want: EngineParams, seen: DaemonState | None, change: Change) -> None:
        raise CannotUndo("what an engine was before it was restarted is gone; live restore stays on")

    def outputs(self, seen: DaemonState | None, want: EngineParams) -> dict[str, str]:
        info = seen.info if seen else None
        return {"version": info.version if info else "", "live_restore": str(bool(info and info.live_restore)).lower()}


def _restart(seen: DaemonState, *, kept: bool) -> tuple[Change, ...]:
    if not seen.replaced or not seen.info:
        return ()
    names = tuple(each.name for each in seen.info.running)
    told = f"{counted(len(names))} keep{'s' if len(names) == 1 else ''} running" if kept else f"stops {named(names)}"
    return (Change(Verb.RESTART, _SERVICE, why=f"its program was replaced; {told if names else 'no container runs'}"),)
