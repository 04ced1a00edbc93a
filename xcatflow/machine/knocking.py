"""Many TCP ports of many addresses tried at once, from one thread: nothing is sent but what opens a connection.

Source: connect(2) on non-blocking sockets (EINPROGRESS, then SO_ERROR); RFC 9293 for what a refusal proves: somebody is there.
"""

import errno
import resource
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable
from typing import Literal

State = Literal["open", "refused", "silent"]
Door = tuple[str, int]
"""An address and a port."""

TIMEOUT_S = 2.0
"""Long enough for the second attempt that TCP makes after a second."""
_AT_ONCE = 1024
_SPARED_FILES = 128
_LATER = (errno.EAGAIN, errno.ENOBUFS, errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL)
_MOST_TRIES = 50


def knock(doors: Iterable[Door], *, timeout_s: float = TIMEOUT_S) -> dict[Door, State]:
    """Which ports are open, which are refused, and of which nothing is heard in time."""
    waiting = deque((door, 0) for door in dict.fromkeys(doors))
    found: dict[Door, State] = {}
    under_way: dict[socket.socket, tuple[Door, float]] = {}  # in the order of their deadlines
    at_once = max(8, min(_AT_ONCE, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _SPARED_FILES))
    with selectors.DefaultSelector() as selector:
        while waiting or under_way:
            while waiting and len(under_way) < at_once:
                door, tries = waiting.popleft()
                begun = _begin(door)
                if isinstance(begun, socket.socket):
                    selector.register(begun, selectors.EVENT_WRITE)
                    under_way[begun] = (door, time.monotonic() + timeout_s)
                elif begun == "later" and tries < _MOST_TRIES:
                    waiting.append((door, tries + 1))
                    break
                else:
                    found[door] = "silent" if begun == "later" else begun
            if not under_way:
                time.sleep(0.02 if waiting else 0)
                continue
            _, deadline = next(iter(under_way.values()))
            for key, _ in selector.select(max(0.0, deadline - time.monotonic())):
                assert isinstance(key.fileobj, socket.socket)
                door, _ = under_way.pop(key.fileobj)
                found[door] = _ended(key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                selector.unregister(key.fileobj)
                key.fileobj.close()
            now = time.monotonic()
            while under_way and next(iter(under_way.values()))[1] <= now:
                late = next(iter(under_way))
                found[under_way.pop(late)[0]] = "silent"
                selector.unregister(late)
                late.close()
    return found


def _begin(door: Door) -> "socket.socket | State | Literal['later']":
    """A connection under way; or what came of it at once."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            door[0], door[1], type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )[0]
        made = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
    except OSError as error:
        return "later" if error.errno in _LATER else "silent"
    code = made.connect_ex(address)
    if code in (0, errno.EINPROGRESS):
        return made
    made.close()
    return "later" if code in _LATER else _ended(code)


def _ended(code: int) -> State:
    if code == 0:
        return "open"
    return "refused" if code in (errno.ECONNREFUSED, errno.ECONNRESET) else "silent"


def first_line(door: Door, *, timeout_s: float = TIMEOUT_S) -> str:
    """The first line that whoever is behind a port sends by itself, without blanks around it; empty where nothing comes."""
    said = b""
    deadline = time.monotonic() + timeout_s
    try:
        with socket.create_connection(door, timeout=timeout_s) as connection:
            while b"\n" not in said and len(said) < 1024 and (left := deadline - time.monotonic()) > 0:
                connection.settimeout(left)
                more = connection.recv(1024)
                if not more:
                    break
                said += more
    except OSError:
        pass
    line = said.split(b"\n")[0].decode(errors="replace").strip()
    return "".join(letter for letter in line if letter.isprintable())
