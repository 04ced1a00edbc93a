"""Events as rows of the journal's table, and back.

Most events of a run say that a step was fine on a node. So a row keeps only what differs from the event's defaults, and a target only
where it is not the node itself (null stands for that). Facts of machines are kept by `journal/facts.py`, and not again here.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any

from xcatflow.journal.facts import KIND
from xcatflow.model.change import Change
from xcatflow.model.event import Event, event_from_json

Row = tuple[float, str, str | None, str | None, str]
"""at, name, node, step, data; None for a node or step where the event has no such field."""

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
"""ASCII on purpose: what a machine said may hold bytes that are no text, which the database would refuse."""


def row_of(event: Event) -> Row:
    """The row of an event."""
    data: dict[str, Any] = {}
    node: str | None = None
    step: str | None = None
    cls: Any = type(event)
    for name, default in _layout(cls):
        value = getattr(event, name)
        if name == "node":
            node = text(value)
        elif name == "step":
            step = text(value)
        elif value != default and not (name == "outputs" and getattr(event, "kind", "") == KIND):
            data[name] = _plain(value)
    if node and data.get("target") == node:
        data["target"] = None
    return (event.at, event.name, node, step, _encode(data) if data else "")


def event_of(row: Row) -> Event:
    """The event of a row. Raises KeyError, TypeError or ValueError where it is none that this version knows."""
    at, name, node, step, data = row
    given: dict[str, Any] = json.loads(data) if data else {}
    if given.get("target", "") is None:
        given["target"] = node
    columns = {key: value for key, value in (("node", node), ("step", step)) if value is not None}
    return event_from_json({"event": name, "at": at, **columns, **given})


def text(value: str) -> str:
    """`value` with what cannot be stored as text (bytes of the command line that are no UTF-8) written as escapes."""
    return value if value.isascii() else value.encode(errors="backslashreplace").decode()


@cache
def _layout(cls: type) -> tuple[tuple[str, Any], ...]:
    """Names and defaults of the fields that are not columns of their own; an object nothing equals where there is no default."""
    return tuple((item.name, _default(item)) for item in fields(cls) if item.name != "at")


def _default(item: Any) -> Any:
    if item.default is not MISSING:
        return item.default
    return item.default_factory() if item.default_factory is not MISSING else MISSING


def _plain(value: Any) -> Any:
    match value:
        case str() | int() | float():  # nearly all of them, and telling a mapping from them is slow
            return value
        case Change():
            return {name: getattr(value, name) for name, default in _layout(Change) if getattr(value, name) != default}
        case tuple():
            return [_plain(item) for item in value]
        case Mapping():
            return dict(value)
        case _:
            return value
