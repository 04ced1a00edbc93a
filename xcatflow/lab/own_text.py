"""The lab's definitions in a file that others write to as well: what the lab needs is put in, everything else stays as it is.

An object is a line `NAME:` that begins at the margin, and the lines below it.
"""

import re
from collections.abc import Iterator

_HEAD = re.compile(r"^(\S.*):[ \t]*$")
_VALUE = re.compile(r"^\s+(\w+)=(.*)$")
_DECIDED = ("ip", "dockerhost", "net", "mask", "gateway")
"""What the lab alone knows; all other values of its objects are the user's."""


def with_objects(old: str, wanted: str) -> str:
    """The text with every object of `wanted` in it; of those that are there only what the lab decides is put right."""
    if not old:
        return wanted
    there = dict(objects(old))
    text = old if old.endswith("\n") else f"{old}\n"
    for name, block in objects(wanted):
        if name not in there:
            text += f"\n{block.strip()}\n"
        elif (right := _put_right(there[name], block)) != there[name]:
            text = text.replace(there[name], right)
    return text


def without_objects(text: str, gone: re.Pattern[str]) -> str:
    """The objects of the text that are not called so, as a text of their own; empty where there are none."""
    return "\n".join(f"{block.strip()}\n" for name, block in objects(text) if not gone.fullmatch(name))


def objects(text: str) -> Iterator[tuple[str, str]]:
    """Each object's name and lines."""
    name, lines = "", list[str]()
    for line in text.splitlines(keepends=True):
        if found := _HEAD.match(line):
            if name:
                yield name, "".join(lines)
            name, lines = found[1], []
        if name:
            lines.append(line)
    if name:
        yield name, "".join(lines)


def _put_right(block: str, wanted: str) -> str:
    values = {found[1]: found[2] for line in wanted.splitlines() if (found := _VALUE.match(line))}
    lines = []
    for line in block.splitlines(keepends=True):
        found = _VALUE.match(line)
        if found and found[1] in _DECIDED and values.get(found[1], found[2]) != found[2]:
            line = line.replace(f"{found[1]}={found[2]}", f"{found[1]}={values[found[1]]}")
        lines.append(line)
    return "".join(lines)
