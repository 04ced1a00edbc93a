"""A Docker daemon of which a session says what it answers.

    containers c1 running, c2 exited      (the answer to the listing)
    POST /containers/create -> 201 {"Id":"ab","Warnings":[]}
    GET /containers/c1/logs -> 200 frames 1 hi|2 oh
    DELETE /containers/c1?force -> 204
    POST /containers/c1/start -> silence

A rule is for requests whose path (without version) begins so; with a `?` the query has to begin so too. Of several rules for the same
request each answers once, in order, the last one from then on. What no rule is for is answered with status 501, which fails the session.
"""

import json
import re
import struct
from dataclasses import dataclass, field

from tests.fakes.peer import Answer, Peer, Request, reply

_RULE = re.compile(r"([A-Z]+) (\S+) -> (\d+|silence)(?: (.*))?")
_VERSION = re.compile(r"^/v1\.[0-9]+")
_REASONS = {201: "Created", 204: "No Content", 304: "Not Modified", 404: "Not Found", 409: "Conflict"}


@dataclass
class _Rule:
    method: str
    path: str
    status: str
    body: str
    used: int = 0

    def fits(self, request: Request) -> bool:
        path = _VERSION.sub("", request.path)
        if "?" not in self.path:
            path = path.partition("?")[0]
        return request.method == self.method and path.startswith(self.path)


@dataclass
class Script:
    """Answers by the rules of a session; keeps the bodies of what it was asked."""

    rules: list[_Rule]
    asked: list[Request] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> "Script":
        rules = []
        for line in text.splitlines():
            if line.startswith("containers "):
                rules.append(_Rule("GET", "/containers/json", "200", _listing(line.removeprefix("containers "))))
                continue
            found = _RULE.fullmatch(line)
            assert found, f"no rule: {line}"
            rules.append(_Rule(found[1], found[2], found[3], found[4] or ""))
        return cls(rules)

    def __call__(self, request: Request) -> Answer | None:
        self.asked.append(request)
        fitting = [rule for rule in self.rules if rule.fits(request)]
        if not fitting:
            return reply({"message": f"no rule for {request.method} {request.path}"}, "501 Not Implemented")
        rule = next((each for each in fitting if not each.used), fitting[-1])
        rule.used += 1
        if rule.status == "silence":
            return None
        status = f"{rule.status} {_REASONS.get(int(rule.status), 'Whatever')}"
        if rule.body.startswith("frames"):
            return _framed(rule.body.removeprefix("frames").strip())
        if rule.status in ("204", "304"):
            return Answer((f"HTTP/1.1 {status}\r\n\r\n".encode(),))
        kind = "application/json" if rule.body[:1] in ("{", "[") else "text/plain"
        return reply(rule.body, status, content_type=kind)


def _listing(text: str) -> str:
    """A listing of containers as an engine 20.10 gives it: names and states, `-` for none."""
    found = []
    for entry in text.split(",") if text != "-" else ():
        name, state = entry.split()
        status = {"running": "Up 12 minutes", "paused": "Up 12 minutes (Paused)", "exited": "Exited (0) 5 minutes ago"}
        found.append(
            {
                "Id": f"3f9c1d27aa04{name}",
                "Names": [f"/{name}"],
                "Image": "debian:12",
                "ImageID": "sha256:12",
                "Command": "/bin/sh -c 'sleep 600'",
                "Created": 1456910140,
                "State": state,
                "Status": status.get(state, state.capitalize()),
                "Labels": {},
                "NetworkSettings": {"Networks": {}},
            }
        )
    return json.dumps(found)


def shown(requests: list[Request]) -> str:
    """Requests as a session shows them: without the version and without looks, bodies without the labels that say what a container was
    made from."""
    lines = []
    for each in requests:
        path = _VERSION.sub("", each.path)
        if each.method != "GET":
            lines.append(f"{each.method} {path} {_body(each.body)}".rstrip())
    return "".join(f"{line}\n" for line in lines)


def _body(data: bytes) -> str:
    if data[:1] != b"{":
        return data.decode()
    body = json.loads(data)
    for label in ("made-from", "params"):
        body.get("Labels", {}).pop(f"xcatflow.{label}", None)
    return json.dumps(body, separators=(",", ":"))


def _framed(text: str) -> Answer:
    pieces = []
    for entry in text.split("|") if text else ():
        stream, _, line = entry.partition(" ")
        data = f"{line}\n".encode()
        pieces.append(struct.pack(">BxxxL", int(stream), len(data)) + data)
    body = b"".join(pieces)
    kind = "application/vnd.docker.multiplexed-stream"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return Answer((head, body))


def serve(text: str) -> Peer:
    """A peer that answers by the rules, not started yet."""
    return Peer(Script.of(text))
