"""The images of the daemon in memory, and the registries it knows."""

import io
import json
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fakes.docker_things import FakeContainer, FakeImage, digest, tagged
from xcatflow.errors import ActFailed
from xcatflow.model.docker_api import version_key
from xcatflow.model.image import split_reference
from xcatflow.model.question import DaemonFacts, ImageFacts
from xcatflow.transport.protocols import RegistryAuth

_HEX = re.compile("[0-9a-f]{64}")
_SIZE_BYTES, _BUILT_S = 1_000_000, 1_704_067_200


class FakeImages:
    """`accounts` are who registries let in, by registry: `(user, password)`; a registry named there lets nobody else pull. `pulled` are the
    references that were, in order; `moved` makes a tag of a registry mean another image for each text."""

    facts: DaemonFacts

    def __init__(self, *, images: Iterable[str], registry: Iterable[str]) -> None:
        self.accounts: dict[str, tuple[str, str]] = {}
        self.pulled: list[str] = []
        self.moved: dict[str, str] = {}
        self._registry = {tagged(reference) for reference in registry}
        self._images: dict[str, FakeImage] = {}
        self._containers: dict[str, FakeContainer] = {}
        for reference in images:
            self._add_image(digest(tagged(reference)), reference)

    def images(self) -> tuple[ImageFacts, ...]:
        return tuple(_facts(it) for it in self._images.values())

    def inspect_image(self, reference: str) -> ImageFacts | None:
        it = self._image(reference)
        return _facts(it) if it else None

    def image_details(self, reference: str) -> Mapping[str, Any] | None:
        it = self._image(reference)
        if it is None:
            return None
        config = {"Env": ["PATH=/bin"], "Cmd": None, "Entrypoint": None, "Labels": None}
        return {"Id": it.id, "RepoTags": sorted(it.tags), "RepoDigests": sorted(it.digests), "Config": config}

    def pull_image(
        self,
        reference: str,
        *,
        auth: RegistryAuth | None = None,
        progress: Callable[[str], None] = lambda _text: None,
    ) -> None:
        repository, _ = split_reference(reference)
        self._let_in(repository.partition("/")[0], auth)
        if tagged(reference) not in self._registry:
            raise ActFailed(f"manifest for {tagged(reference)} not found: manifest unknown: manifest unknown")
        self.pulled.append(reference)
        progress("1 of 1 layers")
        id = digest(f"{tagged(reference)}{self.moved.get(tagged(reference), '')}")
        self._add_image(id, reference)
        name = tagged(reference) if "@" in reference else f"{repository}@{self._digest(reference)}"
        self._images[id].digests.add(name)

    def registry_digest(self, reference: str, *, auth: RegistryAuth | None = None) -> str | None:
        if version_key(self.facts.used_api) < (1, 30):
            return None
        self._let_in(split_reference(reference)[0].partition("/")[0], auth)
        if tagged(reference) not in self._registry:
            raise ActFailed(f"manifest unknown: manifest for {tagged(reference)} is not there")
        return reference.partition("@")[2] or self._digest(reference)

    def login(self, auth: RegistryAuth) -> None:
        if auth.registry not in self.accounts:
            raise ActFailed(f"login attempt to {auth.registry} failed with status: 404 Not Found")
        self._let_in(auth.registry, auth)

    def load_image(self, archive: Path | Iterable[bytes]) -> tuple[str, ...]:
        try:
            data = archive.read_bytes() if isinstance(archive, Path) else b"".join(archive)
        except OSError as error:
            raise ActFailed(
                f'cannot read image archive "{archive}": {(error.strerror or str(error)).lower()}'
            ) from error
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                manifest = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
        except (tarfile.TarError, KeyError) as error:
            raise ActFailed(f"Error processing tar file: {error}") from error
        held: list[str] = []
        for item in manifest:
            stem = Path(item["Config"]).stem
            id = f"sha256:{stem}" if _HEX.fullmatch(stem) else digest(stem)
            for reference in item["RepoTags"] or ():
                self._add_image(id, reference)
            if not item["RepoTags"]:
                self._images.setdefault(id, FakeImage(id))
            held += item["RepoTags"] or (id,)
        return tuple(held)

    @contextmanager
    def save_image(self, reference: str) -> Iterator[Iterator[bytes]]:
        it = self._image(reference)
        if it is None:
            raise ActFailed(f"reference does not exist: {reference}")
        buffer = io.BytesIO()
        tags = [] if reference == it.id else [tagged(reference)]
        text = json.dumps(
            [{"Config": f"{it.id.removeprefix('sha256:')}.json", "RepoTags": tags, "Layers": []}]
        ).encode()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            member = tarfile.TarInfo("manifest.json")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
        data = buffer.getvalue()
        yield (data[start : start + 4096] for start in range(0, len(data), 4096))

    def tag_image(self, reference: str, new: str) -> None:
        it = self._image(reference)
        if it is None:
            raise ActFailed(f"No such image: {tagged(reference)}")
        self._add_image(it.id, new)

    def remove_image(self, reference: str) -> None:
        it = self._image(reference)
        if it is None:
            raise ActFailed(f"No such image: {tagged(reference)}")
        users = [each for each in self._containers.values() if each.image_id == it.id]
        if users and len(it.tags) < 2:
            raise ActFailed(
                f'conflict: unable to remove repository reference "{reference}" (must force) - container {users[0].id[:12]} '
                f"is using its referenced image {it.id[7:19]}"
            )
        it.tags.discard(tagged(reference))
        if not it.tags:
            del self._images[it.id]

    def _digest(self, reference: str) -> str:
        return digest(f"manifest {tagged(reference)}{self.moved.get(tagged(reference), '')}")

    def _let_in(self, registry: str, auth: RegistryAuth | None) -> None:
        wanted = self.accounts.get(registry)
        if wanted is not None and (auth is None or (auth.username, auth.password) != wanted):
            raise ActFailed(f"unauthorized: authentication required: {registry}")

    def _add_image(self, id: str, reference: str) -> None:
        for other in self._images.values():
            other.tags.discard(tagged(reference))
        it = self._images.setdefault(id, FakeImage(id))
        if "@" not in reference:
            it.tags.add(tagged(reference))

    def _image(self, reference: str) -> FakeImage | None:
        names = (reference, tagged(reference))
        return next(
            (it for it in self._images.values() if any(n == it.id or n in it.tags or n in it.digests for n in names)),
            None,
        )


def _facts(it: FakeImage) -> ImageFacts:
    return ImageFacts(it.id, tuple(sorted(it.tags)), tuple(sorted(it.digests)), _SIZE_BYTES, _BUILT_S)
