"""A container's identity: labels with what it was made from, and what differs between that and what is wanted.

One label holds the fingerprint, a second one the parameters, so that a plan can name old and new without asking the daemon more. Values of
environment variables are kept and shown as digests only.
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from xcatflow.steps.container_params import ContainerParams
from xcatflow.steps.reference import canonical

NODE = "xcatflow.node"
MADE_FROM = "xcatflow.made-from"
PARAMS = "xcatflow.params"

_NOT_IDENTITY = {"name", "state", "adopt", "stop_timeout", "mac", "image"}
_DIGEST = 16
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Difference:
    """One parameter that differs, by its dotted name; None where there is nothing."""

    field: str
    before: str | None
    after: str | None


def identity_labels(want: ContainerParams) -> dict[str, str]:
    """The labels by which the container is known again."""
    text = _text(record(want))
    return {NODE: want.name, MADE_FROM: sha256(text.encode()).hexdigest(), PARAMS: text}


def is_ours(name: str, labels: Mapping[str, str]) -> bool:
    """Was the container made here, under this name? An image made of one of our containers hands the labels on, with another name."""
    return labels.get(NODE) == name and MADE_FROM in labels


def record(want: ContainerParams) -> dict[str, Any]:
    """What matters to the container, with defaults left out: a parameter added later changes nobody's record. Equal wishes give equal
    records, however they are spelt."""
    kept = want.model_dump(mode="json", exclude_defaults=True, exclude=_NOT_IDENTITY)
    if want.image is not None:
        kept["image"] = canonical(want.image)
    if want.own_mac is not None:
        kept["mac"] = want.own_mac
    if "env" in kept:
        kept["env"] = {name: _digest(value) for name, value in want.env.items()}
    if isinstance(flags := kept.get("dockerflag"), dict) and "Env" in flags:
        kept["dockerflag"] = {**flags, "Env": _digests(flags["Env"])}
    return kept


def differences(labels: Mapping[str, str], want: ContainerParams) -> tuple[Difference, ...]:
    """What differs between a container of ours and what is wanted; empty when nothing does."""
    wanted = identity_labels(want)
    if labels.get(MADE_FROM) == wanted[MADE_FROM]:
        return ()
    try:
        made_from = json.loads(labels.get(PARAMS, ""))
        old = dict(_leaves("", made_from))
    except (ValueError, TypeError, AttributeError):
        return (Difference("parameters", None, None),)
    new = dict(_leaves("", record(want)))
    found = tuple(
        Difference(name, _shown(name, old.get(name), "old"), _shown(name, new.get(name), "new"))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )
    return found or (Difference("parameters", None, None),)


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
        return None
    if name.startswith(("env.", "dockerflag.Env")):
        return f"({age} value)"
    match value:
        case str():
            text = value
        case [*words] if name == "command":
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
