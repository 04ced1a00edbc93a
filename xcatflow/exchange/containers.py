"""The containers of a daemon as nodes with mgt=docker, such that creating them again gives equal containers.

Source: Engine API, `GET /containers/NAME/json`, `/images/NAME/json`, `/info`, as `docker inspect` and `docker info` print them.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from xcatflow.errors import InvalidInput, Source
from xcatflow.exchange.brought import Brought, Remark
from xcatflow.exchange.container_flags import flags_of
from xcatflow.exchange.container_net import networking_of
from xcatflow.exchange.container_node import GROUPS, command_text, flag_text, host_of, secrets_told
from xcatflow.load.draft import Draft
from xcatflow.model.names import container_problem, name_problem

_NODE, _MADE_FROM = "xcatflow.node", "xcatflow.made-from"
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
_LONG_ID = re.compile(r"(sha256:)?[0-9a-f]{12,64}")
_UNITS = ((1 << 20, ""), (1 << 10, "k"), (1, "b"))


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a daemon told: containers and images as inspected, and its `/info`. `endpoint` is where nodes find it."""

    endpoint: str
    containers: tuple[Mapping[str, Any], ...] = ()
    images: tuple[Mapping[str, Any], ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, endpoint: str, items: Iterable[Mapping[str, Any]]) -> "Inspected":
        """What objects of all three sorts tell."""
        given = tuple(items)
        return cls(
            endpoint,
            tuple(item for item in given if "HostConfig" in item),
            tuple(item for item in given if "RepoTags" in item and "HostConfig" not in item),
            next((item for item in given if "LoggingDriver" in item), {}),
        )


def inspected(text: str, file: str, endpoint: str) -> Inspected:
    """The same from what `docker inspect` printed: containers, and with them images and `docker info`. Raises InvalidInput."""
    try:
        listed = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        raise InvalidInput("expected the JSON that docker inspect prints", Source(file)) from None
    items = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    found = Inspected.of(endpoint, items)
    if not found.containers:
        raise InvalidInput("expected a list of containers as docker inspect prints it, found none", Source(file))
    if not endpoint:
        raise InvalidInput("say which daemon these containers are of: --docker dh01:2376", Source(file))
    return found


def nodes_of(told: Inspected, known: Iterable[str], taken: Mapping[str, str]) -> Brought:
    """Nodes for the containers, and one for their host; containers that xcatflow made for nodes of the site are left out.

    `known` are the site's nodes, `taken` its addresses (ip and mac) with the node that has each: what the daemon chose by itself for a
    container is not taken over where it is another node's.
    """
    nodes = frozenset(known)
    reading = _Reading(told, dict(taken))
    for facts in sorted(told.containers, key=_name):
        name = _name(facts)
        if not _made_here(facts):
            reading.container(facts)
        elif name in nodes:
            reading.note(name, "xcatflow made it by the site's definition, which stays as it is")
        else:
            reading.note(name, "xcatflow made this container")
            reading.container(facts)
    reading.host(nodes)
    return Brought(tuple(reading.drafts), tuple(reading.left), tuple(reading.notes))


def _name(facts: Mapping[str, Any]) -> str:
    return str(facts.get("Name", "")).removeprefix("/")


def _made_here(facts: Mapping[str, Any]) -> bool:
    """Do its labels say that xcatflow made it, under this name?"""
    labels = (facts.get("Config") or {}).get("Labels") or {}
    return labels.get(_NODE) == _name(facts) and _MADE_FROM in labels


