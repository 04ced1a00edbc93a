"""Volumes without a name, and what else becomes of an old container when another one takes its place. Pure.

A daemon makes such a volume where an image, or a request, has a path and no name for it. Its data would be left behind unseen when a
container is replaced; so the new one is given the volume, by the name that the daemon chose.

Source: Engine API, `Mounts` of an inspected container; docker compose hands such volumes on as well; moby, `removeMountPoints`: a volume
that was given by name is not removed with its container.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from xcatflow.model.question import ContainerFacts
from xcatflow.steps.containers.body import create_body
from xcatflow.steps.containers.labels import recorded
from xcatflow.steps.containers.params import ContainerParams

_CHOSEN = re.compile(r"[0-9a-f]{64}")
"""Names of volumes that the daemon chooses."""


def may_have_some(own: ContainerFacts) -> bool:
    """May a container have volumes without a name, as far as a listing tells?"""
    return own.volumes is None or any(_CHOSEN.fullmatch(name) for name in own.volumes)


def inherited(want: ContainerParams, old: Mapping[str, Any]) -> Mapping[str, str]:
    """The volumes that the new container gets from the old one, which is as inspected: paths to names."""
    return {} if want.fresh_volumes else handed_on(create_body(want, {}), old)


def handed_on(body: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, str]:
    """Volumes without a name of the old container, where the request `body` mounts nothing else: paths to names."""
    taken = set(_mounted(body.get("HostConfig") or {}))
    return {path: name for path, name in _unnamed(old).items() if _plain(path) not in taken}


def with_volumes(body: Mapping[str, Any], handed: Mapping[str, str]) -> dict[str, Any]:
    """The request with these volumes at their paths."""
    if not handed:
        return dict(body)
    host = dict(body.get("HostConfig") or {})
    mounts = [
        {**it, "Source": handed[it["Target"]]} if not it.get("Source") and it.get("Target") in handed else it
        for it in host.get("Mounts") or ()
    ]
    placed = {it.get("Target") for it in mounts if it.get("Source")}
    binds = [bind for bind in host.get("Binds") or () if bind not in handed]
    host["Binds"] = [*binds, *(f"{name}:{path}" for path, name in handed.items() if path not in placed)]
    return {**body, "HostConfig": {**host, "Mounts": mounts} if mounts else host}


def fate(want: ContainerParams, labels: Mapping[str, str], old: Mapping[str, Any] | None) -> Iterator[str]:
    """What a replacement does to the old container that somebody may not expect; `old` is as inspected, None where it was not asked for."""
    unnamed = _unnamed(old or {})
    handed = inherited(want, old or {})
    kept, left = ([path for path in sorted(unnamed) if (path in handed) is on] for on in (True, False))
    if kept:
        rest = f", {_that(left)} left behind" if left else ""
        yield f"its {_volumes(kept)} handed on to the new one{rest}"
    elif left:
        yield f"its {_volumes(left)} left behind"
    host = (old or {}).get("HostConfig") or ((recorded(labels) or {}).get("dockerflag") or {}).get("HostConfig") or {}
    if host.get("AutoRemove"):
        yield "the old one removes itself when it stops (AutoRemove), so there is no way back"


def _unnamed(old: Mapping[str, Any]) -> dict[str, str]:
    """Paths to names; what the container was made with on purpose by such a name is not among them."""
    made_from = recorded((old.get("Config") or {}).get("Labels") or {}) or {}
    named = {str(volume).partition(":")[0] for volume in made_from.get("volumes") or ()}
    return {
        str(it.get("Destination")): str(it["Name"])
        for it in old.get("Mounts") or ()
        if _CHOSEN.fullmatch(str(it.get("Name") or "")) and it["Name"] not in named
    }


def _mounted(host: Mapping[str, Any]) -> Iterator[str]:
    """Paths at which the request says what is mounted."""
    for bind in host.get("Binds") or ():
        _, colon, rest = str(bind).partition(":")
        if colon:
            yield _plain(rest.partition(":")[0])
    for mount in host.get("Mounts") or ():
        if mount.get("Source") or mount.get("Type") != "volume":
            yield _plain(str(mount.get("Target")))
    yield from map(_plain, host.get("Tmpfs") or {})


def _plain(path: str) -> str:
    return path.rstrip("/") or "/"


def _volumes(paths: list[str]) -> str:
    return f"volume of {paths[0]} is" if len(paths) == 1 else f"volumes of {', '.join(paths[:-1])} and {paths[-1]} are"


def _that(paths: list[str]) -> str:
    return f"that of {paths[0]} is" if len(paths) == 1 else f"those of {', '.join(paths[:-1])} and {paths[-1]} are"
