"""A container's identity: labels with what it was made from, and what differs between that and what is wanted.

One label holds the fingerprint, a second one the parameters, so that a plan can name old and new without asking the daemon more. Values of
environment variables are kept and shown as digests only. Labels cannot be changed: of what can be changed in place they tell how it began.
"""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from xcatflow.model.image import canonical
from xcatflow.steps.containers.forms import check_capabilities, check_signal, check_volumes
from xcatflow.steps.containers.limits import LIMITS
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.containers.ports import check_hosts, check_ports

NODE = "xcatflow.node"
MADE_FROM = "xcatflow.made-from"
PARAMS = "xcatflow.params"

_NOT_IDENTITY = {
    "name", "state", "adopt", "stop_timeout", "mac", "image", "health", "inspect", "ip", "address", "address6",
    "fresh_volumes",
}  # fmt: skip
_YIELDING = ("cpus", "memory", "restart", "address")
_LISTS: Mapping[str, Callable[[tuple[str, ...]], tuple[str, ...]]] = {
    "cap_add": check_capabilities,
    "cap_drop": check_capabilities,
    "ports": check_ports,
    "extra_hosts": check_hosts,
    "volumes": check_volumes,
}
"""Parameters that were once recorded as they were given."""
_DIGEST = 16
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Difference:
    """One parameter that differs, by its dotted name; None where there is nothing."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Compared:
    """What differs in what a container was made from: `firm` differences need another container; `yielding` says that there are others,
    in what can be changed in place, so that only the daemon knows how that is now."""

    firm: tuple[Difference, ...] = ()
    yielding: bool = False


def identity_labels(want: ContainerParams) -> dict[str, str]:
    """The labels by which the container is known again."""
    text = _text(record(want))
    return {NODE: want.name, MADE_FROM: _fingerprint(text), PARAMS: text}


def is_ours(name: str, labels: Mapping[str, str]) -> bool:
    """Was the container made here, under this name? An image made of one of our containers hands the labels on, with another name."""
    return labels.get(NODE) == name and MADE_FROM in labels


def record(want: ContainerParams) -> dict[str, Any]:
    """What matters to the container, with defaults left out: a parameter added later changes nobody's record. Equal wishes give equal
    records, however they are spelt."""
    kept = want.model_dump(mode="json", exclude_defaults=True, exclude=_NOT_IDENTITY)
    named = {
        "image": canonical(want.image) if want.image is not None else None,
        "mac": want.own_mac,
        "address": want.fixed_address,
        "address6": want.fixed_address6,
    }
    kept |= {name: value for name, value in named.items() if value is not None}
    if "env" in kept:
        kept["env"] = {name: _digest(value) for name, value in want.env.items()}
    if isinstance(flags := kept.get("dockerflag"), dict) and "Env" in flags:
        kept["dockerflag"] = {**flags, "Env": _digests(flags["Env"])}
    return kept


def compared(labels: Mapping[str, str], want: ContainerParams) -> Compared:
    """A container of ours and what is wanted, by the labels alone."""
    wanted = identity_labels(want)
    if labels.get(MADE_FROM) == wanted[MADE_FROM]:
        return Compared()
    made_from = recorded(labels)
    if made_from is None:
        return Compared((Difference("parameters", None, None),))
    now = record(want)
    differing = _differing(made_from, now)
    if not differing:  # made when another spelling was kept, if the labels fit each other
        fits = labels.get(MADE_FROM) == _fingerprint(labels[PARAMS])
        return Compared() if fits else Compared((Difference("parameters", None, None),))
    old, new = (dict(_leaves("", _firm(each))) for each in (made_from, now))
    firm = _differing(_firm(made_from), _firm(now))
    found = (Difference(it, _shown(it, old.get(it), "old"), _shown(it, new.get(it), "new")) for it in sorted(firm))
    return Compared(tuple(found), yielding=bool(differing - firm))


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    old, new = (dict(_leaves("", each)) for each in (one, other))
    return {name for name in {*old, *new} if old.get(name) != new.get(name)}


def recorded(labels: Mapping[str, str]) -> dict[str, Any] | None:
    """What the container was made from, spelt as it is now; None where the label does not tell."""
    try:
        made_from = json.loads(labels.get(PARAMS, ""))
    except ValueError:
        return None
    return {name: _respelt(name, value) for name, value in made_from.items()} if isinstance(made_from, dict) else None


def _respelt(name: str, value: Any) -> Any:
    """A recorded value as its parameter is spelt now; what is no such value stays."""
    try:
        match value:
            case [*items] if name in _LISTS and all(isinstance(item, str) for item in items):
                return list(_LISTS[name](tuple(items)))
            case str() if name == "stop_signal":
                return check_signal(value)
    except ValueError:
        pass
    return value


def _fingerprint(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _firm(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A record without what can be changed in place."""
    firm = {name: value for name, value in kept.items() if name not in _YIELDING}
    if isinstance(networks := firm.get("network"), list):
        firm["network"] = networks[:1]
    if isinstance(flags := firm.pop("dockerflag", None), dict):
        host = flags.get("HostConfig")
        if isinstance(host, dict):
            rest = {name: value for name, value in host.items() if name not in LIMITS}
            flags = {**flags, "HostConfig": rest} if rest else {k: v for k, v in flags.items() if k != "HostConfig"}
        if flags:
            firm["dockerflag"] = flags
    return firm


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every value that is no object, with the dotted path to it."""
    if name and not isinstance(value, dict):
        yield name, value
        return
    if name and not value:
        yield name, value
    for key, below in value.items():
        yield from _leaves(f"{name}.{key}" if name else key, below)


def _shown(name: str, value: Any, age: str) -> str | None:
    if value is None:
        return "the daemon's default" if name == "network" else None
    if name.startswith(("env.", "dockerflag.Env")):
        return f"({age} value)"
    match value:
        case str():
            text = value
        case [*words] if name in ("command", "entrypoint", "healthcheck.test"):
            text = shlex.join(str(word) for word in words)
        case [*items] if all(isinstance(item, str) for item in items):
            text = ", ".join(items)
        case _:
            text = _text(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _digests(entries: Any) -> Any:
    """The environment of a flag, a list of `NAME=value`, as a mapping to digests."""
    if not isinstance(entries, list):
        return _digest(_text(entries))
    pairs = (str(entry).partition("=") for entry in entries)
    return {name: _digest(value) for name, _, value in pairs}


def _digest(value: str) -> str:
    return sha256(value.encode()).hexdigest()[:_DIGEST]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
