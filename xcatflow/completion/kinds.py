"""Candidates by what is asked for: each kind of word that the table names."""

import os

from xcatflow.completion.inventory import Inventory
from xcatflow.completion.noderange import fitting, last_entry, last_item, range_ends
from xcatflow.completion.place import Place
from xcatflow.completion.table import Table

_OPERATORS = "=!~"
_FACTS = "facts."
_NODES_AND_GROUPS = ("node", "group")
_NODES = ("dockerhost", "xcatmaster", "servicenode", "nfsserver", "tftpserver", "nameservers", "conserver", "vmhost")


class Asked:
    """What stands at the cursor, and what is known."""

    def __init__(self, place: Place, inventory: Inventory, table: Table, site: str) -> None:
        self.place = place
        self.text = place.text
        self.inventory = inventory
        self.table = table
        self.site = site

    @property
    def objtypes(self) -> list[str]:
        """The types of objects that the line is about."""
        typed = self.place.given.get("-t") or self.place.given.get("--type") or "node"
        return [objtype for objtype in typed.split(",") if objtype]

    def attributes(self) -> set[str]:
        """The attributes that these objects may have."""
        return {name for objtype in self.objtypes for name in self.table.list(f"attributes.{objtype}")}


def candidates(asked: Asked) -> list[str]:
    """What may stand in place of the text asked about."""
    kind, _, argument = asked.place.kind.partition(":")
    match kind:
        case "noderange":
            return _noderange(asked, asked.text)
        case "objects":
            return _objects(asked)
        case "groups":
            return _listed(asked.inventory.names(["group"]), asked.text)
        case "types":
            return _listed(asked.table.list("types"), asked.text)
        case "attributes":
            return _listed(_attribute_names(asked, last_entry(asked.text)[1]), asked.text)
        case "attribute" | "where":
            return _condition(asked, bare=kind == "attribute")
        case "assignment":
            return _assignment(asked)
        case "explain":
            return _explained(asked)
        case "list":
            return _listed(asked.table.list(argument), asked.text)
        case "choice":
            return fitting(argument.split("|"), asked.text)
    return _of_files(asked, kind)


def _of_files(asked: Asked, kind: str) -> list[str]:
    workflows, chains = f"{asked.site}/workflows", f"{asked.site}/workflows/chains"
    match kind:
        case "workflow":
            return fitting(_stems(workflows), asked.text)
        case "chain":
            return fitting(_stems(chains), asked.text)
        case "runnable":
            return fitting(_stems(workflows) | _stems(chains), asked.text)
        case "input":
            return _inputs(asked, workflows)
        case "run":
            return fitting(_runs(asked.site) | {"last"}, asked.text)
        case "file" | "dir":
            return _paths(asked.text, directories=kind == "dir")
    return []


def _listed(names: "set[str] | list[str]", text: str) -> list[str]:
    """The last entry of a comma list."""
    head, typed = last_entry(text)
    return fitting(names, typed, head=head)


# --- nodes ---


def _noderange(asked: Asked, text: str, *, end: str = " ") -> list[str]:
    head, item = last_item(text)
    if item.startswith("^"):
        return [f"{head}^{path}" for path in _paths(item[1:], directories=False)]
    if item.startswith("/") or "[" in item:
        return []
    if any(letter in item for letter in _OPERATORS):
        return [f"{head}{each}" for each in _valued(asked, item, operators=True)]
    names = asked.inventory.names
    if found := fitting(names(_NODES_AND_GROUPS, item), item, head=head, end=end):
        return found
    for first, typed in range_ends(item):
        if first in names(_NODES_AND_GROUPS, first):
            before = item[: len(first) + 1]
            return fitting(names(_NODES_AND_GROUPS, typed), typed, head=f"{head}{before}", end=end)
    if item.startswith(_FACTS):
        return fitting([f"{_FACTS}{name}" for name in asked.table.list("facts")], item, head=head, end="==")
    return fitting(_attribute_names(asked, item), item, head=head, end="==") if item else []


def _objects(asked: Asked) -> list[str]:
    if asked.objtypes == ["node"]:
        # `mkdef NAME attr=value`: what holds a `=` is no name.
        return _noderange(asked, asked.text)
    return _listed(asked.inventory.names(asked.objtypes), asked.text)


