"""What scripts find in their environment: a node's definition and the site's, in the names that xCAT gives them.

Source: xCAT 2, the variables that it writes for postscripts; where it asks tables, the attributes of these definitions.
"""

import re
from collections.abc import Iterator

from xcatflow.errors import InvalidInput, Problem
from xcatflow.model.attributes import ATTRIBUTES, NICS
from xcatflow.model.definitions import Definitions, OsImage
from xcatflow.model.values import macs_of, split_list

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What a shell takes for the name of a variable."""

_ON = ("1", "y", "yes")


def environment_of(definitions: Definitions, node: str, *, updating: bool = False) -> dict[str, str]:
    """The variables for scripts of a node, by name, sorted; `updating` says that the machine is installed already (`UPDATENODE`). What
    has no value is left out. What package lists say is not among them: that takes reading files.

    Raises InvalidInput where the osimage's `environvar` cannot be used; KeyError for an unknown node.
    """
    image = definitions.osimage_of(node)
    found = {
        **_of_site(definitions),
        **_of_server(definitions, node),
        **_of_node(definitions, node, image),
        **_of_adapters(definitions, node),
        **_of_routes(definitions, node),
        "UPDATENODE": "1" if updating else "0",
        **dict(_of_image(image) if image else ()),
    }
    return {name: found[name] for name in sorted(found) if found[name]}


def _of_site(definitions: Definitions) -> dict[str, str]:
    """Every attribute of the site in capitals; `master` means another one for each node, so the site's has a name of its own."""
    named = {"SITEMASTER" if name == "master" else name.upper(): text for name, text in definitions.site.items()}
    return {name: text for name, text in named.items() if IDENTIFIER.fullmatch(name)}


def _of_server(definitions: Definitions, node: str) -> dict[str, str]:
    master = definitions.value(node, "xcatmaster") or definitions.site.get("master", "")
    server = definitions.nodes.get(master)
    address = definitions.value(master, "ip") if server else master if _is_address(master) else ""
    return {
        "MASTER": master,
        "MASTER_IP": address or "",
        "NFSSERVER": definitions.value(node, "nfsserver") or master,
    }


def _of_node(definitions: Definitions, node: str, image: OsImage | None) -> dict[str, str]:
    def value(attribute: str) -> str:
        return definitions.value(node, attribute) or ""

    of_image = image.attributes if image else {}
    state = value("currstate").split()
    return {
        "NODE": node,
        "IPADDR": value("ip"),
        "MACADDRESS": _mac(value("mac"), node),
        "GROUP": value("groups"),
        "OSVER": value("os") or of_image.get("osvers", ""),
        "ARCH": value("arch") or of_image.get("osarch", ""),
        "PROFILE": value("profile") or of_image.get("profile", ""),
        "PROVMETHOD": value("provmethod"),
        "INSTALLNIC": value("installnic"),
        "PRIMARYNIC": value("primarynic"),
        "SYSLOG": value("syslog"),
        "NODESETSTATE": state[0] if state else of_image.get("provmethod", ""),
        "NTYPE": "service" if any(value(name) in _ON for name in _SERVICES) else "compute",
        "ENABLESSHBETWEENNODES": "YES" if _ssh_between(definitions, node) else "NO",
    }


_SERVICES = tuple(name for name, columns in ATTRIBUTES["node"].items() if columns[0].table == "servicenode")
"""A node that is to set up any of these for others is a service node."""


def _of_adapters(definitions: Definitions, node: str) -> dict[str, str]:
    return {name.upper(): definitions.value(node, name) or "" for name in NICS}


def _of_routes(definitions: Definitions, node: str) -> dict[str, str]:
    names = split_list(definitions.value(node, "routenames") or "")
    found = {"NODEROUTENAMES": ",".join(names)}
    for name in names:
        route = definitions.records.get(("route", name))
        variable = f"ROUTE_{name}"
        if route and IDENTIFIER.fullmatch(variable):
            found[variable] = ",".join(route.attributes.get(part, "") for part in ("net", "mask", "gateway", "ifname"))
    return found


def _of_image(image: OsImage) -> Iterator[tuple[str, str]]:
    """Raises InvalidInput."""
    if not image.attributes.get("synclists"):
        yield "NOSYNCFILES", "1"
    for entry in split_list(image.attributes.get("environvar", "")):
        name, mark, text = entry.partition("=")
        if not mark or not IDENTIFIER.fullmatch(name):
            wanted = 'expected "NAME=VALUE", the name of letters, digits and "_"'
            place = image.source("environvar")
            raise InvalidInput(Problem(f'"environvar" of osimage "{image.name}": {wanted}, found "{entry}"', place))
        yield name, text


def _mac(text: str, node: str) -> str:
    """The address of the adapter that a node is installed by: the one named after it, else the last one without a name."""
    try:
        entries = macs_of(text)
    except ValueError:
        return ""
    named = [address for address, name in entries if name == node]
    plain = [address for address, name in entries if not name]
    return (named or plain or [""])[-1]


def _ssh_between(definitions: Definitions, node: str) -> bool:
    wanted = split_list(definitions.site.get("sshbetweennodes", "ALLGROUPS"))
    if "ALLGROUPS" in wanted or not wanted:
        return True
    return bool(set(wanted) & set(split_list(definitions.value(node, "groups") or "")))


def _is_address(text: str) -> bool:
    from ipaddress import ip_address

    try:
        ip_address(text)
    except ValueError:
        return False
    return True
