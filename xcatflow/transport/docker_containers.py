"""Containers of one daemon: their life, what they say, what they use, and commands run inside.

Source: Engine API reference, versions 1.21 to 1.55; a daemon ends the connection of a command it ran, so each costs one.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from xcatflow.errors import DeadlineExceeded, XcatflowError
from xcatflow.model.docker_api import endpoint_since, speaks
from xcatflow.model.docker_bodies import create_request, newest_form, update_request
from xcatflow.model.question import ContainerFacts, Reply
from xcatflow.transport.docker_calls import Calls
from xcatflow.transport.docker_facts import container_facts
from xcatflow.transport.docker_http import ConnectionLost
from xcatflow.transport.docker_pools import MOST_AT_ONCE
from xcatflow.transport.docker_request import Request, thing
from xcatflow.transport.docker_streams import unframed
from xcatflow.transport.protocols import Created, LogPiece

_DAEMONS_GRACE_S = 10
_LISTS_NETWORKS, _LEFT_OUT = "1.22", ("NetworkSettings", "Mounts")
_FRAMED, _RAW = "application/vnd.docker.multiplexed-stream", "application/vnd.docker.raw-stream"
_EXIT_POLLS, _EXIT_WAIT_S = 20, 0.1


class ContainerCalls(Calls):
    """The part of `Docker` that is about containers."""

    def containers(self) -> tuple[ContainerFacts, ...]:
        """All containers, running or not, in one request; before API 1.22, whose listing leaves networks out, one more for each."""
        listed = self._wire.look(Request("GET", "/containers/json", {"all": 1}))
        return self._wire.read(
            "/containers/json",
            listed,
            lambda items: tuple(container_facts(item) for item in self._with_networks(items)),
        )

    def inspect_container(self, name: str) -> Mapping[str, Any] | None:
        """The daemon's whole answer about one container; None where it has none of that name."""
        found = self._wire.look_one(Request("GET", _container(name, "json")))
        return None if found is None else newest_form(found, self._wire.api)

    def create_container(self, name: str, body: Mapping[str, Any]) -> Created:
        """Create from a request body of the Engine API in its newest form.

        When the reply is lost, a container of that name that has all the body's labels is taken for ours; without labels there is no
        telling. Raises ActFailed, before anything is sent, naming fields that the daemon's version does not take.
        """

        def request(api: str) -> Request:
            self._refuse_lacking(body, api, "create")
            made, further = create_request(body, api)
            return Request("POST", "/containers/create", {"name": name, **further}, body=made)

        try:
            answer = self._wire.act_json(request)
        except (ConnectionLost, DeadlineExceeded):
            with suppress(XcatflowError):
                found = self.inspect_container(name) or {}
                if has_labels((found.get("Config") or {}).get("Labels"), body.get("Labels")):
                    return Created(str(found["Id"]))
            raise
        return self._wire.read(
            "/containers/create", answer, lambda it: Created(str(it["Id"]), tuple(it.get("Warnings") or ()))
        )

    def start_container(self, name: str) -> bool:
        """Start. False where it ran already."""
        return self._wire.act(Request("POST", _container(name, "start"))).status != 304

    def stop_container(self, name: str, *, grace_s: int | None) -> bool:
        """Stop, killing it after `grace_s` seconds (None: its own limit, else 10). False where it did not run."""
        return self._wire.act(self._graceful(name, "stop", grace_s)).status != 304

    def restart_container(self, name: str, *, grace_s: int | None) -> None:
        """Stop as `stop_container` does, and start again."""
        self._wire.act(self._graceful(name, "restart", grace_s))

    def pause_container(self, name: str) -> None:
        """Freeze a running container. Raises ActFailed when it is not running or paused already."""
        self._wire.act(Request("POST", _container(name, "pause")))

    def unpause_container(self, name: str) -> None:
        """Let a paused container go on. Raises ActFailed when it is not paused."""
        self._wire.act(Request("POST", _container(name, "unpause")))

    def remove_container(self, name: str, *, force: bool, volumes: bool = False) -> None:
        """Remove; with `force` a running one too, with `volumes` also those of its volumes that were given no name. A missing one raises
        ActFailed with the daemon's words: a caller to whom that is fine looked before, so something else removed it meanwhile, and that is
        worth knowing."""
        query: dict[str, str | int] = {"force": 1} if force else {}
        self._wire.act(Request("DELETE", _container(name), query | ({"v": 1} if volumes else {})))

    def update_container(self, name: str, body: Mapping[str, Any]) -> tuple[str, ...]:
        """Change limits and restart policy in place; the body is the Engine API's. What the daemon found odd about it."""

        def request(api: str) -> Request:
            self._need(endpoint_since("update"), "to change a container in place", api)
            self._refuse_lacking(body, api, "update")
            return Request("POST", _container(name, "update"), body=update_request(body, api))

        answer = self._wire.act_json(request)
        return tuple((answer or {}).get("Warnings") or ())

    def rename_container(self, name: str, new: str) -> None:
        """Give a container another name. Raises ActFailed when that is taken."""
        self._wire.act(Request("POST", _container(name, "rename"), {"name": new}))

    @contextmanager
    def logs(
        self, name: str, *, follow: bool = False, since_s: float | None = None, tail: int | None = None
    ) -> Iterator[Iterator[LogPiece]]:
        """The log, unframed; with `follow` it goes on until the container ends or the context is left, from whichever thread."""
        query: dict[str, str | int] = {"stdout": 1, "stderr": 1}
        query |= {"follow": 1} if follow else {}
        query |= {} if since_s is None else {"since": self._moment(since_s)}
        query |= {} if tail is None else {"tail": tail}
        with self._wire.stream(Request("GET", _container(name, "logs"), query), endless=follow) as stream:
            if self._is_terminal(name, stream.content_type):
                yield (LogPiece(1, data) for data in stream.chunks())
            else:
                yield self._read_stream(unframed(stream.chunks()), _container(name, "logs"))

    def stats(self, name: str) -> Mapping[str, Any]:
        """One sample of what a container uses, as the Engine API gives it; without waiting for a second one from 1.41 on."""
        once = speaks(self._wire.api, endpoint_since("stats at once"))
        query: dict[str, str | int] = {"stream": 0, "one-shot": 1} if once else {"stream": 0}
        answer: Mapping[str, Any] = self._wire.look(Request("GET", _container(name, "stats"), query))
        return answer

    def execute(
        self,
        name: str,
        command: Sequence[str],
        *,
        timeout_s: float,
        user: str = "",
        directory: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Reply:
        """Run a command in a running container, without input. Raises DeadlineExceeded after `timeout_s`: it may run on then."""
        deadline = time.monotonic() + timeout_s
        asked: dict[str, Any] = {"AttachStdout": True, "AttachStderr": True, "Cmd": list(command)}
        asked |= {"User": user} if user else {}
        asked |= {"WorkingDir": directory} if directory else {}
        asked |= {"Env": [f"{key}={value}" for key, value in environment.items()]} if environment else {}

        def request(api: str) -> Request:
            self._refuse_lacking(asked, api, "exec")
            return Request("POST", _container(name, "exec"), body=asked)

        id = str(self._wire.read("/containers/exec", self._wire.act_json(request), lambda it: it["Id"]))
        try:
            out, err = self._outputs(id, timeout_s, deadline)
        except DeadlineExceeded as error:
            words = " ".join(command)
            raise DeadlineExceeded(
                f'timeout after {timeout_s:g} s: "{words}" in container "{name}" on docker host {self._wire.host}'
            ) from error
        return Reply(self._exit_code(id), out, err)

    def _outputs(self, id: str, limit_s: float, deadline: float) -> tuple[bytes, bytes]:
        outputs: dict[int, list[bytes]] = {1: [], 2: []}
        path = thing("exec", id, "start")
        request = Request("POST", path, body={"Detach": False, "Tty": False}, limit_s=limit_s)
        with self._wire.stream(request, deadline=deadline) as stream:
            for piece in self._read_stream(unframed(stream.chunks()), path):
                outputs[piece.stream].append(piece.data)
        return b"".join(outputs[1]), b"".join(outputs[2])

    def _exit_code(self, id: str) -> int:
        """A daemon closes the outputs a moment before it knows how the command ended."""
        for _ in range(_EXIT_POLLS):
            told = self._wire.look(Request("GET", thing("exec", id, "json")))
            if not told.get("Running") and told.get("ExitCode") is not None:
                return int(told["ExitCode"])
            time.sleep(_EXIT_WAIT_S)
        raise DeadlineExceeded(f"timeout after {_EXIT_POLLS * _EXIT_WAIT_S:g} s: GET {thing('exec', id, 'json')}")

    def _graceful(self, name: str, verb: str, grace_s: int | None) -> Request:
        query: dict[str, str | int] = {} if grace_s is None else {"t": grace_s}
        limit_s = self._wire.timeouts.request_s + (self._own_grace_s(name) if grace_s is None else max(grace_s, 0))
        return Request("POST", _container(name, verb), query, limit_s=limit_s, waits=True)

    def _own_grace_s(self, name: str) -> int:
        """What the daemon gives a container to stop when nothing is said; one that is missing is told of when it is stopped."""
        config = (self.inspect_container(name) or {}).get("Config") or {}
        own = config.get("StopTimeout")
        return _DAEMONS_GRACE_S if own is None else max(int(own), 0)

    def _moment(self, since_s: float) -> str:
        """Seconds since the epoch; fractions are understood from 1.24 on."""
        return f"{since_s:.9f}" if speaks(self._wire.api, "1.24") else str(int(since_s))

    def _is_terminal(self, name: str, content_type: str) -> bool:
        """Is the log as the container wrote it? The content type tells from 1.42 on; what it says before means nothing."""
        if speaks(self._wire.api, endpoint_since("content type of logs")) and content_type in (_FRAMED, _RAW):
            return content_type == _RAW
        return bool(((self.inspect_container(name) or {}).get("Config") or {}).get("Tty"))

    def _with_networks(self, items: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        if speaks(self._wire.api, _LISTS_NETWORKS) or all("NetworkSettings" in item for item in items):
            return items
        with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
            whole = tuple(pool.map(lambda item: self.inspect_container(item["Id"]), items))
        pairs = zip(items, whole, strict=True)  # one that is gone meanwhile is not there
        return [{**item, **{key: found.get(key) for key in _LEFT_OUT}} for item, found in pairs if found is not None]


def has_labels(found: Mapping[str, str] | None, wanted: Mapping[str, str] | None) -> bool:
    """Are all wanted labels there, and at least one wanted?"""
    return bool(wanted) and dict(wanted or {}).items() <= dict(found or {}).items()


def _container(name: str, *more: str) -> str:
    return thing("containers", name, *more)
