"""Random inventories, written as people write them, and edits of them. `EXAMPLES=5000 pytest ...` tries more than the usual few."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from xcatflow.model.edit import Edit, Remove, Rename, Write

EXAMPLES = int(os.environ.get("EXAMPLES", "60"))

NODES = tuple(f"n{number}" for number in range(8))
GROUPS = ("all", "rack1", "web", "db")
OTHERS = (("network", "lan1"), ("network", "fd59::/64"), ("route", "r1"), ("site", "clustersite"), ("policy", "1"))
_NETS = {"lan1": ("10.1.0.0", "255.255.0.0"), "fd59::/64": ("fd59::", "/64")}

TEXTS = (
    "x",
    "plain words",
    "10:30",
    "a: b",
    "a #b",
    "#c",
    "true",
    "007",
    "null",
    "~",
    "- x",
    "ends:",
    '"',
    '"q"',
    "'s'",
    '12" disk',
    " lead",
    "trail\t",
    "a=b",
    "{x",
    "[1, 2]",
    "*star",
    "&and",
    "!bang",
    "%a",
    "@at",
    "`b",
    "|h(\\d+)|10.0.0.($1+0)|",
    "/^/x-/",
    '{"Tty":true,"Env":["A=1"]}',
    "grün☃😀",
    "a\\b",
    "x, y",
    "?",
    "---",
    "a\u0085b",
    "\u00a0",
)
texts = st.sampled_from(TEXTS) | st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t"), min_size=1, max_size=12
)
words = st.sampled_from(("a", "b", "a,b", "b,a,c", "x,y", "c d", "10.0.0.1"))
nic_values = st.sampled_from(("10.0.0.1", "a|b", "|10.0.0.($1+0)|", "c", "d e", "fd59::7"))
adapters = st.sampled_from(("eth0", "eth1", "ib0", "eth0:1"))
groups = st.lists(st.sampled_from(GROUPS), max_size=3, unique=True).map(",".join)

NODE_ALIASES = {
    "ip": "hosts.ip",
    "hostnames": "hosts.hostnames",
    "usercomment": "nodelist.comments",
    "groups": "tags",
    "vmhost": "vm.host",
}


@st.composite
def values_of(draw: st.DrawFn, objtype: str, name: str) -> dict[str, str]:
    """Values that an object of this type may have."""
    found: dict[str, str] = {}

    def maybe(attribute: str, strategy: st.SearchStrategy[str]) -> None:
        if draw(st.booleans()):
            found[attribute] = draw(strategy)

    match objtype:
        case "node":
            maybe("groups", groups)
            maybe("ip", st.just(f"10.9.0.{name[1:]}"))
            maybe("usercomment", texts)
            maybe("hostnames", words)
            maybe("mgt", st.sampled_from(("ipmi", "kvm")))
            maybe("vmhost", st.sampled_from(("h1", "h2")))
            maybe("postscripts", words)
            for head in ("nicips", "nictypes"):
                if draw(st.integers(0, 3)) == 0:
                    entries = draw(st.dictionaries(adapters, nic_values, max_size=3))
                    found[head] = ",".join(f"{nic}!{value}" for nic, value in entries.items())
        case "group":
            maybe("usercomment", texts)
            maybe("mgt", st.sampled_from(("ipmi", "kvm")))
            maybe("nicips", st.sampled_from(("eth0!|10.0.0.($1+0)|", "eth0!a,eth1!b")))
        case "network":
            found["net"], found["mask"] = _NETS[name]
            maybe("usercomment", texts)
            maybe("nameservers", words)
        case "route":
            maybe("ifname", words)
            maybe("usercomment", texts)
        case _:
            for attribute in draw(
                st.lists(st.sampled_from(("domain", "master", "Extra-1", "x.y")), max_size=3, unique=True)
            ):
                found[attribute] = draw(texts)
    return {attribute: value for attribute, value in found.items() if value}


# --- edits ---


ALL = (*(("node", name) for name in NODES), *(("group", name) for name in GROUPS), *OTHERS)


@st.composite
def _writes(draw: st.DrawFn, key: tuple[str, str], *, there: bool) -> Write:
    """Values for an object, some of them taken away."""
    values = draw(values_of(*key))
    if key[0] == "node":
        attributes = st.sampled_from(("groups", "ip", "mgt", "usercomment", "nicips", "vmhost"))
        for attribute in draw(st.lists(attributes, max_size=2)):
            values.setdefault(attribute, "")
        if draw(st.booleans()):
            values[f"nicips.{draw(adapters)}"] = draw(st.just("") | nic_values)
    return Write(*key, values, replace=draw(st.integers(0, 4)) == 0 if there else draw(st.booleans()))


@st.composite
def edits_of(draw: st.DrawFn, present: Sequence[tuple[str, str]]) -> list[Edit]:
    """Edits that can be carried out one after the other, beginning with these objects."""
    there = dict.fromkeys(present)
    found: list[Edit] = []
    for _ in range(draw(st.integers(1, 5))):
        nodes = [key for key in there if key[0] in ("node", "group", "policy", "route")]
        kind = draw(st.integers(0, 9))
        if kind == 0 and nodes:
            key = draw(st.sampled_from(nodes))
            found.append(Remove(*key))
            del there[key]
        elif kind == 1 and nodes:
            objtype, name = draw(st.sampled_from(nodes))
            choices = {"node": NODES, "group": GROUPS, "policy": ("1", "2"), "route": ("r1", "r2")}[objtype]
            free = [one for one in choices if (objtype, one) not in there]
            if free:
                to = draw(st.sampled_from(free))
                found.append(Rename(objtype, name, to))
                del there[objtype, name]
                there[objtype, to] = None
        else:
            key = draw(st.sampled_from(list(there)) if there and draw(st.integers(0, 3)) else st.sampled_from(ALL))
            found.append(draw(_writes(key, there=key in there)))
            there[key] = None
    return found


# --- stanza files ---


@dataclass(frozen=True)
class Style:
    """How a file is written."""

    indent: str
    equals: str
    end: str
    mark: str
    final: bool
    between: tuple[str, ...]


styles = st.builds(
    Style,
    indent=st.sampled_from(("    ", "  ", "\t", "")),
    equals=st.sampled_from(("=", " = ", "= ")),
    end=st.sampled_from(("\n", "\n", "\r\n")),
    mark=st.sampled_from(("", "", "\ufeff")),
    final=st.booleans(),
    between=st.sampled_from(((), ("",), ("", ""))),
)


def _quoted(value: str) -> str:
    return f'"{value}"' if value and (value[0] in '" \t' or value[-1] in '": \t') else value


@st.composite
def stanza_files(draw: st.DrawFn, objects: Sequence[tuple[str, str, dict[str, str]]], members: dict[str, str]) -> str:
    """The text of a stanza file with these objects, some of their values in other words."""
    style: Style = draw(styles)
    lines = list(draw(st.sampled_from(((), ("# <xCAT data object stanza file>",), ("# ours", "# <xCAT data>", "")))))
    for objtype, name, values in objects:
        lines += style.between
        if draw(st.integers(0, 5)) == 0:
            lines += [
                f"default-{objtype}:",
                f"{style.indent}{draw(st.sampled_from(('usercomment=dflt', 'usercomment=')))}",
            ]
            if objtype == "node":
                extra = draw(
                    st.sampled_from(
                        ("nicips.eth1=def", "nicips=eth0!d", "hosts.ip=", "vm.host=h3", "groups=web", "mgt=kvm")
                    )
                )
                lines += [f"{style.indent}{extra}"]
            lines += style.between
        lines += draw(st.sampled_from(((), (), ("# about it",), ("", "# section", ""), ("    # deeper",))))
        lines.append(draw(st.sampled_from((f"{name}:", f"  {name} :"))) if style.indent else f"{name}:")
        body = draw(_attribute_lines(objtype, values, style))
        typed = f"{style.indent}objtype{style.equals}{objtype}"
        body.insert(draw(st.sampled_from((0, 0, 0, len(body)))), typed)
        if objtype == "group" and name in members:
            body.append(f"{style.indent}members={members[name]}")
        lines += body
    if draw(st.booleans()):
        lines += ["# the end"]
    text = style.end.join(lines)
    return style.mark + text + (style.end if style.final and text else "")


@st.composite
def _attribute_lines(draw: st.DrawFn, objtype: str, values: dict[str, str], style: Style) -> list[str]:
    found: list[str] = []
    items = list(values.items())
    if draw(st.booleans()):
        items.sort()
    for attribute, value in items:
        written = attribute
        if objtype == "node" and attribute in NODE_ALIASES and draw(st.integers(0, 3)) == 0:
            written = NODE_ALIASES[attribute]
        if draw(st.integers(0, 7)) == 0:
            found.append(f"{style.indent}{attribute}=old")
        if attribute in ("nicips", "nictypes") and draw(st.booleans()):
            for entry in value.split(","):
                nic, _, one = entry.partition("!")
                found.append(f"{style.indent}{attribute}.{nic}{style.equals}{one}")
        else:
            text = _quoted(value)
            if text == value and draw(st.integers(0, 5)) == 0:
                text = f'"{value}"'
            found.append(f"{style.indent}{written}{style.equals}{text}{draw(st.sampled_from(('', '', '  ')))}")
        if draw(st.integers(0, 7)) == 0:
            found.append(draw(st.sampled_from((f"{style.indent}# note", "# flat", "", "   "))))
    # The last line of a value that is given twice counts: an old one comes first.
    return found
