"""The floor: requests of the Engine API by Python's own HTTP client, on connections that are kept, and nothing else.

Source: Engine API reference; `http.client` of the standard library.
"""

import http.client
import json
import queue
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.docker_contender import Contender, expect
from bench.docker_place import IMAGE, Place

AT_ONCE = 8
"""What saturates a daemon."""
STOPS_AT_ONCE = 64
"""A daemon that stops containers waits for them to end."""
_REQUESTS = {
    "create": ("POST", "/containers/create?name={}"),
    "start": ("POST", "/containers/{}/start"),
    "inspect": ("GET", "/containers/{}/json"),
    "stop": ("POST", "/containers/{}/stop"),
    "remove": ("DELETE", "/containers/{}"),
    "remove by force": ("DELETE", "/containers/{}?force=1"),
}


class Bare:
    """A daemon asked directly, with up to `AT_ONCE` requests at a time, `STOPS_AT_ONCE` when it is to stop containers."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._free: queue.SimpleQueue[http.client.HTTPConnection] = queue.SimpleQueue()
        version = json.loads(self.send("GET", "/version"))
        self.engine, self.api = str(version["Version"]), str(version["ApiVersion"])

    def send(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> bytes:
        """One request. Raises SystemExit when it is refused."""
        connection = self._connection()
        connection.request(method, path, body or None, {"Content-Type": kind} if body else {})
        answer = connection.getresponse()
        said = answer.read()
        self._free.put(connection)
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {said.decode(errors='replace').strip()}")
        return said

    def all(self, act: str, names: Iterable[str]) -> None:
        """The same request for all containers."""
        method, path = _REQUESTS[act]
        body = json.dumps({"Image": IMAGE}).encode() if act == "create" else b""
        with ThreadPoolExecutor(STOPS_AT_ONCE if act == "stop" else AT_ONCE) as pool:
            list(pool.map(lambda name: self.send(method, f"/v{self.api}{path.format(name)}", body), names))

    def states(self) -> dict[str, str]:
        """The state of every container by name: one request."""
        listed: list[Mapping[str, Any]] = json.loads(self.send("GET", f"/v{self.api}/containers/json?all=1"))
        return {each["Names"][0].removeprefix("/"): each["State"] for each in listed}

    def load(self, archive: bytes) -> None:
        self.send("POST", f"/v{self.api}/images/load?quiet=1", archive, "application/x-tar")

    def close(self) -> None:
        while not self._free.empty():
            self._free.get().close()

    def _connection(self) -> http.client.HTTPConnection:
        """A kept connection that nobody uses, else a new one: never more than there are requests at once."""
        try:
            return self._free.get_nowait()
        except queue.Empty:
            return _new(self._place)


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)


def _new(place: Place) -> http.client.HTTPConnection:
    if not place.port:
        return _Unix(place.socket)
    context = ssl.create_default_context(cafile=place.certificates / "ca.pem")
    context.load_cert_chain(place.certificates / "cert.pem", place.certificates / "key.pem")
    return http.client.HTTPSConnection("localhost", place.port, context=context)


def floor(place: Place, names: Sequence[str]) -> Contender:
    """What everything else is held against."""
    bare = Bare(place)

    def does(act: str) -> None:
        if act == "state":
            expect(bare.states().values(), len(names), "running")
        else:
            bare.all(act, names)

    return Contender("floor", f"the bare API, {AT_ONCE} at once, stops {STOPS_AT_ONCE}", does, bare.close)
