"""HTTP towards a daemon: how long to wait, what an answer is, and every way requests can fail in our words.

Source: exceptions as urllib3 2 raises them; status texts from the Engine API and xCAT's historic answers.
"""

import errno
import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from urllib3.exceptions import ConnectTimeoutError, HTTPError, ProtocolError, ReadTimeoutError

from xcatflow.errors import ActFailed, CannotTell, DeadlineExceeded, Unreachable, XcatflowError, reason_of
from xcatflow.transport.docker_tls import HandshakeFailed, explain_tls, refused_by_peer

REQUEST_ERRORS = (HTTPError, http.client.HTTPException, OSError, ValueError, LookupError, TypeError)
"""What a request may raise; the last three come from whoever reads an answer that is no JSON or of another shape."""

_STATUS_TEXTS = {
    400: "bad parameter",
    401: "permission denied",
    403: "permission denied",
    404: "no such container",
    406: "impossible to attach (container not running)",
    409: "conflict",
    500: "server error",
    503: "service unavailable",
}
_LOST = (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ESHUTDOWN)


class ConnectionLost(ActFailed):
    """The connection broke after a request was sent: whether it was done is unknown."""


@dataclass(frozen=True, slots=True)
class DockerTimeouts:
    """Seconds: to connect, for a whole answer, and without any data while an image is transferred."""

    connect_s: float = 5
    request_s: float = 60
    stall_s: float = 300


@dataclass(frozen=True, slots=True)
class Call:
    """One request as errors name it: where, what, how long it may take in seconds, and the CA the daemon is checked against."""

    place: str
    method: str
    path: str
    limit_s: float
    connect_s: float
    ca: Path | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of a daemon."""

    status: int
    body: bytes = b""
    content_type: str = ""


def refusal(answer: Answer, call: Call) -> XcatflowError:
    """The error of the house for an answer that is none: the daemon's own words, else what its status means."""
    text = answer.body.decode(errors="replace").strip()
    if "HTTP request to an HTTPS server" in text:
        return _no_way(call, "it speaks TLS on this port; write it without tcp+plain://")
    try:
        message = json.loads(text)["message"]
    except (ValueError, LookupError, TypeError):
        message = "" if answer.content_type.startswith("text/html") else text
    fallback = _STATUS_TEXTS.get(answer.status) or f"unknown http status code {answer.status}"
    return ActFailed(str(message).strip() or fallback, detail=f"{call}: HTTP status {answer.status}")


def translate(error: BaseException, call: Call, *, handled: BaseException | None = None) -> XcatflowError:
    """The error of the house for what went wrong with `call`. Never fails itself.

    `handled` is what the caller was handling when it made the call: Python makes it the context of whatever fails then, but it is no
    cause of it.
    """
    chain = tuple(_chain(error, handled))
    for read in (_own, _timed_out, _broken_tls, _not_connected, _lost):
        for cause in chain:
            if found := read(cause, call):
                return found
    if isinstance(error, ValueError | LookupError | TypeError):
        return CannotTell(f"docker host {call.place} gave no usable answer to {call}: {_short(error)}")
    return ActFailed(f"{call} failed on docker host {call.place}: {_short(error)}")


def _chain(error: BaseException, handled: BaseException | None) -> Iterator[BaseException]:
    """The error and all it was made from: causes, contexts up to `handled`, and exceptions that libraries put among arguments."""
    todo, met = [error], {id(handled)}
    while todo:
        current = todo.pop(0)
        if id(current) in met:
            continue
        met.add(id(current))
        yield current
        inside = (*current.args, getattr(current, "reason", None), current.__cause__, current.__context__)
        todo += (item for item in inside if isinstance(item, BaseException))


def _own(cause: BaseException, call: Call) -> XcatflowError | None:
    if isinstance(cause, XcatflowError):
        return cause
    return _no_way(call, cause.why) if isinstance(cause, HandshakeFailed) else None


def _timed_out(cause: BaseException, call: Call) -> XcatflowError | None:
    match cause:
        case ConnectTimeoutError() if not isinstance(cause.__cause__, OSError) or isinstance(
            cause.__cause__, TimeoutError
        ):
            return _no_way(call, f"no answer within {call.connect_s:g} s")
        case ReadTimeoutError():
            return DeadlineExceeded(f"timeout after {call.limit_s:g} s: {call}", detail=f"docker host {call.place}")
        case TimeoutError() if cause.errno is None:
            return DeadlineExceeded(f"timeout after {call.limit_s:g} s: {call}", detail=f"docker host {call.place}")
        case _:
            return None


def _broken_tls(cause: BaseException, call: Call) -> XcatflowError | None:
    if isinstance(cause, ssl.SSLError) and refused_by_peer(cause):
        return _no_way(call, explain_tls(cause, call.ca))
    return None


def _not_connected(cause: BaseException, call: Call) -> XcatflowError | None:
    match cause:
        case socket.gaierror():
            return _no_way(call, "its name has no address; check the name, or give the machine an ip")
        case http.client.BadStatusLine() if not isinstance(cause, http.client.RemoteDisconnected):
            return _no_way(call, "what listens there does not speak HTTP")
        case OSError(errno=int() as number) if number not in _LOST and not isinstance(cause, ssl.SSLError):
            return _no_way(call, reason_of(cause))
        case _:
            return None


def _lost(cause: BaseException, call: Call) -> XcatflowError | None:
    if not isinstance(cause, http.client.HTTPException | ssl.SSLError | ProtocolError | ConnectionError):
        return None
    return ConnectionLost(
        f"the connection to docker host {call.place} was lost during {call}; whether it was done is unknown",
        detail=_short(cause),
    )


def _no_way(call: Call, why: str) -> Unreachable:
    return Unreachable(f"cannot connect to docker host {call.place}: {why}")


def _short(error: BaseException) -> str:
    match error:
        case json.JSONDecodeError():
            return f'expected JSON, found "{" ".join(error.doc[:60].split())}"'
        case KeyError():
            return f"{error} is missing"
        case _:
            return " ".join(str(error).split()) or type(error).__name__
