"""Which names objects may have. Each check gives the complaint, empty when the name is good."""

import re
from ipaddress import AddressValueError, IPv4Address

_NODE = re.compile(r"[A-Za-z0-9_-]+")
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+")
_GROUP = re.compile(r"[A-Za-z0-9_.-]+")
_FORBIDDEN = re.compile(r"[\s,=]")
_RUNS = re.compile(r"[0-9]+|[^0-9]+")


def name_problem(objtype: str, name: str) -> str:
    """What is wrong with `name` for an object of this type."""
    if not name:
        return "the name is empty"
    match objtype:
        case "node":
            return _node_problem(name)
        case "group":
            return group_problem(name)
        case "site" if name != "clustersite":
            return f'the site object is called "clustersite", found "{name}"'
    if name.startswith("#"):
        return f'the name "{name}" begins with "#", which is a comment in stanza files'
    if found := _FORBIDDEN.search(name):
        return f'the name "{name}" holds "{found[0]}": blanks, commas and "=" are not allowed'
    return ""


def _node_problem(name: str) -> str:
    if _NODE.fullmatch(name) or _is_ipv4(name):
        return ""
    if "." in name:
        return f'the node name "{name}" holds a dot: use the short host name, the domain belongs to the network'
    return f'the node name "{name}" may hold letters, digits, "_" and "-" only'


def container_problem(name: str) -> str:
    """What Docker has against a container called `name`; the node's name is the container's."""
    if _CONTAINER.fullmatch(name):
        return ""
    return (
        f'the name "{name}" cannot be a container\'s: it begins with a letter or digit and has two characters or more'
    )


def group_problem(name: str) -> str:
    """What is wrong with a group's name: it must mean nothing but itself where a noderange is expected."""
    if not _GROUP.fullmatch(name) or name.startswith("-"):
        return f'the group name "{name}" may hold letters, digits, "_", "-" and "." only, and not begin with "-"'
    if name.startswith("__"):
        return f'the group name "{name}" begins with "__", which is reserved'
    if name.isdigit():
        return f'the group name "{name}" is a number, which means a node in a noderange'
    if _is_range(name):
        return f'the group name "{name}" is a range of names in a noderange: call it otherwise'
    return ""


def _is_range(name: str) -> bool:
    dashes = [at for at, letter in enumerate(name) if letter == "-"]
    if len(dashes) % 2 == 0:
        return False
    middle = dashes[len(dashes) // 2]
    left, right = _RUNS.findall(name[:middle]), _RUNS.findall(name[middle + 1 :])
    if not left or len(left) != len(right):
        return False
    differing = [(low, high) for low, high in zip(left, right, strict=True) if low != high]
    match differing:
        case []:
            return True
        case [(low, high)] if low.isdigit() and high.isdigit():
            padded = low.startswith("0") and len(low) > 1
            return int(low) <= int(high) and not (padded and len(high) < len(low))
    return False


def _is_ipv4(name: str) -> bool:
    try:
        IPv4Address(name)
    except AddressValueError:
        return False
    return True
