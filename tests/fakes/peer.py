"""A scripted HTTP peer on the loopback, for what a real daemon does only when it is broken."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

VERSION = {"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}


@dataclass(frozen=True)
class Request:
    """One request as it arrived; `connection` counts from 1."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass(frozen=True)
class Answer:
    """What to send: the pieces as they are, then close the connection if `close`."""

    pieces: Iterable[bytes] = ()
    close: bool = False


def reply(value: Any, status: str = "200 OK", *, content_type: str = "application/json", close: bool = False) -> Answer:
    """A complete answer; text goes out as it is, everything else as JSON."""
    body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return Answer((head + body,), close=close)


def chunked(
    *pieces: str | bytes, end: bool = True, close: bool = False, content_type: str = "application/json"
) -> Answer:
    """A stream in chunks, left open-ended unless `end`."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    data = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
    parts = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in data]
    return Answer((head, *parts, *((b"0\r\n\r\n",) if end else ())), close=close)


DROP = Answer(close=True)
"""Close without a word."""


@dataclass
class Peer:
    """Serves until left; `script` answers each request, None stands for silence. `/version` is answered by itself unless `raw`."""

    script: Callable[[Request], Answer | None]
    tls: ssl.SSLContext | None = None
    raw: bool = False
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._over = threading.Event()
        self.port = int(self._server.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join(10)

    @property
    def paths(self) -> list[str]:
        """Methods and paths in order, without the version question."""
        return [f"{it.method} {it.path}" for it in self.requests if it.path != "/version"]

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError, ValueError):
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection.makefile("rb") as reader:
                while (request := _read(reader, number)) is not None:
                    self.requests.append(request)
                    answer = reply(VERSION) if request.path == "/version" and not self.raw else self.script(request)
                    if answer is None:
                        self._over.wait(60)
                        break
                    for piece in answer.pieces:
                        connection.sendall(piece)
                    if answer.close:
                        break
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()


def _read(reader: Any, number: int) -> Request | None:
    line = reader.readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    headers = {}
    while (text := reader.readline().decode("latin-1").strip()) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        return Request(line[0], line[1], headers, b"".join(_chunks(reader)), number)
    body = reader.read(int(headers.get("content-length", 0)))
    return Request(line[0], line[1], headers, body, number)


def _chunks(reader: Any) -> Iterator[bytes]:
    while size := int(reader.readline(), 16):
        yield reader.read(size)
        reader.readline()
    reader.readline()
