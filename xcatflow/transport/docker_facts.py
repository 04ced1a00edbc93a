"""The Docker Engine API's JSON in our words, and the part of its protocol that is pure: progress streams.

Source: Engine API reference, versions 1.21 to 1.55; streams of `/images/create` and `/images/load` as an engine 20.10 sends them; the words
of a container's status from docker 1.9 (`daemon/state.go`), which lists no state.
"""

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from xcatflow.errors import ActFailed, Unreachable
from xcatflow.model.docker_api import NEWEST_API, OLDEST_API, version_key
from xcatflow.model.question import ContainerFacts, DaemonFacts, DockerNetworkFacts, ImageFacts, VolumeFacts

OLDEST_WITHOUT_MINIMUM = "1.12"
"""What a daemon that names no MinAPIVersion still speaks."""
_LOADED = ("Loaded image: ", "Loaded image ID: ")
_STATES = (
    ("Removal In Progress", "removing"),
    ("Restarting (", "restarting"),
    ("Exit", "exited"),
    ("Created", "created"),
    ("Dead", "dead"),
)


def daemon_facts(answer: Mapping[str, Any], *, host: str, pin: str | None = None) -> DaemonFacts:
    """Facts of a `/version` answer with the version to use: the newest that both the daemon and we speak, or `pin`.

    Raises Unreachable when there is none, or `pin` is not among them.
    """
    api = str(answer["ApiVersion"])
    least = str(answer.get("MinAPIVersion") or OLDEST_WITHOUT_MINIMUM)
    used = min(api, NEWEST_API, key=version_key)
    lowest = max(least, OLDEST_API, key=version_key)
    if version_key(used) < version_key(lowest):
        wrong = api if version_key(api) < version_key(OLDEST_API) else least
        raise Unreachable(
            f"Docker API {wrong} of host {host} is not supported: it speaks {least} to {api}, expected {OLDEST_API} to {NEWEST_API}"
        )
    if pin is not None:
        if not version_key(lowest) <= version_key(pin) <= version_key(used):
            raise Unreachable(
                f"DOCKER_API_VERSION={pin} cannot be used with docker host {host}: expected {lowest} to {used}, which both sides speak"
            )
        used = pin
    return DaemonFacts(engine=str(answer.get("Version", "")), api=api, min_api=least, used_api=used)


def container_facts(item: Mapping[str, Any]) -> ContainerFacts:
    """One container of `/containers/json`. Before 1.22 a listing has no networks, and they seem to be none."""
    networks = (item.get("NetworkSettings") or {}).get("Networks") or {}
    status = item.get("Status") or ""
    return ContainerFacts(
        id=item["Id"],
        name=own_name(item.get("Names") or ()),
        image=item["Image"],
        image_id=item.get("ImageID") or "",
        state=item.get("State") or state_of(status),
        status=status,
        labels=dict(item.get("Labels") or {}),
        addresses={name: end["IPAddress"] for name, end in sorted(networks.items()) if (end or {}).get("IPAddress")},
        networks=tuple(sorted(networks)),
        command=item.get("Command") or "",
        created_s=int(item.get("Created") or 0),
        volumes=None if item.get("Mounts") is None else _volumes(item["Mounts"]),
        fixed={name: ip for name, end in sorted(networks.items()) if (ip := _asked_for(end))},
    )


def _asked_for(end: Mapping[str, Any] | None) -> str:
    return str(((end or {}).get("IPAMConfig") or {}).get("IPv4Address") or "")


def _volumes(mounts: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Before 1.23 a listing tells none: the member is absent or null, never empty."""
    return tuple(mount["Name"] for mount in mounts if mount.get("Name"))


def state_of(status: str) -> str:
    """The state behind a status such as `Up 5 minutes (Paused)`, for versions before 1.23. Raises ValueError when it is none we know."""
    if status.startswith("Up "):
        return "paused" if status.endswith("(Paused)") else "running"
    if not status:  # one that ran, and of whose end the daemon knows no time
        return "exited"
    for words, state in _STATES:
        if status.startswith(words):
            return state
    raise ValueError(f'status "{status}" says no state')


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
    return ImageFacts(
        id=item["Id"],
        tags=tags,
        digests=digests,
        size_bytes=int(item.get("Size") or 0),
        created_s=_seconds(item.get("Created")),
        labels=dict(item.get("Labels") or (item.get("Config") or {}).get("Labels") or {}),
    )


def _seconds(created: int | str | None) -> int:
    """When an image was made, of which a listing gives seconds and the answer about one image a text, both empty for none."""
    if not created or isinstance(created, int):
        return max(created or 0, 0)
    return max(int(datetime.fromisoformat(f"{created[:19]}+00:00").timestamp()), 0)


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
        ranges={pool.get("Subnet", ""): pool["IPRange"] for pool in pools if pool.get("IPRange")},
        reserved={name: ip for pool in pools for name, ip in (pool.get("AuxiliaryAddresses") or {}).items()},
    )


def volume_facts(item: Mapping[str, Any]) -> VolumeFacts:
    """One volume of `/volumes`; its options are told from 1.25 on."""
    return VolumeFacts(
        name=item["Name"],
        driver=item.get("Driver", ""),
        labels=dict(item.get("Labels") or {}),
        options=dict(item.get("Options") or {}),
    )


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
    for value in unharmed(values, request=request):
        lines += (line.strip() for line in str(value.get("stream", "")).splitlines())
    return tuple(line for line in lines if line)


def unharmed(values: Iterable[Any], *, request: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a progress stream. Raises ActFailed with the first error it reports."""
    for value in values:
        if not isinstance(value, Mapping):
            continue
        detail = value.get("errorDetail")
        error = (detail.get("message") if isinstance(detail, Mapping) else None) or value.get("error")
        if error:
            raise ActFailed(str(error).strip(), detail=request)
        yield value


def loaded_references(lines: Iterable[str]) -> tuple[str, ...]:
    """What an image archive held, from the lines the daemon said while loading it."""
    return tuple(line.removeprefix(start) for line in lines for start in _LOADED if line.startswith(start))
