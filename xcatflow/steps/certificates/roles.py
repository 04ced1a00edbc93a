"""What the site's definitions say about a machine's certificate: the names it is good for, and which roles' clients the machine lets in.

A role is an authority that issues clients; Docker itself knows no roles: who is let in may do everything there. So what a role limits is
on which machines.
"""

from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import Definitions
from xcatflow.model.trust import ADMIN

ATTRIBUTE = "tls_roles"


def names_of(definitions: Definitions, node: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The host names and the addresses that a node's certificate is good for: its name, also with the domain of its network or site,
    localhost, and its address. Whoever asks for a certificate asks for the same ones, or it would be exchanged each time."""
    known = node in definitions.nodes
    address = (definitions.value(node, "ip") or "") if known else ""
    network = definitions.network_of(address) if address else None
    domain = (network.attributes.get("domain", "") if network else "") or definitions.site.get("domain", "")
    names = (node, *((f"{node}.{domain}",) if domain else ()), "localhost")
    return names, tuple(filter(None, (address, "127.0.0.1")))


def roles_of(definitions: Definitions, node: str) -> tuple[str, ...]:
    """`admin`, and the roles that the site's attribute `tls_roles` (`web=webhosts,host07 test=all`) lets in on a node: those with its
    name, one of its groups, or `all`. Raises InvalidInput."""
    found = [ADMIN]
    if text := definitions.site.get(ATTRIBUTE, ""):
        groups = definitions.value(node, "groups") or "" if node in definitions.nodes else ""
        own = {node, "all", *(group.strip() for group in groups.split(","))}
        for word in text.split():
            role, equals, where = word.partition("=")
            if not (role and equals and where):
                raise InvalidInput(
                    f'"{ATTRIBUTE}" of the site: expected ROLE=GROUP,NODE,... with blanks in between, found "{word}"'
                )
            if own & set(where.split(",")):
                found.append(role)
    return tuple(dict.fromkeys(found))