@dataclass(slots=True)
class _Reading:
    told: Inspected
    taken: dict[str, str]
    drafts: list[Draft] = field(default_factory=list)
    left: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)

    def container(self, facts: Mapping[str, Any]) -> None:
        name = _name(facts)
        if problem := name_problem("node", name) or container_problem(name):
            self.left.append(Remark(f'the container "{name}" cannot be a node: {problem}', self._place()))
            return
        made_of = next((one for one in self.told.images if one.get("Id") == facts.get("Image")), {})
        image = self._configuration(name, made_of)
        values = {"groups": GROUPS, "mgt": "docker", "dockerhost": self.told.endpoint}
        values["provmethod"] = "!".join(
            part for part in (self._reference(name, facts, made_of), command_of(facts, image)) if part
        )
        networking = networking_of(facts)
        values |= self._free(name, networking.values, networking.chosen)
        values |= limits_of(facts.get("HostConfig") or {})
        flags = flags_of(facts, image, self.told.info)
        flags |= _limit_flags(facts.get("HostConfig") or {}, flags)
        flags = _merged(flags, self._named_mode(networking.flags))
        if flags:
            values["dockerflag"] = flag_text(flags)
        self.drafts.append(Draft("node", name, self.told.endpoint, values=values))
        for text in (*networking.lost, *_passing(facts, flags)):
            self.note(name, text)

    def note(self, name: str, text: str) -> None:
        """Tell something of a container."""
        self.notes.append(Remark(f"{{who}}: {text}", self._place(), name))

    def host(self, known: frozenset[str]) -> None:
        """A node for the machine, so that what `dockerhost` names is there."""
        found = host_of(self.told.endpoint, known, self._place())
        if isinstance(found, Remark):
            self.notes.append(found)
        elif found:
            self.drafts.append(found)

    def _place(self) -> Source:
        return Source(self.told.endpoint)

    def _configuration(self, name: str, image: Mapping[str, Any]) -> Mapping[str, Any]:
        """The configuration of a container's image."""
        if not image:
            self.note(name, "its image was not inspected, so what the image brings along is in dockerflag as well")
        found = image.get("Config") or {}
        return found if isinstance(found, Mapping) else {}

    def _reference(self, name: str, facts: Mapping[str, Any], image: Mapping[str, Any]) -> str:
        """The image as a create request names it."""
        reference = str((facts.get("Config") or {}).get("Image", ""))
        tags = [*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())]
        if _LONG_ID.fullmatch(reference) and tags:
            return str(tags[0])
        if image and reference and not _LONG_ID.fullmatch(reference) and _tagged(reference) not in tags:
            self.note(name, f'the image "{reference}" is another one now than the container was made of')
        return reference

    def _free(self, name: str, values: Mapping[str, str], chosen: tuple[str, ...]) -> Mapping[str, str]:
        """The values without addresses that the daemon chose and another node has."""
        kept: dict[str, str] = {}
        for attribute, value in values.items():
            other = self.taken.setdefault(value, name) if attribute in ("ip", "mac") else name
            if other != name and attribute in chosen:
                self.note(name, f'its {attribute} {value} is the daemon\'s choice, and node "{other}" has it: left out')
                continue
            kept[attribute] = value
        if found := [attribute for attribute in chosen if attribute in kept]:
            self.note(name, f"{' and '.join(found)} are the daemon's choice of now, and written down as wanted")
        return kept

    def _named_mode(self, flags: Mapping[str, Any]) -> Mapping[str, Any]:
        """Another container's network, by that container's name instead of its id."""
        mode = str((flags.get("HostConfig") or {}).get("NetworkMode", ""))
        kind, colon, of = mode.partition(":")
        if kind != "container" or not colon:
            return flags
        names = [_name(facts) for facts in self.told.containers if str(facts.get("Id", "")).startswith(of)]
        return {"HostConfig": {"NetworkMode": f"container:{names[0] if names else of}"}}


def command_of(facts: Mapping[str, Any], image: Mapping[str, Any]) -> str:
    """The command as `provmethod` has it: empty where it is the image's own; words as a shell would read them, else a JSON list."""
    config = facts.get("Config") or {}
    words, theirs = config.get("Cmd") or [], image.get("Cmd") or []
    same_start = (config.get("Entrypoint") or None) == (image.get("Entrypoint") or None)
    if not words or (words == theirs and same_start):
        return ""
    return command_text(words)


def limits_of(host: Mapping[str, Any]) -> dict[str, str]:
    """`dockercpus` and `dockermemory`."""
    found: dict[str, str] = {}
    if cpus := host.get("NanoCpus"):
        found["dockercpus"] = f"{(Decimal(cpus) / 10**9).normalize():f}"
    elif chosen := host.get("CpusetCpus"):
        found["dockercpus"] = f"cpuset:{chosen}"
    if memory := host.get("Memory"):
        found["dockermemory"] = next(f"{memory // size}{unit}" for size, unit in _UNITS if memory % size == 0)
    return found


def _limit_flags(host: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """CPUs chosen one by one beside an amount of them: there is one attribute for both."""
    if not (host.get("NanoCpus") and host.get("CpusetCpus")):
        return {}
    return {"HostConfig": {**flags.get("HostConfig", {}), "CpusetCpus": host["CpusetCpus"]}}


def _merged(flags: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in more.items():
        flags[name] = {**flags.get(name, {}), **value}
    return flags


def _passing(facts: Mapping[str, Any], flags: Mapping[str, Any]) -> Iterator[str]:
    """What somebody who creates the container again should know."""
    for mount in facts.get("Mounts") or ():
        if mount.get("Type") == "volume" and _ANONYMOUS.fullmatch(str(mount.get("Name", ""))):
            yield f'its data in "{mount.get("Destination")}" is in a volume without a name: a new container gets an empty one'
    if said := secrets_told(flags.get("Env") or ()):
        yield said


def _tagged(reference: str) -> str:
    """The reference with its tag, as images list it."""
    if "@" in reference or ":" in reference.rpartition("/")[2]:
        return reference
    return f"{reference}:latest"
