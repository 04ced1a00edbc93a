"""`docker.daemon`: the machine's Docker engine listens on its socket and, with mutual TLS, on a port.

A restart is planned only where something changed that the engine reads when it starts, where a certificate or the unit's command is newer
than the running daemon, or where its program was replaced; what it can read as it runs is reloaded. The two files fit each other at every
moment in between: a drop-in without `-H` goes with any configuration.

Source: dockerd(8) on daemon.json and on live restore.
"""

from typing import Any, ClassVar

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, File, Question
from xcatflow.steps.daemons.acts import put_back, put_config, put_drop_in, restart
from xcatflow.steps.daemons.config import CONFIG, DROP_IN, command, drop_in, flags
from xcatflow.steps.daemons.look import DaemonState, question, read_state, refuse
from xcatflow.steps.daemons.params import DaemonParams
from xcatflow.steps.daemons.plan import CONTAINERS, changes, former, switches, wanted_files, way_back
from xcatflow.steps.daemons.reload import reload, switch_live_restore_on
from xcatflow.steps.daemons.running_look import start, stop


class DockerDaemon(Step[DaemonParams, DaemonState]):
    """Configured by files that fit each other; restarted only where it must be, and brought back where it will not start."""

    kind = "docker.daemon"
    follows = ("tls.host_certificate",)
    params: ClassVar[type[Params]] = DaemonParams

    def ask(self, want: DaemonParams) -> tuple[Question[Any], ...]:
        return (File(CONFIG, ""), File(DROP_IN, ""), question(want.tls_directory, want.needed_bridges))

    def seen(self, answers: Answers, want: DaemonParams) -> DaemonState | None:
        reply = answers[question(want.tls_directory, want.needed_bridges)]
        return read_state(
            reply, answers[File(CONFIG, "")], answers[File(DROP_IN, "")], tls_directory=want.tls_directory
        )

    def plan(self, seen: DaemonState | None, want: DaemonParams) -> tuple[Change, ...]:
        assert seen is not None
        refuse(seen, want.needed_bridges)
        return changes(seen, want)

    def apply(self, at: Target, want: DaemonParams, seen: DaemonState | None, change: Change) -> None:
        assert seen is not None
        match change.verb, change.what:
            case Verb.RELOAD, _:
                reload(at, former(seen, want))
            case Verb.STOP, _:
                stop(at, _running(seen))
            case Verb.START | Verb.RESTART, _:
                if CONFIG not in former(seen, want) and switches(seen, want):
                    switch_live_restore_on(at, seen.config)
                _restart(at, want, seen, change)
            case _, what if what.endswith(DROP_IN):
                put_drop_in(at, drop_in(seen.units))
            case _:
                if switches(seen, want):
                    switch_live_restore_on(at, seen.config)
                words = flags(command(seen.units)[1])
                was_read = seen.running and CONFIG not in seen.newer
                put_config(at, wanted_files(seen, want)[CONFIG] or b"", seen.config, words, was_read=was_read)

    def undo(self, at: Target, want: DaemonParams, seen: DaemonState | None, change: Change) -> None:
        assert seen is not None
        match change.verb:
            case Verb.RESTART:
                put_back(at, way_back(seen, want), restarts=True)
            case Verb.START:
                put_back(at, former(seen, want), stops=True)
            case Verb.RELOAD:
                put_back(at, former(seen, want))
                reload(at, {})
            case Verb.STOP:
                start(at, _running(seen))
            case _:
                path = change.what.partition(" ")[2]
                put_back(at, {path: former(seen, want)[path]})

    def outputs(self, seen: DaemonState | None, want: DaemonParams) -> dict[str, str]:
        return {"port": str(want.tcp_port)}


def _running(seen: DaemonState) -> tuple[str, ...]:
    return tuple(each.name for each in seen.info.running) if seen.info else ()


def _restart(at: Target, want: DaemonParams, seen: DaemonState, change: Change) -> None:
    """Where the engine goes back to what it was, the containers that were stopped for what it should have become run again."""
    try:
        restart(at, way_back(seen, want), verb=change.verb)
    except ActFailed as error:
        if not any(other.what == CONTAINERS for other in changes(seen, want)):
            raise
        try:
            start(at, _running(seen))
        except ActFailed as failure:
            raise ActFailed(f"{error}; and {failure}", error.detail) from error
        raise ActFailed(f"{error}, and so do its containers", error.detail) from error
