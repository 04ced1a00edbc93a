"""Which objects somebody names: a noderange for nodes, names with commas between them for all other types."""

from collections.abc import Sequence

from xcatflow.commands.chosen import chosen
from xcatflow.commands.command import Context
from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import Definitions
from xcatflow.model.regex import compile_regex
from xcatflow.model.values import split_list
from xcatflow.selection import UnknownNames, expand, select


def named(
    text: str, objtype: str, definitions: Definitions, context: Context, *, looked_up: bool = False
) -> tuple[str, ...]:
    """The names that an operand or `-o` means, whether the objects exist or not; the site has one name. With `looked_up` nodes that the
    site excludes are left out, and a noderange that begins with `/` is about existing nodes. Raises InvalidInput where it cannot be
    read, or means no node."""
    if objtype == "site":
        return ("clustersite",)
    if objtype != "node":
        return split_list(text)
    matching = looked_up and text.startswith("/")
    meant = (_matching if matching else _expanded)(text, definitions, context)
    found = not_excluded(meant, definitions, context) if looked_up else meant
    if not found and text.strip():
        hint = ' The "excludenodes" of the site leaves nothing of it.' if meant else ""
        raise InvalidInput(f"No node in '{text}', check the noderange syntax.{hint}")
    return tuple(found)


def exists(definitions: Definitions, objtype: str, name: str) -> bool:
    """Is there such an object? A group also where only nodes name it."""
    if objtype == "group":
        return name in definitions.groups or definitions.members(name) is not None
    return name in definitions.objects(objtype)


def not_excluded(names: Sequence[str], definitions: Definitions, context: Context) -> Sequence[str]:
    """Those that the site's `excludenodes` leaves; what does not exist is not excluded. Raises InvalidInput."""
    if not definitions.site.get("excludenodes", "").strip():
        return names
    left = set(chosen(context, definitions))
    return tuple(name for name in names if name in left or name not in definitions.nodes)


def _expanded(text: str, definitions: Definitions, context: Context) -> tuple[str, ...]:
    return expand(text, definitions, environ=context.environ, cwd=context.cwd)


def _matching(text: str, definitions: Definitions, context: Context) -> tuple[str, ...]:
    try:
        return select(text, definitions, environ=context.environ, cwd=context.cwd)
    except UnknownNames:
        raise
    except InvalidInput:
        _check_regex(text)
        raise


def _check_regex(text: str) -> None:
    try:
        compile_regex(text[1:].removesuffix("/"))
    except ValueError:
        raise InvalidInput(f"Invalid regular expression {text}, check the noderange syntax.") from None
