"""Docker's `daemon.json` and systemd's unit for `dockerd`, as far as they have to fit each other. Pure.

Whoever starts dockerd with `-H` may name no `hosts` in `daemon.json`: it refuses to run with both. So the unit's command is taken as it
stands, without `-H`, into a drop-in.

Source: dockerd(8) on daemon.json, on directives given twice and on configuration reload behaviour; the engine's daemon/reload.go and
reload_unix.go (18.09 to 27): what is read again, and that a key which is gone keeps its value, but for a few; systemd.unit(5) on drop-ins
and line continuation; systemd.service(5).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xcatflow.errors import ActFailed, CannotTell

CONFIG = "/etc/docker/daemon.json"
DROP_IN = "/etc/systemd/system/docker.service.d/10-xcatflow.conf"

_GOES = frozenset({"max-concurrent-downloads", "max-concurrent-uploads", "features"})
_RELOADED = _GOES | {
    "debug",
    "default-runtime",
    "default-shm-size",
    "insecure-registries",
    "labels",
    "live-restore",
    "max-download-attempts",
    "registry-mirrors",
    "runtimes",
    "shutdown-timeout",
}
_LISTENS = re.compile(r"""\s(?:-H(?:=|\s+)?|--host(?:=|\s+))(?:"[^"]*"|'[^']*'|\S+)""")
_DROP_IN_TEXT = """\
# Written by xcatflow. {config} says where dockerd listens, which it refuses to be told twice: this is
# the unit's own command without -H.
[Service]
ExecStart=
ExecStart={command}
"""


def parse_config(content: bytes) -> dict[str, Any]:
    """What is in `daemon.json`; an empty file is an empty object. Raises ActFailed with the place for what is no JSON object."""
    text = content.decode("utf-8-sig", "replace")
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ActFailed(
            f'"{CONFIG}" line {error.lineno}, column {error.colno}: {error.msg}; expected a JSON object: '
            "repair the file or move it away, it is not overwritten"
        ) from None
    if not isinstance(found, dict):
        raise ActFailed(
            f'"{CONFIG}" line 1: expected a JSON object, found {json.dumps(found)[:40]}: '
            "repair the file or move it away, it is not overwritten"
        )
    return found


def merged(has: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """`has` with `wanted` in it: objects are merged at all depths, anything else is replaced, and None takes a key out."""
    result = dict(has)
    for key, value in wanted.items():
        match result.get(key), value:
            case _, None:
                result.pop(key, None)
            case Mapping() as old, Mapping():
                result[key] = merged(old, value)
            case _, Mapping():
                result[key] = merged({}, value)
            case _:
                result[key] = value
    return result


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys that differ: those that an engine reads only when it starts, and those that it reads again when it is told to."""
    differing = sorted(key for key in {*old, *new} if old.get(key) != new.get(key) or (key in old) != (key in new))
    again = tuple(key for key in differing if key in (_RELOADED if key in new else _GOES))
    return tuple(key for key in differing if key not in again), again


def config_text(config: Mapping[str, Any]) -> bytes:
    """A `daemon.json` with one key per line."""
    return f"{json.dumps(config, indent=2, ensure_ascii=False)}\n".encode()


def restoring(content: bytes) -> bytes:
    """The `daemon.json` with live restore switched on, and nothing else new."""
    return config_text(merged(parse_config(content), {"live-restore": True}))


def command(units: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """(file, command) of the ExecStart that holds, from a unit's files in the order in which systemd reads them: path and text of each.

    Raises CannotTell where there is none.
    """
    found: list[tuple[str, str]] = []
    for path, text in units:
        for value in _exec_starts(text):
            found = [*found, (path, value)] if value else []
    if not found:
        raise CannotTell("cannot tell how dockerd is started: docker.service has no ExecStart")
    return found[-1]


def without_hosts(command: str) -> str:
    """The command without its `-H`."""
    return _LISTENS.sub("", command)


def drop_in(units: Iterable[tuple[str, str]]) -> bytes | None:
    """The drop-in that a unit with these files (ours left out) needs, None where it needs none. Raises CannotTell, and ActFailed where
    another drop-in would undo ours."""
    path, value = command(units)
    fitting = without_hosts(value)
    if fitting == value:
        return None
    if path.endswith(".conf") and path.rpartition("/")[2] > DROP_IN.rpartition("/")[2]:
        raise ActFailed(
            f'"{path}" starts dockerd with -H, which does not go with "hosts" in "{CONFIG}": take ExecStart out of that file'
        )
    return _DROP_IN_TEXT.format(config=CONFIG, command=fitting).encode()


def flags(command: str) -> tuple[str, ...]:
    """The program and flags of a command, without what systemd fills in and without `-H`."""
    words = without_hosts(command).lstrip("@-:+!| ").split()
    return tuple(word for word in words if "$" not in word)


def _exec_starts(text: str) -> Iterator[str]:
    """The values of ExecStart in a unit's file, in order; empty ones reset it."""
    section = ""
    joined = re.sub(r"[ \t]*\\\n(?:[ \t]*[#;].*\n)*[ \t]*", " ", text)
    for line in map(str.strip, joined.splitlines()):
        if line.startswith("["):
            section = line
        elif section == "[Service]" and (found := re.fullmatch(r"ExecStart\s*=\s*(.*)", line)):
            yield found[1]
