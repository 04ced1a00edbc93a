"""An image that many daemons want is got from its registry once, and then from daemon to daemon.

The first that wants it pulls it, the others wait, and every daemon that has it serves others, so that those that have it grow threefold
each time. The bytes go through where xcatflow runs, which alone may command all daemons.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from xcatflow.errors import ActFailed, Interrupted, Unreachable, XcatflowError
from xcatflow.model.image import repository_of, short
from xcatflow.model.question import ImageFacts
from xcatflow.transport.image_copy import Copy, Tell, pull, put_back
from xcatflow.transport.protocols import Docker, ImageWanted

MOST_SERVED = 2
"""Daemons that one serves at a time, whatever the images. Fewer than the requests a daemon takes at once: daemons that copy from each
other could otherwise wait for each other for ever."""
MOST_SOURCES = 2
"""Daemons that one tries to copy from before it asks the registry."""
TRIED_ALONE = 3
"""Daemons that try to get it one after the other. When these have failed, as many try at a time as have failed: each daemon's own disk or
certificates may be why, so that nobody gives up untried, and a registry that lets all wait does not let them wait in turn."""
_LOOK_S = 0.2


class Member(Protocol):
    """A daemon of the run, with the images that its last listing told."""

    listed: tuple[ImageFacts, ...]

    @property
    def docker(self) -> Docker: ...


@dataclass(slots=True)
class _Image:
    """How far an image is. `id` is what all get, known once one has it."""

    id: str = ""
    holders: dict[str, None] = field(default_factory=dict)
    fetching: int = 0
    failures: int = 0

    @property
    def most_fetching(self) -> int:
        return self.failures if self.failures >= TRIED_ALONE else 1


class Spread:
    """Hands images on between the daemons of a run. `daemons` gives those that were opened, by endpoint; `stopping` ends waiting,
    `cancelled` copying too."""

    def __init__(
        self, daemons: Callable[[], Mapping[str, Member]], stopping: threading.Event, cancelled: threading.Event
    ) -> None:
        self._daemons, self._stopping, self._cancelled = daemons, stopping, cancelled
        self._turn = threading.Condition()
        self._images: dict[ImageWanted, _Image] = {}
        self._serving: Counter[str] = Counter()

    def obtain(self, endpoint: str, wanted: ImageWanted, tell: Tell) -> str:
        """See to it that the daemon at `endpoint` has the image, under its name and with the id that all get. Returns the endpoint it was
        copied from, empty for the registry. Raises ActFailed, Unreachable, Interrupted; then the daemon is as it was."""
        daemons = self._daemons()
        own = daemons[endpoint].docker
        image = self._image(endpoint, wanted, daemons)
        before, failed = own.inspect_image(wanted.reference), list[str]()
        while source := self._next(image, endpoint, failed, tell):
            if self._copied(image, self._copy(own, source, wanted, tell), before):
                break
            failed.append(source)
        else:
            self._fetch(image, own, wanted, before, tell)
        with self._turn:
            image.holders[endpoint] = None
            self._turn.notify_all()
        return source

    def _image(self, endpoint: str, wanted: ImageWanted, daemons: Mapping[str, Member]) -> _Image:
        """The image's state; first of all, which daemons have it. Where they have different ones, none counts: the registry decides."""
        with self._turn:
            if (image := self._images.get(wanted)) is None:
                image = self._images[wanted] = _Image()
                found = {name: held(member.listed, wanted) for name, member in daemons.items() if name != endpoint}
                ids = {facts.id for facts in found.values() if facts}
                if len(ids) == 1:
                    image.id = ids.pop()
                    image.holders = {name: None for name, facts in found.items() if facts}
            return image

    def _next(self, image: _Image, endpoint: str, failed: list[str], tell: Tell) -> str:
        """The daemon to copy from, once one is free to serve; empty when it is our turn to fetch it."""
        waited = False
        with self._turn:
            while not self._stopping.is_set():
                holders = [name for name in image.holders if name != endpoint and name not in failed]
                if holders and len(failed) < MOST_SOURCES:
                    source = min(holders, key=lambda name: self._serving[name])
                    if self._serving[source] < MOST_SERVED:
                        self._serving[source] += 1
                        return source
                elif image.fetching < image.most_fetching:
                    image.fetching += 1
                    return ""
                if not waited:
                    waited = True
                    tell("waiting for a host that has the image")
                self._turn.wait(_LOOK_S)
        raise Interrupted("the run was stopped")

    def _copy(self, own: Docker, source: str, wanted: ImageWanted, tell: Tell) -> Copy:
        """The source is looked up when it is needed: it may have been opened while we waited."""
        return Copy(own, lambda: self._daemons()[source].docker, source, wanted, tell, self._cancelled)

    def _copied(self, image: _Image, copy: Copy, before: ImageFacts | None) -> bool:
        """Copy it; False where that failed and somebody else may do better. Raises Unreachable where our own daemon is gone."""
        copy.tell(f"copying from {copy.source}")
        try:
            copy.run(image.id, before)
        except (ActFailed, Unreachable) as error:
            if isinstance(error, Unreachable) and not copy.broken:
                raise
            copy.tell(f"copying from {copy.source} failed: {error}")
            return False
        finally:
            with self._turn:
                self._serving[copy.source] -= 1
                if copy.broken:
                    image.holders.pop(copy.source, None)
                self._turn.notify_all()
        return True

    def _fetch(self, image: _Image, own: Docker, wanted: ImageWanted, before: ImageFacts | None, tell: Tell) -> None:
        """Get it from the registry, and say what all get. Raises what pulling raises, and ActFailed where it is another one now."""
        try:
            if not wanted.pull:
                raise ActFailed("no daemon of this run has it, and no registry may be asked")
            pull(own, wanted, tell)
            got = own.inspect_image(wanted.reference)
            if got is None:
                raise ActFailed("it was pulled, and is not there")
            with self._turn:
                image.id = image.id or got.id
            if image.id != got.id:
                with suppress(XcatflowError):
                    put_back(own, wanted.reference, before.id if before else "")
                raise ActFailed(
                    f"the registry has another image now ({short(got.id)}) than the one that is spread ({short(image.id)}): "
                    'run again with "pull: always"'
                )
        except XcatflowError:
            with self._turn:
                image.failures += 1
            raise
        else:
            with self._turn:
                image.failures = 0
        finally:
            with self._turn:
                image.fetching -= 1
                self._turn.notify_all()


def held(listed: tuple[ImageFacts, ...], wanted: ImageWanted) -> ImageFacts | None:
    """The image among those listed, as far as it is known to be the one that is wanted."""
    if wanted.fresh and not wanted.digest:
        return None
    full = f"{repository_of(wanted.reference)}@{wanted.digest}"
    for facts in listed:
        if wanted.digest:
            if full in facts.digests:
                return facts
        elif wanted.reference in (facts.id, *facts.tags, *facts.digests):
            return facts
    return None
