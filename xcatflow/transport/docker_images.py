"""Images of one daemon: pulled, loaded, saved, named and removed.

Source: Engine API reference, versions 1.21 to 1.55. Before 1.23 `POST /images/load` answers nothing when all is well.
"""

import json
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from xcatflow.errors import ActFailed, reason_of
from xcatflow.model.docker_api import speaks
from xcatflow.model.image import split_reference
from xcatflow.model.question import ImageFacts
from xcatflow.transport.docker_calls import Calls
from xcatflow.transport.docker_facts import (
    image_facts,
    json_objects,
    loaded_references,
    stream_lines,
    unharmed,
)
from xcatflow.transport.docker_progress import Progress
from xcatflow.transport.docker_request import Request, thing
from xcatflow.transport.protocols import RegistryAuth

_TELL_EVERY_S = 1.0
_TELLS_WHAT_IT_LOADED = "1.23"
_BLOCK_BYTES = 1_048_576
_ASKS_REGISTRIES = "1.30"


class ImageCalls(Calls):
    """The part of `Docker` that is about images and registries."""

    def images(self) -> tuple[ImageFacts, ...]:
        """All images that have a name or are no other image's part."""
        listed = self._wire.look(Request("GET", "/images/json"))
        return self._wire.read("/images/json", listed, lambda items: tuple(image_facts(item) for item in items))

    def inspect_image(self, reference: str) -> ImageFacts | None:
        """One image; None where the daemon does not have it."""
        answer = self.image_details(reference)
        return None if answer is None else self._wire.read(_image(reference, "json"), answer, image_facts)

    def image_details(self, reference: str) -> Mapping[str, Any] | None:
        """The daemon's whole answer about one image; None where it does not have it."""
        return self._wire.look_one(Request("GET", _image(reference, "json")))

    def pull_image(
        self,
        reference: str,
        *,
        auth: RegistryAuth | None = None,
        progress: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Pull one tag or digest, for as long as data comes; `progress` hears how far it is, at most once a second.

        Raises ActFailed with what the daemon or the registry said, or with what is wrong in the user's Docker configuration, which says
        who we are unless `auth` does.
        """
        from xcatflow.transport import docker_auth as credentials  # brings the SDK, which takes long to import

        repository, tag = split_reference(reference)
        registry = credentials.registry_for(reference)
        who = credentials.auth_of(auth) if auth else credentials.checked_by_user(registry)
        request = Request(
            "POST",
            "/images/create",
            {"fromImage": f"{repository}@{tag}"} if "@" in reference else {"fromImage": repository, "tag": tag},
            headers=credentials.auth_header(who),
            limit_s=self._wire.timeouts.stall_s,
        )
        said = Progress()
        told_s = time.monotonic()
        with self._wire.stream(request) as stream:
            values = self._read_stream(json_objects(stream.chunks()), request.told)
            for value in unharmed(values, request=f"POST {request.told}"):
                text = said.heard(value)
                if text and time.monotonic() - told_s >= _TELL_EVERY_S:
                    told_s = time.monotonic()
                    progress(text)

    def load_image(self, archive: Path | Iterable[bytes]) -> tuple[str, ...]:
        """Load an archive made by `docker save`; returns the references it held. Raises ActFailed when the archive is none."""
        if not isinstance(archive, Path):
            return self._load(lambda: archive, once=True)
        try:
            file = archive.open("rb")
            size = archive.stat().st_size
        except OSError as error:
            raise ActFailed(f'cannot read image archive "{archive}": {reason_of(error)}') from error

        def content() -> Iterator[bytes]:
            file.seek(0)
            while block := file.read(_BLOCK_BYTES):
                yield block

        with file:
            told = self._load(content, size=size)
        return told or (() if speaks(self._wire.api, _TELLS_WHAT_IT_LOADED) else references_in(archive))

    def _load(
        self, content: Callable[[], Iterable[bytes]], *, size: int | None = None, once: bool = False
    ) -> tuple[str, ...]:
        headers = {} if size is None else {"Content-Length": str(size)}
        limit_s = self._wire.timeouts.stall_s
        request = Request("POST", "/images/load", content=content, headers=headers, once=once, limit_s=limit_s)
        with self._wire.stream(request) as stream:
            values = self._read_stream(json_objects(stream.chunks()), request.path)
            return loaded_references(stream_lines(values, request=f"POST {request.path}"))

    @contextmanager
    def save_image(self, reference: str) -> Iterator[Iterator[bytes]]:
        """The image as an archive that `load_image` takes, as it comes."""
        request = Request("GET", "/images/get", {"names": reference}, limit_s=self._wire.timeouts.stall_s)
        with self._wire.stream(request) as stream:
            yield stream.chunks()

    def tag_image(self, reference: str, new: str) -> None:
        """Give an image another name `repository[:tag]`."""
        repository, tag = split_reference(new)
        self._wire.act(Request("POST", _image(reference, "tag"), {"repo": repository, "tag": tag}))

    def remove_image(self, reference: str) -> None:
        """Remove a tag, and the image with its last one. A missing one raises ActFailed."""
        self._wire.act(Request("DELETE", _image(reference)))

    def login(self, auth: RegistryAuth) -> None:
        """Does the registry take these credentials, asked by the daemon? Raises ActFailed with its words."""
        from xcatflow.transport import docker_auth as credentials

        self._wire.act(Request("POST", "/auth", body=credentials.auth_of(auth)))

    def registry_digest(self, reference: str, *, auth: RegistryAuth | None = None) -> str | None:
        """The digest that the registry has for a reference now, nothing pulled; None where the API cannot ask. Raises ActFailed."""
        if not speaks(self._wire.api, _ASKS_REGISTRIES):
            return None
        from xcatflow.transport import docker_auth as credentials

        registry = credentials.registry_for(reference)
        who = credentials.auth_of(auth) if auth else credentials.checked_by_user(registry)
        path = thing("distribution", reference, "json", safe="/:@")
        answer = self._wire.look(Request("GET", path, headers=credentials.auth_header(who)))
        return self._wire.read(path, answer, lambda facts: str(facts["Descriptor"]["digest"]))


def references_in(archive: Path) -> tuple[str, ...]:
    """The references that an archive made by `docker save` names; none where it does not tell."""
    with (
        suppress(tarfile.TarError, OSError, KeyError, ValueError, TypeError, AttributeError),
        tarfile.open(archive) as tar,
    ):
        manifest = tar.extractfile("manifest.json")
        items = json.load(manifest) if manifest else ()
        return tuple(tag for item in items for tag in item.get("RepoTags") or ())
    return ()


def _image(reference: str, *more: str) -> str:
    return thing("images", reference, *more, safe="/:@")
