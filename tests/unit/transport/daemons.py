"""Daemons of tests: peers with a script behind a real adapter."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.fakes.peer import Answer, Peer, Request
from xcatflow.model.endpoint import Endpoint
from xcatflow.transport.docker import DockerDaemon
from xcatflow.transport.docker_http import DockerTimeouts
from xcatflow.transport.protocols import Traffic

Script = Callable[[Request], Answer | None]


@contextmanager
def daemon(
    script: Script, *, raw: bool = False, request_s: float = 20, stall_s: float = 20, traffic: Traffic | None = None
) -> Iterator[tuple[DockerDaemon, Peer]]:
    """A peer with a script and a daemon that speaks plain HTTP to it."""
    with Peer(script, raw=raw) as peer:
        place = Endpoint("tcp+plain", "127.0.0.1", peer.port, tls=False)
        timeouts = DockerTimeouts(connect_s=10, request_s=request_s, stall_s=stall_s)
        it = DockerDaemon(place, traffic=traffic or Traffic(), timeouts=timeouts)
        try:
            yield it, peer
        finally:
            it.close()


def always(answer: Answer | None) -> Script:
    """The same to everything; None is silence."""
    return lambda request: answer


def in_turn(*answers: Answer | None) -> Script:
    """One answer after the other."""
    rest = iter(answers)
    return lambda request: next(rest)
