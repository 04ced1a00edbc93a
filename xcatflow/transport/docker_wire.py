"""Requests to one daemon: the version agreed on first, looks repeated once when a kept connection broke, acts never."""

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from urllib3 import Timeout

from xcatflow.errors import ActFailed, CannotTell, DeadlineExceeded, Unreachable, XcatflowError
from xcatflow.model.docker_api import OLDEST_API
from xcatflow.model.question import DaemonFacts
from xcatflow.transport.docker_facts import daemon_facts
from xcatflow.transport.docker_http import (
    REQUEST_ERRORS,
    Answer,
    Call,
    ConnectionLost,
    DockerTimeouts,
    refusal,
    translate,
)
from xcatflow.transport.docker_pools import Pool, Pools, Sort
from xcatflow.transport.docker_request import Ask, Request
from xcatflow.transport.docker_streams import Stream
from xcatflow.transport.docker_tls import REFUSED

T = TypeVar("T")


class Wire:
    """Sends requests to a daemon, `host` by the name messages give it, `place` as they say where it listens; `pin` is the version to use,
    `sent(path)` is told of every request."""

    def __init__(
        self,
        pools: Pools,
        *,
        host: str,
        place: str,
        timeouts: DockerTimeouts,
        ca: Path | None,
        pin: str | None,
        sent: Callable[[str], None],
    ) -> None:
        self.host, self.timeouts = host, timeouts
        self._pools, self._place, self._ca, self._pin, self._sent = pools, place, ca, pin, sent
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

    @property
    def api(self) -> str:
        """The version in use; asks the daemon when it is not known yet."""
        return self.facts(fresh=False).used_api

    def look(self, ask: Ask) -> Any:
        """What a GET answers, from JSON; looks are safe to repeat."""
        answer = self._agreed(ask, lambda request, api: self._twice(request, lambda: self._send(request, api)))
        return self._json(answer, ask)

    def look_one(self, ask: Ask) -> Mapping[str, Any] | None:
        """The same for one thing; None where the daemon says that there is no such."""
        try:
            answer: Mapping[str, Any] = self.look(ask)
        except ActFailed as error:
            if error.detail.endswith(" 404") and "no such" in str(error).lower():
                return None
            raise
        return answer

    def act(self, ask: Ask) -> Answer:
        """Send once. Raises ConnectionLost when its reply was lost."""
        return self._agreed(ask, self._send)

    def act_json(self, ask: Ask) -> Any:
        """Send once, and read the answer from JSON; None where it is empty."""
        answer = self.act(ask)
        return self._json(answer, ask) if answer.body.strip() else None

    @contextmanager
    def stream(self, ask: Ask, *, deadline: float | None = None, endless: bool = False) -> Iterator[Stream]:
        """The answer as it comes, on a connection that keeps nobody waiting. Its headers have to come within the request's limit; then
        there has to be data within that limit, unless `endless`; all has to come before `deadline` (monotonic seconds). What began is
        never repeated.
        """

        def send(request: Request, api: str) -> Stream:
            def opened() -> Stream:
                return self._open(request, api, deadline=deadline, endless=endless)

            return self._twice(request, opened) if request.method == "GET" else opened()

        stream = self._agreed(ask, send)
        try:
            yield stream
        finally:
            stream.close()

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
        self._pools.close()

    def _ask_version(self) -> DaemonFacts:
        request = Request("GET", "/version")
        try:
            given = self._twice(request, lambda: self._send(request, ""))
        except Unreachable as error:
            if REFUSED not in str(error) or not self._pools.other_certificate():
                raise
            given = self._twice(request, lambda: self._send(request, ""))
        answer = self._json(given, request)
        facts = self.read("/version", answer, lambda given: daemon_facts(given, host=self.host, pin=self._pin))
        return replace(facts, by_former=self._pools.shows_former)

    def _agreed(self, ask: Ask, send: Callable[[Request, str], T]) -> T:
        """Send with the version agreed on; agree anew when the daemon was exchanged meanwhile for one that refuses it."""
        api = self.api
        request = ask(api) if callable(ask) else ask
        try:
            return send(request, api)
        except ActFailed as error:
            refused = str(error).startswith(("client version ", "client is newer than server"))
            if request.once or not (refused and error.detail.endswith(" 400")):
                raise
        api = self.facts(fresh=True).used_api
        return send(ask(api) if callable(ask) else ask, api)

    def _twice(self, request: Request, send: Callable[[], T]) -> T:
        with suppress(ConnectionLost):
            return send()
        try:
            return send()
        except ConnectionLost as error:
            raise Unreachable(
                f"cannot connect to docker host {self._place}: it closes the connection before GET {request.told} is answered"
            ) from error

    def _send(self, request: Request, api: str) -> Answer:
        stream = self._open(request, api, sort="waiting" if request.waits else "short", whole=True)
        try:
            return Answer(stream.status, b"".join(stream.chunks()), stream.content_type)
        finally:
            stream.close()

    def _open(
        self,
        request: Request,
        api: str,
        *,
        deadline: float | None = None,
        endless: bool = False,
        sort: Sort = "long",
        whole: bool = False,
    ) -> Stream:
        """Send, and have the headers of the answer; `whole` says that all of it has to come within the request's limit, which begins when
        the request has its connection. Raises what it says when it is a refusal.
        """
        call = self._call(request)
        handled = sys.exception()
        try:
            response = self._urlopen(self._pools.get(sort), request, api, call.limit_s)
        except XcatflowError:
            raise
        except REQUEST_ERRORS as error:
            raise translate(error, call, handled=handled) from error
        if whole:
            deadline = response.connection.begun_s + call.limit_s
        stream = Stream(response, call, deadline=deadline, silence_s=None if endless else call.limit_s)
        if stream.status < 300 or stream.status == 304:
            return stream
        try:
            answer = Answer(stream.status, b"".join(stream.chunks()), stream.content_type)
        except (DeadlineExceeded, ConnectionLost):  # the status is worth more than what it would have said
            answer = Answer(stream.status)
        finally:
            stream.close()
        raise refusal(answer, call)

    def _urlopen(self, pool: Pool, request: Request, api: str, limit_s: float) -> Any:
        headers = {"User-Agent": "xcatflow", **request.headers}
        content: Any = None
        if request.body is not None:
            content = json.dumps(request.body).encode()
            headers["Content-Type"] = "application/json"
        elif request.content is not None:
            content = request.content()
            headers["Content-Type"] = "application/x-tar"
        path = f"/v{api}{request.path}" if api else request.path
        query = f"?{urlencode(request.query)}" if request.query else ""
        self._sent(request.path)
        return pool.urlopen(
            request.method,
            path + query,
            body=content,
            headers=headers,
            timeout=Timeout(connect=self.timeouts.connect_s, read=limit_s),
            retries=False,
            redirect=False,
            preload_content=False,
        )

    def _call(self, request: Request) -> Call:
        limit_s = request.limit_s or self.timeouts.request_s
        return Call(self._place, request.method, request.told, limit_s, self.timeouts.connect_s, self._ca)

    def _json(self, answer: Answer, ask: Ask) -> Any:
        """Raises CannotTell when it is none."""
        if answer.content_type and "json" not in answer.content_type:
            raise CannotTell(f"The content type: {answer.content_type} is unable to be parsed.")
        try:
            return json.loads(answer.body)
        except ValueError as error:
            request = ask(OLDEST_API) if callable(ask) else ask
            raise translate(error, self._call(request)) from error
