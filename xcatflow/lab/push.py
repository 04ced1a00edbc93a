"""Images into a registry without an engine: what `docker push` would send, out of an archive of `docker save`.

Source: HTTP API of the distribution registry v2 (monolithic upload: POST, then PUT with the digest), image manifest version 2, schema 2.
"""

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import requests

from xcatflow.errors import ActFailed

REQUEST_S = 30
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@dataclass(frozen=True, slots=True)
class Address:
    """A registry (`host:port`), who we are to it, and the CA that its certificate is of."""

    host: str
    user: str
    password: str = field(repr=False)
    ca: Path


def push(address: Address, archive: bytes, reference: str) -> str:
    """Put the only image of an archive into the registry as `repository[:tag]`; the digest of its manifest. What is there already is not
    sent again. Raises ActFailed with the registry's words."""
    repository, _, tag = reference.partition(":")
    config, layers = _parts(archive)
    with requests.Session() as session:
        session.trust_env = False
        session.auth, session.verify = (address.user, address.password), str(address.ca)
        base = f"https://{address.host}/v2/{repository}"
        try:
            manifest = {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": _blob(session, base, config, _CONFIG),
                "layers": [_blob(session, base, layer, _LAYER) for layer in layers],
            }
            said = session.put(
                f"{base}/manifests/{tag or 'latest'}",
                data=json.dumps(manifest).encode(),
                headers={"Content-Type": _MANIFEST},
                timeout=REQUEST_S,
            )
            _good(said)
        except requests.RequestException as error:
            raise ActFailed(f'cannot push "{reference}" to the registry at {address.host}: {error}') from error
    return str(said.headers["Docker-Content-Digest"])


def _parts(archive: bytes) -> tuple[bytes, list[bytes]]:
    """The configuration and the compressed layers; the same archive gives the same bytes."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:

        def content(name: str) -> bytes:
            file = packed.extractfile(name)
            return file.read() if file else b""

        (image,) = json.loads(content("manifest.json"))
        return content(image["Config"]), [gzip.compress(content(name), mtime=0) for name in image["Layers"]]


def _blob(session: requests.Session, base: str, data: bytes, media: str) -> dict[str, str | int]:
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if session.head(f"{base}/blobs/{digest}", timeout=REQUEST_S).status_code != requests.codes.ok:
        begun = _good(session.post(f"{base}/blobs/uploads/", timeout=REQUEST_S))
        place = urljoin(base, begun.headers["Location"])
        _good(session.put(place, params={"digest": digest}, data=data, timeout=REQUEST_S))
    return {"mediaType": media, "size": len(data), "digest": digest}


def _good(answer: requests.Response) -> requests.Response:
    answer.raise_for_status()
    return answer
