"""Which roles' clients a machine lets in, by the site's definitions.

A role is an authority that issues clients; Docker itself knows no roles: who is let in may do everything there. So what a role limits is
on which machines.
"""

from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import Definitions
from xcatflow.model.trust import ADMIN

ATTRIBUTE = "tls_roles"


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
