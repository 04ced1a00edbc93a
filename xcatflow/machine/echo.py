"""Which addresses answer to a ping: one socket for all of them; without the right to one, the programs fping or ping.

Source: RFC 792 and RFC 4443 (echo request and reply); icmp(7) and ipv6(7): a "ping socket" needs `net.ipv4.ping_group_range`, a raw one
CAP_NET_RAW; fping(8), ping(8).
"""

import contextlib
import errno
import os
import select
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from xcatflow.errors import XcatflowError

TIMEOUT_S = 2.0
_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}
_PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_MOST = 60_000
"""Addresses at once: a reply is known by a number of 16 bits."""
_BURST = 64
_BUFFER_BYTES = 4 << 20
_PROGRAMS_AT_ONCE = 64


class CannotPing(XcatflowError):
    """There is no way to ping from here."""


def answering(addresses: Iterable[str], *, timeout_s: float = TIMEOUT_S) -> set[str]:
    """The addresses (numbers, not names) that answer in time; whoever does not is asked twice. Raises CannotPing."""
    found: set[str] = set()
    families: dict[socket.AddressFamily, list[str]] = {}
    for address in dict.fromkeys(addresses):
        version = ip_address(address.partition("%")[0]).version
        families.setdefault(socket.AF_INET if version == 4 else socket.AF_INET6, []).append(address)
    for family, members in families.items():
        for some in (members[at : at + _MOST] for at in range(0, len(members), _MOST)):
            found |= _asked(family, some, timeout_s)
    return found


def _asked(family: socket.AddressFamily, addresses: Sequence[str], timeout_s: float) -> set[str]:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            opened = socket.socket(family, kind, _PROTOCOL[family])
        except PermissionError:
            continue
        with opened:
            return _Echo(opened, family, addresses, raw=kind == socket.SOCK_RAW).ask(timeout_s)
    return _by_program(addresses, timeout_s)


class _Echo:
    """One round of requests over one socket."""

    def __init__(
        self, opened: socket.socket, family: socket.AddressFamily, addresses: Sequence[str], *, raw: bool
    ) -> None:
        self._socket, self._family, self._addresses = opened, family, addresses
        self._header = raw and family == socket.AF_INET
        self._ident = os.getpid() & 0xFFFF
        self._token = os.urandom(8)
        """Tells replies to us from those to others, which a raw socket hears as well."""
        self._silent = set(range(len(addresses)))
        opened.setblocking(False)
        with contextlib.suppress(OSError):
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)

    def ask(self, timeout_s: float) -> set[str]:
        for _ in range(2):
            for count, number in enumerate(sorted(self._silent)):
                self._send(number)
                if count % _BURST == _BURST - 1:
                    self._hear(0.002)
            deadline = time.monotonic() + timeout_s / 2
            while self._silent and (left := deadline - time.monotonic()) > 0:
                self._hear(left)
        return {address for number, address in enumerate(self._addresses) if number not in self._silent}

    def _send(self, number: int) -> None:
        packet = struct.pack("!BBHHH", _REQUEST[self._family], 0, 0, self._ident, number) + self._token
        if self._family == socket.AF_INET:
            packet = packet[:2] + struct.pack("!H", _checksum(packet)) + packet[4:]
        for _ in range(50):
            try:
                self._socket.sendto(packet, (self._addresses[number], 0))
            except OSError as error:  # whatever it is, nobody answers there
                if error.errno not in (errno.EAGAIN, errno.ENOBUFS):
                    return
                self._hear(0.01)
            else:
                return

    def _hear(self, wait_s: float) -> None:
        """Take what has come, and what comes within the time."""
        if not select.select([self._socket], [], [], wait_s)[0]:
            return
        while True:
            try:
                packet = self._socket.recv(2048)
            except BlockingIOError:
                return
            except OSError:  # an error about an earlier request
                continue
            if self._header:
                packet = packet[(packet[0] & 0xF) * 4 :]
            if len(packet) >= 16 and packet[0] == _REPLY[self._family] and packet[8:16] == self._token:
                self._silent.discard(struct.unpack("!H", packet[6:8])[0])


def _checksum(packet: bytes) -> int:
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total >> 16) + (total & 0xFFFF)
    folded: int = total + (total >> 16)
    return ~folded & 0xFFFF


def _by_program(addresses: Sequence[str], timeout_s: float) -> set[str]:
    if fping := shutil.which("fping"):
        command = [fping, "-a", "-q", "-r", "1", "-t", str(int(timeout_s * 500))]
        done = subprocess.run(
            command, input="".join(f"{address}\n" for address in addresses), capture_output=True, text=True, check=False
        )
        return {address for line in done.stdout.splitlines() if (address := line.strip()) in set(addresses)}
    ping = shutil.which("ping")
    if ping is None:
        raise CannotPing("cannot ping from here: it needs CAP_NET_RAW, or one of the programs fping and ping")
    wait = str(max(1, int(timeout_s)))

    def answers(address: str) -> bool:
        return not subprocess.run(
            [ping, "-q", "-n", "-c", "1", "-W", wait, address],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
        ).returncode

    with ThreadPoolExecutor(_PROGRAMS_AT_ONCE) as pool:
        return {address for address, well in zip(addresses, pool.map(answers, addresses), strict=True) if well}
