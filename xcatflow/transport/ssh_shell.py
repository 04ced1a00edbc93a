"""The shell that is kept open on a machine, fed with framed scripts over one SSH channel; the near end of `agent`.

Nothing is polled: Paramiko's thread rings when something arrives. What arrives is cut at markers in time linear in its size.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import paramiko

from xcatflow.errors import ActFailed, DeadlineExceeded
from xcatflow.model.question import Reply
from xcatflow.transport.agent import (
    ENDED,
    GRACE_S,
    Frames,
    Hello,
    act_frame,
    agent_text,
    look_frame,
    new_marker,
    pass_frame,
    read_hello,
    taken,
)
from xcatflow.transport.ssh_errors import SSH_ERRORS

MOST_BYTES = 256 * 2**20
"""The most that a machine may say to one look or act: our memory is what holds it."""
_MARGIN_S = 10.0
_CHUNK_BYTES = 2**26
PASSED_BYTES = 2**16
"""Input that is larger travels as it is: a shell takes its time over words of megabytes."""
_PACKET_BYTES = 2**15 - 64
"""What Paramiko sends as one packet; of what it is given besides it would make a copy each time."""


class ShellLost(Exception):
    """The shell is gone, or was never there; `said` is the last thing it complained about."""

    def __init__(self, said: str = "") -> None:
        super().__init__(said)
        self.said = said


class _Bell(threading.Event):
    """Rung by a channel's buffers. That they clear it is left out: Paramiko does it for both without a lock, and a ring of one buffer
    can be lost while the other is being emptied."""

    def clear(self) -> None:
        """What a buffer calls when it is empty."""

    def heard(self, limit_s: float) -> bool:
        """Wait for a ring; False when none came in time. Who hears one must look into both buffers."""
        rung = self.wait(limit_s)
        super().clear()
        return rung


class RemoteShell:
    """One shell on an open channel that runs it. Any method raises ShellLost when it is gone; then, and after DeadlineExceeded, it is of
    no more use: close it."""

    def __init__(self, channel: paramiko.Channel) -> None:
        marker = new_marker()
        self._channel = channel
        self._out, self._err = Frames(marker), Frames(marker)
        self._bell = _Bell()
        for buffer in (channel.in_buffer, channel.in_stderr_buffer):
            buffer.set_event(self._bell)
        self._hello: Hello | None = None
        self._fed = 0
        self._send(agent_text(marker), _MARGIN_S)

    def look(self, scripts: Sequence[str], timeout_s: float) -> tuple[Reply, ...]:
        """Run each script in a subshell; a reply each. Raises DeadlineExceeded."""
        # The first look does not wait for the shell's greeting, which saves a round trip.
        self._send(self._framed(look_frame(scripts)), timeout_s)
        deadline = time.monotonic() + timeout_s
        self._greeted(deadline)
        return tuple(_reply(*self._take(deadline)) for _ in scripts)

    def act(self, script: str, stdin: bytes, timeout_s: float) -> Reply:
        """Run one script fenced. Raises DeadlineExceeded when the machine ended it in time, or did not answer at all."""
        hello = self._greeted(time.monotonic() + _MARGIN_S)
        if hello.missing:
            raise ActFailed(f"acts need {', '.join(hello.missing)} on the machine: install util-linux and coreutils")
        started = time.monotonic()
        if hello.passes and len(stdin) > PASSED_BYTES:
            self._send(self._framed(pass_frame(script, len(stdin), timeout_s)), timeout_s)
            self._take(started + timeout_s + _MARGIN_S)
            self._send(stdin, timeout_s)
        else:
            self._send(self._framed(act_frame(script, stdin, timeout_s)), timeout_s)
        reply = _reply(*self._take(started + timeout_s + GRACE_S + _MARGIN_S))
        if reply.code in ENDED and time.monotonic() - started >= timeout_s:
            raise DeadlineExceeded(f"it did not end within {timeout_s:g} s and was ended", reply.complaint)
        return reply

    @property
    def alive(self) -> bool:
        """Is the channel still open, as far as can be known without asking?"""
        return not (self._channel.closed or self._channel.eof_received or self._channel.exit_status_ready())

    def close(self) -> None:
        """Close the channel; what still runs there is ended by the shell. May be called from any thread."""
        with suppress(*SSH_ERRORS):
            self._channel.close()

    # --- frames ---

    def _framed(self, frame: bytes) -> bytes:
        return taken(frame) if self._hello is not None and self._hello.bash else frame

    def _greeted(self, deadline: float) -> Hello:
        if self._hello is None:
            _, note, _ = self._take(deadline)
            self._hello = read_hello(note)
        return self._hello

    def _send(self, data: bytes, limit_s: float) -> None:
        self._channel.settimeout(limit_s + _MARGIN_S)
        try:
            with memoryview(data) as view:
                for at in range(0, len(view), _PACKET_BYTES):
                    self._channel.sendall(bytes(view[at : at + _PACKET_BYTES]))
                    if at:
                        self._drain()  # what is said meanwhile must not fill what it comes through
        except SSH_ERRORS as error:
            raise ShellLost(self._last_words()) from error

    def _take(self, deadline: float) -> tuple[bytes, bytes, bytes]:
        """The next reply: standard output, the note after it, standard error."""
        self._fed = 0
        out = err = None
        while out is None or err is None:
            out = out or self._out.take()
            err = err or self._err.take()
            if out is None or err is None:
                self._feed(deadline)
        return out[0], out[1], err[0]

    def _feed(self, deadline: float) -> None:
        """Take what has arrived; wait for more when that is nothing."""
        gone = self._channel.eof_received or self._channel.closed
        took = self._drain()
        if self._fed > MOST_BYTES:
            self.close()
            raise ActFailed(f"it says more than {MOST_BYTES // 2**20} MB and was ended: send what it says to a file")
        if took:
            return
        if gone:
            raise ShellLost(self._last_words())
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not self._bell.heard(left_s):
            self.close()
            raise DeadlineExceeded("no answer in time; what ran there was ended")

    def _drain(self) -> bool:
        """Hand all that has arrived to the frames; False when that is nothing."""
        channel, before = self._channel, self._fed
        for ready, receive, frames in (
            (channel.recv_ready, channel.recv, self._out),
            (channel.recv_stderr_ready, channel.recv_stderr, self._err),
        ):
            if ready():
                data = receive(_CHUNK_BYTES)
                frames.feed(data)
                self._fed += len(data)
        return self._fed > before

    def _last_words(self) -> str:
        """What came that belongs to no reply, the last line of it: a shell that could not start tells why."""
        words = (self._err.drop() or self._out.drop()).decode(errors="replace").strip()
        return words.splitlines()[-1].strip() if words else ""


def _reply(out: bytes, note: bytes, err: bytes) -> Reply:
    """A note is the exit status; `left` after it tells of processes that the act left behind on purpose."""
    return Reply(int(note.split()[0]), out, err)
