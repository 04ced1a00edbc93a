"""`docker.ready`: the machine is a Docker host: its engine runs, it has the bridge, and it lets this site in. Changes nothing.

The three are told apart, so that the one which is missing is known. Its `at:` is the daemon's endpoint, with the port.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import Field

from xcatflow.contract import Desk, Params, Step, Target
from xcatflow.errors import ActFailed, DeadlineExceeded, XcatflowError
from xcatflow.model.change import Change, Verb
from xcatflow.model.duration import Duration
from xcatflow.model.question import Answers, Certificate, Daemon, DaemonFacts, File, Question
from xcatflow.steps.daemons.look import tls_paths
from xcatflow.steps.daemons.ready_look import COMING, ENGINE, Ready, Trust, bridge_of, docker_of, reason, tls_of
from xcatflow.steps.given import LenientParams
from xcatflow.steps.networks import host as network_host
from xcatflow.steps.place import AbsolutePath

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 2.0


class ReadyParams(LenientParams):
    """The host as it has to be."""

    bridge: str = Field("mydocker0", min_length=1, description="The bridge that containers are put on.")
    tls_directory: AbsolutePath = Field(
        "/etc/docker/tls", description="Where `ca.pem`, `cert.pem` and `key.pem` are (tls.host_certificate)."
    )
    timeout: Duration = Field(60.0, description="How long to wait for the daemon to let us in, such as `2 min`.")
    report: bool = Field(
        False, description="Only tell by the outputs `docker`, `bridge` and `tls` how it is: nothing fails."
    )
    authorities: tuple[str, ...] = Field((), exclude=True, description="The CAs that are trusted; come from the site.")


class DockerReady(Step[ReadyParams, Ready]):
    """Waits for the daemon only: what else is missing does not come by itself."""

    kind = "docker.ready"
    params: ClassVar[type[Params]] = ReadyParams
    proof = True

    def prepare(self, want: ReadyParams, desk: Desk) -> ReadyParams:
        authority = desk.authority
        return want.model_copy(update={"authorities": (authority.identity, *authority.former)})

    def ask(self, want: ReadyParams) -> tuple[Question[Any], ...]:
        files = tuple(File(path, digest=False) for path in tls_paths(want.tls_directory))
        certificate = Certificate(tls_paths(want.tls_directory)[1])
        return (ENGINE, network_host.question(), *files, certificate, Daemon())

    def seen(self, answers: Answers, want: ReadyParams) -> Ready:
        paths = tls_paths(want.tls_directory)
        daemon, refused = _daemon(answers)
        docker = docker_of(answers[ENGINE], daemon)
        trust = Trust(
            files={path: answers[File(path, digest=False)] for path in paths},
            certificate=answers[Certificate(paths[1])],
            refused=refused if docker.well else None,
        )
        bridge = bridge_of(answers[network_host.question()], want.bridge)
        tls = tls_of(trust, want.authorities, datetime.now(UTC))
        coming = docker.well or docker.told.startswith(COMING)
        return Ready(docker, bridge, tls, bridge.well and coming and (tls.well or tls.told == refused))

    def plan(self, seen: Ready | None, want: ReadyParams) -> tuple[Change, ...]:
        assert seen is not None
        if want.report or not seen.lacking:
            return ()
        return (Change(Verb.AWAIT, "Docker host", why=_told(seen)),)

    def apply(self, at: Target, want: ReadyParams, seen: Ready | None, change: Change) -> None:
        assert seen is not None
        if not seen.may_come:
            raise ActFailed(_told(seen))
        end = time.monotonic() + want.timeout
        pause = _FIRST_PAUSE_S
        while error := _closed(at):
            left = end - time.monotonic()
            if left <= 0:
                raise DeadlineExceeded(f"{_told(seen)}; after {want.timeout:g} s: {reason(error)}")
            at.pause(min(pause, left))
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def outputs(self, seen: Ready | None, want: ReadyParams) -> Mapping[str, str]:
        assert seen is not None
        return {"docker": str(seen.docker), "bridge": str(seen.bridge), "tls": str(seen.tls)}


def _daemon(answers: Answers) -> tuple[DaemonFacts | None, str]:
    """What the daemon told us, or why it did not."""
    try:
        return answers[Daemon()], ""
    except XcatflowError as error:
        return None, reason(error)


def _closed(at: Target) -> XcatflowError | None:
    try:
        at.docker.daemon()
    except XcatflowError as error:
        return error
    return None


def _told(seen: Ready) -> str:
    return "; ".join(f"{name} {each}" for name, each in seen.lacking.items())
