"""Answers that come bit by bit: their bytes as they arrive, each within its time, and a container's two outputs out of their frames.

Source: Engine API reference, "stream format" of `POST /containers/{id}/attach`: a frame is one byte for the stream (0 and 1 standard
output, 2 standard error, 3 an error of the daemon's own), three zero bytes, four bytes of length in network order, and the payload.
"""

import socket
import struct
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Literal

from xcatflow.errors import ActFailed, DeadlineExceeded, XcatflowError
from xcatflow.transport.docker_http import REQUEST_ERRORS, Call, translate
from xcatflow.transport.protocols import LogPiece

_PIECE_BYTES = 65_536
_FRAME = struct.Struct(">B3sL")
_TROUBLE = 3
_STREAMS: dict[int, Literal[1, 2]] = {0: 1, 1: 1, 2: 2}


class Stream:
    """An answer whose body is still to come. It may be closed from another thread than the one that reads it, which then ends."""

    def __init__(self, response: Any, call: Call, *, deadline: float | None, silence_s: float | None) -> None:
        self.status: int = response.status
        self.content_type: str = response.headers.get("Content-Type", "").partition(";")[0].strip()
        self._response, self._call = response, call
        self._deadline, self._silence_s = deadline, silence_s
        self._guard = threading.Lock()
        self._closed = False

    def chunks(self) -> Iterator[bytes]:
        """The body. Raises DeadlineExceeded when its time is over or there was no data for too long, ConnectionLost when it breaks off."""
        while True:
            handled = sys.exception()
            try:
                self._set_limit()
                data = self._response.read1(_PIECE_BYTES)
            except XcatflowError:
                raise
            except (*REQUEST_ERRORS, AttributeError) as error:  # AttributeError: closed meanwhile
                if self._closed:
                    return
                raise translate(error, self._call, handled=handled) from error
            if not data:
                return
            yield data

    def close(self) -> None:
        """Give the connection back; one with more to come is closed instead."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
        connection = self._response.connection
        if connection is not None:  # there is more to come, and perhaps somebody waits for it
            if connection.line is not None:
                with suppress(OSError):
                    connection.line.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._response.release_conn()

    def _set_limit(self) -> None:
        limit_s = self._silence_s
        if self._deadline is not None:
            rest = self._deadline - time.monotonic()
            if rest <= 0:
                raise DeadlineExceeded(f"timeout after {self._call.limit_s:g} s: {self._call}")
            limit_s = rest if limit_s is None else min(rest, limit_s)
        connection = self._response.connection
        if connection is not None and connection.line is not None:
            connection.line.settimeout(limit_s)


def unframed(chunks: Iterable[bytes]) -> Iterator[LogPiece]:
    """What is inside the frames, as it comes. Raises ActFailed with what the daemon says of itself, ValueError for what is no frame."""
    rest, stream, left, trouble = b"", 0, 0, b""
    for chunk in chunks:
        rest += chunk
        while rest:
            if not left:
                if len(rest) < _FRAME.size:
                    break
                stream, left = _head(rest)
                rest = rest[_FRAME.size :]
                continue
            piece, rest = rest[:left], rest[left:]
            left -= len(piece)
            if stream != _TROUBLE:
                yield LogPiece(_STREAMS[stream], piece)
                continue
            trouble += piece
            if not left:
                raise ActFailed(trouble.decode(errors="replace").strip())
    if rest or left:
        raise ValueError("it ends within a frame")


def _head(data: bytes) -> tuple[int, int]:
    stream, zeros, length = _FRAME.unpack_from(data)
    if stream > _TROUBLE or zeros != b"\0\0\0":
        raise ValueError(f"expected a frame, found {data[: _FRAME.size]!r}")
    return int(stream), int(length)
