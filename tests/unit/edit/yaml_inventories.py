"""Random inventories in YAML, written as people write them."""

import json
from collections.abc import Sequence

from hypothesis import strategies as st

from tests.unit.edit.inventories import NODE_ALIASES

_SECTIONS = {"node": "nodes", "group": "groups", "network": "networks", "route": "routes", "policy": "policies"}
_ESCAPES = str.maketrans({"\u0085": "\\x85", "\u2028": "\\u2028", "\u2029": "\\u2029", "\ufeff": "\\ufeff"})


@st.composite
def yaml_files(draw: st.DrawFn, objects: Sequence[tuple[str, str, dict[str, str]]], members: dict[str, str]) -> str:
    """The text of a YAML file with these objects."""
    end = draw(st.sampled_from(("\n", "\n", "\r\n")))
    lines = list(draw(st.sampled_from(((), ("# ours", ""), ("---",), ("# ours",)))))
    by_type: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for objtype, name, values in objects:
        more = {"members": members[name]} if objtype == "group" and name in members else {}
        by_type.setdefault(objtype, []).append((name, values | more))
    gap = draw(st.sampled_from(((), ("",))))
    anchors: list[tuple[str, str]] = []
    for objtype, found in by_type.items():
        if objtype == "site":
            lines += ["site:"] if draw(st.booleans()) else ["site:", "  clustersite:"]
            lines += _block(draw, objtype, found[0][1], "    ", anchors)
            continue
        if draw(st.integers(0, 5)) == 0:
            pairs = ", ".join(f"{_text(draw, name, flow=True)}: {_flow(draw, objtype, one)}" for name, one in found)
            lines.append(f"{_SECTIONS[objtype]}: {{{pairs}}}")
            continue
        lines.append(f"{_SECTIONS[objtype]}:{draw(st.sampled_from(('', '  # all of them')))}")
        for name, values in found:
            lines += gap
            lines += draw(st.sampled_from(((), (), ("  # about it",), ("# flat",), ("", "  # apart", ""))))
            lines += _object(draw, objtype, name, values, anchors)
    if draw(st.booleans()):
        lines.append("# the end")
    text = end.join(lines)
    return text + (end if draw(st.booleans()) and text else "")


def _object(
    draw: st.DrawFn, objtype: str, name: str, values: dict[str, str], anchors: list[tuple[str, str]]
) -> list[str]:
    lines: list[str] = []
    key = _text(draw, name, flow=False)
    match draw(st.integers(0, 4)):
        case 0 | 1:
            lines.append(f"  {key}: {_flow(draw, objtype, values)}{draw(st.sampled_from(('', '  # tail')))}")
        case 2 if values:
            lines.append(f"  {key}:")
            lines.append("    {")
            for attribute in values:
                lines.append(
                    f"      {attribute}: {_value(draw, objtype, attribute, values[attribute], flow=True)},  # c"
                )
            lines.append("    }")
        case _:
            lines.append(f"  {key}:{draw(st.sampled_from(('', ' # head')))}")
            lines += _block(draw, objtype, values, "    ", anchors)
    return lines


def _block(
    draw: st.DrawFn, objtype: str, values: dict[str, str], indent: str, anchors: list[tuple[str, str]]
) -> list[str]:
    lines: list[str] = []
    for attribute, value in values.items():
        key = (
            NODE_ALIASES[attribute]
            if objtype == "node" and attribute in NODE_ALIASES and draw(st.integers(0, 5)) == 0
            else attribute
        )
        entries = value.split(",")
        if (
            attribute in ("groups", "hostnames", "postscripts", "nameservers", "members")
            and draw(st.integers(0, 3)) == 0
        ):
            lines.append(f"{indent}{key}:")
            deeper = draw(st.sampled_from((indent, indent + "  ")))
            lines += [
                f"{deeper}- {_text(draw, entry, flow=False)}{draw(st.sampled_from(('', '  # e')))}" for entry in entries
            ]
        elif attribute in ("nicips", "nictypes") and draw(st.booleans()):
            lines.append(f"{indent}{key}:")
            for entry in entries:
                nic, _, one = entry.partition("!")
                lines.append(f"{indent}  {_text(draw, nic, flow=False)}: {_nic(draw, one, flow=False)}")
        else:
            known = [name for name, held in anchors if held == value]
            if known and draw(st.booleans()):
                lines.append(f"{indent}{key}: *{known[-1]}")
            else:
                anchor = ""
                if draw(st.integers(0, 5)) == 0:
                    name = f"a{len(anchors)}"
                    anchors.append((name, value))
                    anchor = f"&{name} "
                lines.append(f"{indent}{key}: {anchor}{_value(draw, objtype, attribute, value, flow=False)}")
        if draw(st.integers(0, 7)) == 0:
            lines.append(draw(st.sampled_from((f"{indent}# note", "", "# flat"))))
    return lines


def _flow(draw: st.DrawFn, objtype: str, values: dict[str, str]) -> str:
    return (
        "{" + ", ".join(f"{name}: {_value(draw, objtype, name, one, flow=True)}" for name, one in values.items()) + "}"
    )


def _value(draw: st.DrawFn, objtype: str, attribute: str, value: str, *, flow: bool) -> str:
    if attribute in ("groups", "hostnames", "postscripts", "nameservers", "members") and draw(st.booleans()):
        return "[" + ", ".join(_text(draw, entry, flow=True) for entry in value.split(",")) + "]"
    if attribute in ("nicips", "nictypes") and draw(st.booleans()):
        pairs = (entry.partition("!") for entry in value.split(","))
        return (
            "{"
            + ", ".join(f"{_text(draw, nic, flow=True)}: {_nic(draw, one, flow=True)}" for nic, _, one in pairs)
            + "}"
        )
    return _text(draw, value, flow=flow)


def _nic(draw: st.DrawFn, value: str, *, flow: bool) -> str:
    parts = value.split("|")
    if len(parts) > 1 and all(parts) and draw(st.booleans()):
        return "[" + ", ".join(_text(draw, part, flow=True) for part in parts) + "]"
    return _text(draw, value, flow=flow)


def _text(draw: st.DrawFn, text: str, *, flow: bool) -> str:
    choice = draw(st.integers(0, 2))
    if choice == 0 and text.replace("_", "").isalnum() and text.isascii():
        return text
    if choice == 1 and text.isprintable() and "\u00a0" not in text:
        return "'" + text.replace("'", "''") + "'"
    del flow
    return json.dumps(text, ensure_ascii=False).translate(_ESCAPES)
