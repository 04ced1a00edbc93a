"""A relay in front of a daemon that counts the connections opened through it, and the requests where they can be read.

A request is counted when a client sends something after the daemon has answered, which is exact where nobody sends a second request before
the first is answered. With TLS the handshake looks the same, and requests are not counted.
"""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType

from bench.docker_contender import Contender
from bench.docker_place import Place

_CHUNK = 1 << 16


class Relay:
    """Relays a new place to `to` while its context is open: another port, or the socket `path`."""

    def __init__(self, to: Place, path: Path) -> None:
        self._to, self._path = to, path
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="relay", daemon=True)
        self._ready = threading.Event()
        self._stop: Callable[[], object] = lambda: None
        self.place = to
        self.connections = self.requests = 0

    def __enter__(self) -> "Relay":
        self._thread.start()
        if not self._ready.wait(10):
            raise SystemExit("the relay does not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._thread.join(10)

    async def _serve(self) -> None:
        """Until told to stop; the relays that are left then are cancelled with the loop."""
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        if self._to.port:
            server: asyncio.Server = await asyncio.start_server(self._relay, "127.0.0.1", 0, backlog=1000)
            port = server.sockets[0].getsockname()[1]
            self.place = Place(port=port, certificates=self._to.certificates)
        else:
            server = await asyncio.start_unix_server(self._relay, self._path, backlog=1000)
            self.place = Place(socket=str(self._path), certificates=self._to.certificates)
        self._stop = partial(loop.call_soon_threadsafe, stopped.set)
        self._ready.set()
        await stopped.wait()
        server.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._to.port:
            far_reader, far_writer = await asyncio.open_connection("localhost", self._to.port)
        else:
            far_reader, far_writer = await asyncio.open_unix_connection(self._to.socket)
        turn = _Turn(self)
        # At the end; Python 3.11 prints a complaint about relays that were cancelled.
        with suppress(asyncio.CancelledError):
            await asyncio.gather(
                _carry(reader, far_writer, turn.asked),
                _carry(far_reader, writer, turn.answered),
                return_exceptions=True,
            )
        for each in (writer, far_writer):
            each.close()


class _Turn:
    """Whose turn it is on one connection."""

    def __init__(self, relay: Relay) -> None:
        self._relay, self._asking = relay, False

    def asked(self) -> None:
        self._relay.requests += not self._asking
        self._asking = True

    def answered(self) -> None:
        self._asking = False


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Callable[[], None]) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(_CHUNK):
            seen()
            writer.write(data)
            await writer.drain()
    writer.close()


def counted(
    relays: Sequence[Relay], contenders: Iterable[Contender], acts: Sequence[str], do: Callable[[Contender, str], None]
) -> dict[str, tuple[int, int]]:
    """Connections and requests of each contender by its key, what it sends when it is made included. They are made one by one, with the
    places of the relays, and `do` makes them act."""
    counts: dict[str, tuple[int, int]] = {}
    before = _totals(relays)
    for contender in contenders:
        print(f"counting: {contender.title}", file=sys.stderr, flush=True)
        for act in acts:
            do(contender, act)
        contender.close()
        after = _totals(relays)
        counts[contender.key] = after[0] - before[0], after[1] - before[1]
        before = after
    return counts


def _totals(relays: Sequence[Relay]) -> tuple[int, int]:
    return sum(relay.connections for relay in relays), sum(relay.requests for relay in relays)
