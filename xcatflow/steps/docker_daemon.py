"""`docker.daemon`: the machine's Docker engine listens on its socket and, with mutual TLS, on a port.

A restart is planned only where something changed, or where the configuration or a certificate is newer than the running daemon. The two
files fit each other at every moment in between: a drop-in without `-H` goes with any configuration.

Source: dockerd(8) on daemon.json and on live restore.
"""

import json
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from xcatflow.contract import Params, Step, Target
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, File, FileFacts, Question
from xcatflow.steps.daemon_acts import put_back, put_config, put_drop_in, restart, switch_live_restore_on
from xcatflow.steps.daemon_config import (
    CONFIG,
    DROP_IN,
    command,
    config_text,
    drop_in,
    flags,
    merged,
    parse_config,
    restoring,
)
from xcatflow.steps.daemon_look import DaemonState, question, read_state, refuse, tls_paths
from xcatflow.steps.given import LenientParams
from xcatflow.steps.place import AbsolutePath, diff_of

_SERVICE = "service docker"
_SOCKET = "unix:///var/run/docker.sock"
_OURS = {
    "hosts": "tcp_port",
    "tls": "tls_directory",
    "tlsverify": "tls_directory",
    "tlscacert": "tls_directory",
    "tlscert": "tls_directory",
    "tlskey": "tls_directory",
    "bridge": "bridge",
    "live-restore": "live_restore",
}


