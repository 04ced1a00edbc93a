"""Which objects somebody names: a noderange for nodes, names with commas between them for all other types."""

from xcatflow.commands.command import Context
from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import Definitions
from xcatflow.model.regex import compile_regex
from xcatflow.selection import expand, select


def named(
    text: str, objtype: str, definitions: Definitions, context: Context, *, looked_up: bool = False
) -> tuple[str, ...]:
    """The names that an operand or `-o` means, whether the objects exist or not; the site has one name. With `looked_up` a noderange that
    begins with `/` is about existing nodes. Raises InvalidInput where it cannot be read, or means no node."""
    if objtype == "site":
        return ("clustersite",)
    if objtype != "node":
        return tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))
    if looked_up and text.startswith("/"):
        _check_regex(text)
        found = select(text, definitions, environ=context.environ, cwd=context.cwd)
    else:
        found = expand(text, definitions, environ=context.environ, cwd=context.cwd)
    if not found and text.strip():
        raise InvalidInput(f"No node in '{text}', check the noderange syntax.")
    return found


def _check_regex(text: str) -> None:
    try:
        compile_regex(text[1:].removesuffix("/"))
    except ValueError:
        raise InvalidInput(f"Invalid regular expression {text}, check the noderange syntax.") from None
