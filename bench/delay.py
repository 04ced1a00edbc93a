"""A TCP relay that holds back every byte for a time, both ways: a far network on one machine.

It stands in for `tc netem`, which not every kernel has ("Specified qdisc kind is unknown"). Opening a connection through it costs no
delay; what is measured through it are round trips on an open connection.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType


class Delay:
    """Relays a free local port to `port` while its context is open; `one_way_s` is the delay in each direction."""

    def __init__(self, port: int, one_way_s: float) -> None:
        self._to, self._one_way_s = port, one_way_s
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="delay", daemon=True)
        self._ready = threading.Event()
        self._stop: Callable[[], object] = lambda: None
        self.port = 0

    def __enter__(self) -> "Delay":
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
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._stop = partial(loop.call_soon_threadsafe, stopped.set)
        self._ready.set()
        await stopped.wait()
        server.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        # At the end; Python 3.11 prints a complaint about relays that were cancelled.
        with suppress(asyncio.CancelledError):
            await asyncio.gather(
                self._carry(reader, far_writer), self._carry(far_reader, writer), return_exceptions=True
            )
        for each in (writer, far_writer):
            each.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(1 << 16):
            loop.call_later(self._one_way_s, writer.write, data)
        await asyncio.sleep(self._one_way_s)
        writer.close()