def _explained(asked: Asked) -> list[str]:
    """NODERANGE, or NODERANGE.ATTRIBUTE."""
    head, dot, typed = asked.text.rpartition(".")
    if dot and (found := fitting(asked.table.list("attributes.node"), typed, head=f"{head}.")):
        return found
    return _noderange(asked, asked.text, end="")


# --- attributes ---


def _attribute_names(asked: Asked, typed: str) -> set[str]:
    names = asked.attributes()
    if "." in typed or not any(name.startswith(typed) for name in names):
        names |= set(asked.table.list("aliases"))
        head, _, _ = typed.partition(".")
        if head in asked.table.list("nics"):
            names |= {f"{head}.{adapter}" for adapter in ("eth0", "eth1", "bond0", "br0", "ib0")}
    return names


def _condition(asked: Asked, *, bare: bool) -> list[str]:
    """`attr==value`; where it may stand `bare`, the attribute alone."""
    if any(letter in asked.text for letter in _OPERATORS):
        return _valued(asked, asked.text, operators=True)
    return fitting(_attribute_names(asked, asked.text), asked.text, end=" " if bare else "==")


def _assignment(asked: Asked) -> list[str]:
    if "=" in asked.text:
        return _valued(asked, asked.text, operators=False)
    return fitting(_attribute_names(asked, asked.text), asked.text, end="=")


def _valued(asked: Asked, text: str, *, operators: bool) -> list[str]:
    """The value behind an attribute and its operator."""
    at = next((index for index, letter in enumerate(text) if letter in (_OPERATORS if operators else "=")), len(text))
    name = text[:at].rstrip(",^!")
    while at < len(text) and text[at] in (_OPERATORS if operators else "=~@"):
        at += 1
    head, value = text[:at], text[at:]
    is_list = name in asked.table.list("lists") and not operators
    if name == "members":
        return [f"{head}{each}" for each in _noderange(asked, value)]
    before, typed = last_entry(value) if is_list else ("", value)
    return fitting(_known_values(asked, name, items=is_list or name == "groups"), typed, head=f"{head}{before}")


def _known_values(asked: Asked, name: str, *, items: bool) -> set[str]:
    """What the attribute has anywhere, and what it may refer to."""
    found = asked.inventory.values(name, items=items) | set(asked.table.list(f"values.{name}"))
    if name == "groups":
        found |= asked.inventory.names(["group"])
    elif name in _NODES:
        found |= asked.inventory.names(["node"])
    elif name == "provmethod":
        found |= asked.inventory.names(["osimage"])
    return found


# --- files ---


def _stems(directory: str) -> set[str]:
    try:
        return {name[:-5] for name in os.listdir(directory) if name.endswith(".yaml")}  # noqa: PTH208
    except OSError:
        return set()


def _paths(typed: str, *, directories: bool) -> list[str]:
    above, slash, begin = typed.rpartition("/")
    head = above + slash
    try:
        entries = sorted(os.scandir(os.path.expanduser(head) or "."), key=lambda entry: entry.name)  # noqa: PTH111
    except OSError:
        return []
    return [
        f"{head}{entry.name}{'/' if entry.is_dir() else ' '}"
        for entry in entries
        if entry.name.startswith(begin)
        and (begin or not entry.name.startswith("."))
        and (entry.is_dir() or not directories)
    ]


def _inputs(asked: Asked, workflows: str) -> list[str]:
    """NAME= of the inputs that a workflow declares."""
    if "=" in asked.text or not asked.place.operands:
        return []
    try:
        with open(f"{workflows}/{asked.place.operands[0]}.yaml", encoding="utf-8") as file:  # noqa: PTH123
            lines = file.read().split("\n")
    except (OSError, ValueError):
        return []
    names: list[str] = []
    depth, inside = 0, False
    for line in lines:
        bare = line.lstrip(" ")
        indent = len(line) - len(bare)
        if bare and not bare.startswith("#"):
            if indent == 0:
                inside, depth = line.startswith("inputs:"), 0
            elif inside:
                depth = depth or indent
                if indent == depth:
                    names.append(bare.partition(":")[0])
    return fitting(names, asked.text, end="=")


def _runs(site: str) -> set[str]:
    """The newest runs' ids."""
    path = f"{site}/.xcatflow/journal.sqlite"
    if not os.path.exists(path):  # noqa: PTH110
        return set()
    import sqlite3

    journal = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.2)
    try:
        return {row[0] for row in journal.execute("SELECT id FROM runs ORDER BY started DESC, key DESC LIMIT 20")}
    finally:
        journal.close()
