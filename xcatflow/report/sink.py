"""Where reports write to: a text stream whose reader may go away, and whose encoding may not know every character."""

import errno
import os
from contextlib import suppress
from typing import TextIO

_GONE = (errno.EPIPE, errno.EIO)
"""Nobody reads the pipe any more; the terminal was hung up."""


class Sink:
    """Writes to `stream` at once. When its reader is gone (`… | head`), what is written from then on is dropped without a word: seeing
    less must not stop the work. Raises OSError for anything else, as a full disk."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.closed = False

    def write(self, text: str) -> int:
        if text and not self.closed:
            try:
                self._put(text)
                self._stream.flush()
            except (OSError, ValueError) as error:  # ValueError: the stream was closed on our side
                if isinstance(error, OSError) and error.errno not in _GONE:
                    raise
                self._give_up()
        return len(text)

    def flush(self) -> None:
        """Every write is out when it returns."""

    def isatty(self) -> bool:
        return not self.closed and self._stream.isatty()

    @property
    def encoding(self) -> str:
        return self._stream.encoding or "ascii"

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            self._stream.write(text.encode(self.encoding, "backslashreplace").decode(self.encoding))

    def _give_up(self) -> None:
        """The descriptor is pointed to nowhere, so that what the stream still holds makes no complaint when the interpreter ends."""
        self.closed = True
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            try:
                os.dup2(nowhere, self._stream.fileno())
            finally:
                os.close(nowhere)
