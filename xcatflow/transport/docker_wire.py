"""Requests to one daemon: the version agreed on first, looks repeated once when a kept connection broke, acts never."""

import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from xcatflow.errors import ActFailed, CannotTell, Unreachable, XcatflowError
from xcatflow.model.question import DaemonFacts
from xcatflow.transport.docker_clients import NEWEST_API, OLDEST_API, Client, ClientPool, SdkError
from xcatflow.transport.docker_facts import daemon_facts
from xcatflow.transport.docker_http import REQUEST_ERRORS, Call, ConnectionLost, DockerTimeouts, translate

T = TypeVar("T")


class Wire:
    """Sends work to a daemon, `host` by the name messages give it, `place` as they say where it listens."""

    def __init__(
        self, clients: ClientPool, *, host: str, place: str, timeouts: DockerTimeouts, ca: Path | None
    ) -> None:
        self._clients, self._host, self._place, self._timeouts, self._ca = clients, host, place, timeouts, ca
        self._lock = threading.Lock()
        self._asked: Future[DaemonFacts] | None = None

    def facts(self, *, fresh: bool) -> DaemonFacts:
        """The daemon's versions, and the one to use from now on. Unless `fresh`, what was once learnt is enough.

        Threads that come while it is being asked share the asking and how it ends, so that a dead daemon is waited for once.
        """
        with self._lock:
            asked = self._asked
            mine = asked is None or (fresh and asked.done())
            if asked is None or mine:
                asked = self._asked = Future()
        if mine:
            try:
                asked.set_result(self._ask_version())
            except BaseException as error:
                with self._lock:
                    self._asked = None
                asked.set_exception(error)
        return asked.result()

    def look(self, path: str, work: Callable[[Client], T]) -> T:
        """What `work` gets with a GET of `path`; looks are safe to repeat."""
        return self._agreed(lambda api: self._twice(path, lambda: self._send(api, "GET", path, work)))

    def look_one(self, path: str, work: Callable[[Client], Any]) -> Mapping[str, Any] | None:
        """The same for one thing; None where the daemon says that there is no such."""
        try:
            answer: Mapping[str, Any] = self.look(path, work)
        except ActFailed as error:
            if error.detail.endswith(" 404") and "no such" in str(error).lower():
                return None
            raise
        return answer

    def act(self, method: str, path: str, work: Callable[[Client], T], *, limit_s: float | None = None) -> T:
        """Do `work` once. Raises ConnectionLost when its reply was lost; `limit_s` is what a timeout's message names."""
        return self._agreed(lambda api: self._send(api, method, path, work, limit_s))

    def read(self, path: str, answer: Any, facts: Callable[[Any], T]) -> T:
        """Facts of an answer. Raises CannotTell when it has another form than theirs."""
        try:
            return facts(answer)
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            raise CannotTell(
                f"docker host {self._place} answered GET {path} in another form than the Engine API's: {error!r}"
            ) from error

    def close(self) -> None:
        """Close all connections."""
        self._clients.close()

    def _ask_version(self) -> DaemonFacts:
        answer = self._twice(
            "/version",
            lambda: self._send(OLDEST_API, "GET", "/version", lambda client: client.version(api_version=False)),
        )
        return self.read(
            "/version", answer, lambda given: daemon_facts(given, host=self._host, oldest=OLDEST_API, newest=NEWEST_API)
        )

    def _agreed(self, send: Callable[[str], T]) -> T:
        """Send with the version agreed on; agree anew when the daemon was exchanged meanwhile for one that refuses it."""
        try:
            return send(self.facts(fresh=False).used_api)
        except ActFailed as error:
            if not (error.detail.endswith(" 400") and str(error).startswith("client version ")):
                raise
        return send(self.facts(fresh=True).used_api)

    def _twice(self, path: str, send: Callable[[], T]) -> T:
        with suppress(ConnectionLost):
            return send()
        try:
            return send()
        except ConnectionLost as error:
            raise Unreachable(
                f"cannot connect to docker host {self._place}: it closes the connection before GET {path} is answered"
            ) from error

    def _send(self, api: str, method: str, path: str, work: Callable[[Client], T], limit_s: float | None = None) -> T:
        call = Call(self._place, method, path, limit_s or self._timeouts.request_s, self._timeouts.connect_s, self._ca)
        handled = sys.exception()
        try:
            with self._clients.lend(api) as client:
                return work(client)
        except XcatflowError:
            raise
        except (SdkError, *REQUEST_ERRORS) as error:
            raise translate(error, call, handled=handled) from error


def post(client: Client, path: str, **options: Any) -> Any:
    """POST what the SDK has no method for; the answer, once its status is good."""
    options.setdefault("timeout", client.timeout)
    answer = client.post(f"{client.base_url}/v{client.api_version}{path}", **options)
    answer.raise_for_status()
    return answer
