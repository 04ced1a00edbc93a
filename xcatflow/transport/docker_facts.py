"""The Docker Engine API's JSON in our words, and the parts of its protocol that are pure: references, streams, where a MAC goes.

Source: Engine API reference, versions 1.24 to 1.45; streams of `/images/create` and `/images/load` as an engine 20.10 sends them.
"""

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xcatflow.errors import ActFailed, Unreachable
from xcatflow.model.question import ContainerFacts, DaemonFacts, DockerNetworkFacts, ImageFacts

OLDEST_WITHOUT_MINIMUM = "1.12"
"""What a daemon that names no MinAPIVersion still speaks."""
MAC_PER_NETWORK = "1.44"
"""From here on a MAC belongs to a network's settings; the top-level field is ignored."""

_LOADED = ("Loaded image: ", "Loaded image ID: ")
_NOT_A_BRIDGE = ("none", "host")


def version_key(api: str) -> tuple[int, ...]:
    """An API version as numbers, to be compared. Raises ValueError when it is none."""
    return tuple(int(part) for part in api.split("."))


def daemon_facts(answer: Mapping[str, Any], *, host: str, oldest: str, newest: str) -> DaemonFacts:
    """Facts of a `/version` answer with the version to use: the newest that the daemon speaks and that lies within `oldest` to `newest`.

    Raises Unreachable when there is none.
    """
    api = str(answer["ApiVersion"])
    least = str(answer.get("MinAPIVersion") or OLDEST_WITHOUT_MINIMUM)
    used = min(api, newest, key=version_key)
    if version_key(used) < version_key(least) or version_key(used) < version_key(oldest):
        wrong = api if version_key(api) < version_key(oldest) else least
        raise Unreachable(
            f"Docker API {wrong} of host {host} is not supported: it speaks {least} to {api}, expected {oldest} to {newest}"
        )
    return DaemonFacts(engine=str(answer.get("Version", "")), api=api, min_api=least, used_api=used)


def container_facts(item: Mapping[str, Any]) -> ContainerFacts:
    """One container of `/containers/json`."""
    networks = (item.get("NetworkSettings") or {}).get("Networks") or {}
    return ContainerFacts(
        id=item["Id"],
        name=own_name(item.get("Names") or ()),
        image=item["Image"],
        image_id=item.get("ImageID", ""),
        state=item["State"],
        status=item.get("Status", ""),
        labels=dict(item.get("Labels") or {}),
        addresses={name: end["IPAddress"] for name, end in sorted(networks.items()) if (end or {}).get("IPAddress")},
    )


def own_name(names: Iterable[str]) -> str:
    """A container's own name without the slash before it. Names with more slashes are those that other containers' links gave it."""
    listed = tuple(names)
    return next((name for name in listed if name.count("/") == 1), next(iter(listed), "")).removeprefix("/")


def image_facts(item: Mapping[str, Any]) -> ImageFacts:
    """One image of `/images/json` or `/images/NAME/json`; both write "none" in angle brackets where there is nothing."""
    tags, digests = (
        tuple(sorted(text for text in item.get(key) or () if "<none>" not in text))
        for key in ("RepoTags", "RepoDigests")
    )
    return ImageFacts(id=item["Id"], tags=tags, digests=digests)


def network_facts(item: Mapping[str, Any]) -> DockerNetworkFacts:
    """One network of `/networks`."""
    pools = (item.get("IPAM") or {}).get("Config") or ()
    return DockerNetworkFacts(
        id=item["Id"],
        name=item["Name"],
        driver=item.get("Driver", ""),
        pools=tuple((pool.get("Subnet", ""), pool.get("Gateway", "")) for pool in pools),
        options=dict(item.get("Options") or {}),
        labels=dict(item.get("Labels") or {}),
        internal=bool(item.get("Internal", False)),
    )


def split_reference(reference: str) -> tuple[str, str]:
    """Repository, and tag or digest: what follows `@`, else a `:` after the last slash, else `latest`."""
    repository, at, digest = reference.partition("@")
    slash, colon = repository.rfind("/"), repository.rfind(":")
    name, tag = (repository[:colon], repository[colon + 1 :]) if colon > slash else (repository, "")
    return (name, digest) if at else (name, tag or "latest")


def place_mac(body: Mapping[str, Any], api: str) -> dict[str, Any]:
    """The body of a create request with its MAC where version `api` looks for it: per network from 1.44, at the top level before.

    Bodies without a MAC, and those whose network is `none`, `host` or another container's, come back as they are.
    """
    if version_key(api) >= version_key(MAC_PER_NETWORK):
        return _mac_to_network(dict(body))
    return _mac_to_top(dict(body))


def _mac_to_network(body: dict[str, Any]) -> dict[str, Any]:
    mode = str((body.get("HostConfig") or {}).get("NetworkMode") or "bridge")
    network = "bridge" if mode == "default" else mode
    if not body.get("MacAddress") or network in _NOT_A_BRIDGE or network.startswith("container:"):
        return body
    mac = body.pop("MacAddress")
    config = dict(body.get("NetworkingConfig") or {})
    ends = dict(config.get("EndpointsConfig") or {})
    ends[network] = {"MacAddress": mac, **(ends.get(network) or {})}
    return {**body, "NetworkingConfig": {**config, "EndpointsConfig": ends}}


def _mac_to_top(body: dict[str, Any]) -> dict[str, Any]:
    config = dict(body.get("NetworkingConfig") or {})
    ends = {name: dict(end or {}) for name, end in (config.get("EndpointsConfig") or {}).items()}
    macs = [mac for end in ends.values() if (mac := end.pop("MacAddress", None))]
    if not macs:
        return body
    return {"MacAddress": macs[0], **body, "NetworkingConfig": {**config, "EndpointsConfig": ends}}


def json_objects(chunks: Iterable[bytes]) -> Iterator[Any]:
    """The JSON values of a stream, however they are cut and whatever blanks stand between. Raises ValueError for what is no JSON."""
    decoder, text = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for chunk in chunks:
        rest = (rest + text.decode(chunk)).lstrip()
        while rest:
            try:
                value, end = decoder.raw_decode(rest)
            except ValueError:
                break
            yield value
            rest = rest[end:].lstrip()
    if rest:
        raise ValueError(f'expected JSON, found "{rest[:60]}"')


def stream_lines(values: Iterable[Any], *, request: str) -> tuple[str, ...]:
    """The `stream` texts of a progress stream, each without blanks around. Raises ActFailed with the first error the stream reports."""
    lines: list[str] = []
    for value in values:
        if not isinstance(value, Mapping):
            continue
        detail = value.get("errorDetail")
        error = (detail.get("message") if isinstance(detail, Mapping) else None) or value.get("error")
        if error:
            raise ActFailed(str(error).strip(), detail=request)
        lines += (line.strip() for line in str(value.get("stream", "")).splitlines())
    return tuple(line for line in lines if line)


def loaded_references(lines: Iterable[str]) -> tuple[str, ...]:
    """What an image archive held, from the lines the daemon said while loading it."""
    return tuple(line.removeprefix(start) for line in lines for start in _LOADED if line.startswith(start))