def _listen(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(f'expected an IP address to listen at such as "0.0.0.0", found "{text}"') from None


def _options(options: dict[str, Any]) -> dict[str, Any]:
    for key in options:
        if ours := _OURS.get(key):
            raise ValueError(f'"{key}" is set by the parameter "{ours}"')
    try:
        json.dumps(options, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected what JSON can say, found something else: {error}") from None
    return options


class DaemonParams(LenientParams):
    """The engine as wanted; what `daemon.json` says besides stays."""

    tcp_port: int = Field(2376, ge=1, le=65535, description="The TCP port of its API; it speaks TLS only.")
    listen: Annotated[str, AfterValidator(_listen)] = Field("0.0.0.0", description="The address it listens at.")
    tls_directory: AbsolutePath = Field(
        "/etc/docker/tls", description="Where `ca.pem`, `cert.pem` and `key.pem` are (tls.host_certificate)."
    )
    bridge: str = Field(
        "", description="The bridge that containers are put on by default. Left out: what the engine does by itself."
    )
    live_restore: bool = Field(True, description="Leave containers running while the engine is restarted.")
    options: Annotated[dict[str, Any], AfterValidator(_options)] = Field(
        default_factory=dict,
        description="More for `daemon.json`, merged at all depths; an empty value (null) takes a key out.",
    )

    @property
    def config(self) -> dict[str, Any]:
        """What `daemon.json` has to say."""
        ca, certificate, key = tls_paths(self.tls_directory)
        host = f"[{self.listen}]" if ":" in self.listen else self.listen
        return {
            "hosts": [_SOCKET, f"tcp://{host}:{self.tcp_port}"],
            "tls": True,
            "tlsverify": True,
            "tlscacert": ca,
            "tlscert": certificate,
            "tlskey": key,
            "live-restore": self.live_restore,
            **({"bridge": self.bridge} if self.bridge else {}),
            **self.options,
        }


class DockerDaemon(Step[DaemonParams, DaemonState]):
    """Configured by files that fit each other; restarted only where it must be, and brought back where it will not start."""

    kind = "docker.daemon"
    follows = ("tls.host_certificate",)
    params: ClassVar[type[Params]] = DaemonParams

    def ask(self, want: DaemonParams) -> tuple[Question[Any], ...]:
        return (File(CONFIG, ""), File(DROP_IN, ""), question(want.tls_directory, want.bridge))

    def seen(self, answers: Answers, want: DaemonParams) -> DaemonState | None:
        reply = answers[question(want.tls_directory, want.bridge)]
        return read_state(
            reply, answers[File(CONFIG, "")], answers[File(DROP_IN, "")], tls_directory=want.tls_directory
        )

    def plan(self, seen: DaemonState | None, want: DaemonParams) -> tuple[Change, ...]:
        assert seen is not None
        refuse(seen, want.bridge)
        files = tuple(_files(seen, want))
        return (*files, *_restarts(seen, want, changed=bool(files)))

    def apply(self, at: Target, want: DaemonParams, seen: DaemonState | None, change: Change) -> None:
        assert seen is not None
        match change.what:
            case what if what == _SERVICE:
                restart(at, _way_back(seen, want), verb=change.verb)
            case what if what.endswith(DROP_IN):
                put_drop_in(at, drop_in(seen.units))
            case _:
                if _switches(seen, want):
                    switch_live_restore_on(at, seen.config)
                put_config(at, _wanted(seen, want)[CONFIG] or b"", seen.config, flags(command(seen.units)[1]))

    def undo(self, at: Target, want: DaemonParams, seen: DaemonState | None, change: Change) -> None:
        assert seen is not None
        match change.verb:
            case Verb.RESTART:
                put_back(at, _way_back(seen, want), restarts=True)
            case Verb.START:
                put_back(at, _former(seen, want), stops=True)
            case _:
                path = change.what.partition(" ")[2]
                put_back(at, {path: _former(seen, want)[path]})

    def outputs(self, seen: DaemonState | None, want: DaemonParams) -> dict[str, str]:
        return {"port": str(want.tcp_port)}


def _wanted(seen: DaemonState, want: DaemonParams) -> dict[str, bytes | None]:
    """Both files as they are to be; None: not there. A configuration that says the same in other words stays as it is."""
    has = parse_config((seen.config and seen.config.content) or b"")
    config = merged(has, want.config)
    old = seen.config.content if seen.config else None
    return {DROP_IN: drop_in(seen.units), CONFIG: old if config == has and seen.config else config_text(config)}


def _now(seen: DaemonState) -> dict[str, FileFacts | None]:
    return {DROP_IN: seen.drop_in, CONFIG: seen.config}


def _former(seen: DaemonState, want: DaemonParams) -> dict[str, FileFacts | None]:
    """The files that change, as they were."""
    wanted = _wanted(seen, want)
    return {path: facts for path, facts in _now(seen).items() if (facts.content if facts else None) != wanted[path]}


def _way_back(seen: DaemonState, want: DaemonParams) -> dict[str, FileFacts | None]:
    """The files to restart the engine with where it has to go back. An engine that starts without live restore stops the containers that
    were left running, so what was switched on stays on."""
    former = _former(seen, want)
    if CONFIG in former and _switches(seen, want):
        content = restoring((seen.config and seen.config.content) or b"")
        mode = seen.config.mode if seen.config else 0o644
        former[CONFIG] = FileFacts("file", mode, "root", "root", len(content), content=content)
    return former


def _switches(seen: DaemonState, want: DaemonParams) -> bool:
    """Is live restore to be switched on in the engine that runs?"""
    return want.live_restore and seen.running and not _restores(seen)


def _files(seen: DaemonState, want: DaemonParams) -> Iterator[Change]:
    wanted = _wanted(seen, want)
    for path, facts in _former(seen, want).items():
        diff = diff_of(path, (facts and facts.content) or b"", wanted[path] or b"")
        if wanted[path] is None:
            yield Change(Verb.REMOVE, f"file {path}", why="the unit needs it no longer", diff=diff)
        elif facts is None:
            yield Change(Verb.CREATE, f"file {path}", diff=diff)
        else:
            yield Change(Verb.UPDATE, f"file {path}", "content", diff=diff)


def _restarts(seen: DaemonState, want: DaemonParams, *, changed: bool) -> Iterator[Change]:
    if not seen.running:
        yield Change(Verb.START, _SERVICE, "", seen.active, "running")
        return
    reason = "its configuration changes" if changed else ""
    if seen.newer and not changed:
        names = ", ".join(path.rpartition("/")[2] for path in seen.newer)
        reason = f"{names} {'are' if len(seen.newer) > 1 else 'is'} newer than the running engine"
    if reason:
        yield Change(Verb.RESTART, _SERVICE, why=f"{reason}; {_containers(seen, want)}")


def _containers(seen: DaemonState, want: DaemonParams) -> str:
    """What a restart does to running containers: the engine that runs decides, not the one that comes."""
    if not want.live_restore:
        return "containers on it are stopped"
    if _restores(seen) and CONFIG in seen.newer:
        return "containers on it are stopped unless it was started with live restore"
    return "containers keep running"


def _restores(seen: DaemonState) -> bool:
    """Does the configuration that is there switch live restore on?"""
    return parse_config((seen.config and seen.config.content) or b"").get("live-restore") is True
