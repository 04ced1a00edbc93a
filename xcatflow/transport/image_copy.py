"""One image on its way from one daemon to another, through where xcatflow runs: streamed, named, and known by its id.

Source: Engine API, `/images/NAME/get` and `/images/load` (archives carry names and ids, not digests), `/images/create` with a digest.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from xcatflow.errors import ActFailed, Interrupted, XcatflowError
from xcatflow.model.image import digest_in, repository_of, short
from xcatflow.model.question import ImageFacts
from xcatflow.transport.protocols import Docker, ImageWanted

_TELL_S = 1.0

Tell = Callable[[str], None]


@dataclass(slots=True)
class Copy:
    """One image on its way from one daemon to another; `other` gives that one, and may raise. `broken` says that it failed."""

    own: Docker
    other: Callable[[], Docker]
    source: str
    wanted: ImageWanted
    tell: Tell
    cancelled: threading.Event
    broken: bool = False

    def run(self, id: str, before: ImageFacts | None) -> None:
        """Copy the image `id`, give it its name, and have its digest confirmed by the registry where that is wanted. Raises ActFailed;
        then what was there `before` has its name again."""
        had = self.own.inspect_image(id)
        try:
            if had is None:
                self._transfer(id)
            self._name(id)
        except XcatflowError:
            with suppress(XcatflowError):  # what failed before it is told
                put_back(self.own, self.wanted.reference, before.id if before else "", keep=had is not None)
            if had is None:
                drop(self.own, id)
            raise

    def _transfer(self, id: str) -> None:
        try:
            self.broken = True
            with self.other().save_image(id) as chunks:
                self.broken = False
                loaded = self.own.load_image(self._watched(chunks))
        except ActFailed as error:
            raise type(error)(f"cannot copy it from {self.source}: {error}", error.detail) from error
        if self.own.inspect_image(id) is None:
            for reference in loaded:
                drop(self.own, reference)
            raise ActFailed(
                f"the copy from {self.source} is another image: expected {short(id)}, found {', '.join(loaded) or 'none'}"
            )

    def _watched(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks, with how far it is; an error of where they come from is noted as such."""
        size, told = 0, time.monotonic()
        while True:
            try:
                chunk = next(chunks, None)
            except XcatflowError:
                self.broken = True
                raise
            if chunk is None:
                return
            if self.cancelled.is_set():
                raise Interrupted("the run was ended")
            size += len(chunk)
            if (now := time.monotonic()) - told >= _TELL_S:
                told = now
                self.tell(f"copying from {self.source}: {megabytes(size)}")
            yield chunk

    def _name(self, id: str) -> None:
        """Archives carry no digests. A registry that is asked for an image by digest sends none of it again to who has it."""
        reference, at, pinned = self.wanted.reference.partition("@")
        if not at and not reference.startswith("sha256:"):
            self.own.tag_image(id, reference)
        digest = pinned or (self._digest(id) if self.wanted.digest or self.wanted.fresh else "")
        if digest:
            pull(self.own, ImageWanted(f"{repository_of(reference)}@{digest}", auth=self.wanted.auth), self.tell)
        found = self.own.inspect_image(self.wanted.reference)
        if found is None or found.id != id:
            raise ActFailed(
                f"{self.wanted.reference} is another image than on {self.source}: expected {short(id)}, "
                f"found {short(found.id) if found else 'none'}"
            )

    def _digest(self, id: str) -> str:
        """The digest under which the image is known to the registry, as far as it is known here."""
        if self.wanted.digest:
            return self.wanted.digest
        self.broken = True
        facts = self.other().inspect_image(id)
        self.broken = False
        return digest_of(facts, self.wanted.reference)


def pull(docker: Docker, wanted: ImageWanted, tell: Tell) -> None:
    """Pull the image from its registry. Raises what pulling raises."""
    docker.pull_image(wanted.reference, auth=wanted.auth, progress=tell)


def digest_of(facts: ImageFacts | None, reference: str) -> str:
    """The digest that an image has in the repository of `reference`; empty for none."""
    return digest_in(facts.digests if facts else (), repository_of(reference))


def put_back(docker: Docker, reference: str, id: str, *, keep: bool = False) -> None:
    """Let the name mean the image of that id again, none where it is empty; what has the name now goes where it has no other, unless
    `keep`. Raises ActFailed."""
    now = docker.inspect_image(reference)
    if now is not None and now.id == id:
        return
    if id:
        docker.tag_image(id, reference)
    elif now is not None:
        docker.remove_image(reference)
    if now is not None and not keep and (left := docker.inspect_image(now.id)) and not left.tags:
        docker.remove_image(left.id)


def megabytes(size_bytes: int) -> str:
    """A size in megabytes."""
    return f"{size_bytes / 1e6:.1f} MB"


def drop(docker: Docker, reference: str) -> None:
    """Remove an image, or leave it where that fails."""
    try:
        docker.remove_image(reference)
    except XcatflowError:
        return
