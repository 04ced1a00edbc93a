"""Asks a daemon for everything that its containers are made of: over the Engine API, or with the docker command of its machine."""

import json
from collections.abc import Mapping
from typing import Any

from xcatflow.errors import ActFailed, CannotTell
from xcatflow.exchange.containers import Inspected
from xcatflow.transport.protocols import Docker, ShellSession

_SCRIPT = """\
set -e
ids=$(docker ps -aq --no-trunc)
docker info --format '{{json .}}'
test -z "$ids" || docker inspect --type container $ids
test -z "$ids" || docker inspect --type container --format '{{.Image}}' $ids | sort -u | while read -r image; do
    docker inspect --type image "$image" 2>/dev/null || :
done
"""
_LIMIT_S = 60.0


def from_daemon(docker: Docker, endpoint: str) -> Inspected:
    """Raises Unreachable, ActFailed, DeadlineExceeded."""
    found = [docker.inspect_container(each.id) for each in docker.containers()]
    containers = tuple(facts for facts in found if facts is not None)
    images = (docker.image_details(reference) for reference in sorted({str(facts["Image"]) for facts in containers}))
    return Inspected(endpoint, containers, tuple(image for image in images if image is not None), docker.info())


def from_shell(shell: ShellSession, endpoint: str) -> Inspected:
    """Raises Unreachable, DeadlineExceeded, ActFailed where the docker command fails there."""
    (reply,) = shell.ask([_SCRIPT], timeout_s=_LIMIT_S)
    if reply.code:
        raise ActFailed(f'"docker inspect" on {shell.name} failed', reply.err.decode(errors="replace").strip())
    return read_reply(reply.text, endpoint)


def read_reply(text: str, endpoint: str) -> Inspected:
    """What the docker command printed: an object, then lists of objects. Raises CannotTell."""
    decoder = json.JSONDecoder()
    items: list[Mapping[str, Any]] = []
    rest = text.lstrip()
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except ValueError as error:
            raise CannotTell(f"expected JSON from the docker command, found {rest[:40]!r}") from error
        items += value if isinstance(value, list) else [value]
        rest = rest[end:].lstrip()
    return Inspected.of(endpoint, items)
