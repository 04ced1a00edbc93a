"""What nothing on a daemon uses, told from its listings.

Nothing counts as unused that Docker's own pruning would take and somebody may miss: a network or volume of a container that is stopped.

Source: Engine API version history (`GET /containers/json` tells networks from 1.22 on); docker 1.10 and 1.11 for mounts.
"""

import time
from collections.abc import Iterable, Iterator

from xcatflow.errors import CannotTell
from xcatflow.model.container_states import STANDING
from xcatflow.model.question import ContainerFacts, ImageFacts
from xcatflow.model.question_images import Unused, UnusedFacts
from xcatflow.transport.protocols import Docker

_PREDEFINED = ("bridge", "host", "none", "ingress", "docker_gwbridge", "nat")


def unused(docker: Docker, question: Unused) -> tuple[UnusedFacts, ...]:
    """The answer to the question. Raises what asking raises, CannotTell where the listings do not tell."""
    containers, now_s = docker.containers(), time.time()
    match question.what:
        case "containers":
            return tuple(_containers(containers, now_s))
        case "images":
            return tuple(_images(docker.images(), {it.image_id for it in containers}, now_s))
        case "networks":
            busy = set(_joined(containers))
            return tuple(
                UnusedFacts(it.id, (it.name,), labels=it.labels)
                for it in docker.networks()
                if it.name not in (*_PREDEFINED, *busy)
            )
        case "volumes":
            mounted = set(_mounted(containers))
            return tuple(
                UnusedFacts(it.name, (it.name,), labels=it.labels) for it in docker.volumes() if it.name not in mounted
            )


def _containers(containers: Iterable[ContainerFacts], now_s: float) -> Iterator[UnusedFacts]:
    for it in containers:
        if it.state in STANDING:
            yield UnusedFacts(
                it.id, (it.name,), age_s=_age(it.created_s, now_s), labels=it.labels, state=it.status or it.state
            )


def _images(images: Iterable[ImageFacts], busy: set[str], now_s: float) -> Iterator[UnusedFacts]:
    for it in images:
        if it.id not in busy:
            yield UnusedFacts(it.id, (*it.tags, *it.digests), it.size_bytes, _age(it.created_s, now_s), it.labels)


def _joined(containers: Iterable[ContainerFacts]) -> Iterator[str]:
    for it in containers:
        if not it.networks and it.volumes is None:  # an old listing, and not a container that was disconnected from all
            raise CannotTell(_untold("networks", "1.22"))
        yield from it.networks


def _mounted(containers: Iterable[ContainerFacts]) -> Iterator[str]:
    for it in containers:
        if it.volumes is None:
            raise CannotTell(_untold("volumes", "1.23"))
        yield from it.volumes


def _untold(what: str, since: str) -> str:
    return f"cannot tell which {what} are used: this daemon's listing of containers does not say, from API {since} on it does"


def _age(made_s: float, now_s: float) -> float:
    return max(0.0, now_s - made_s)
