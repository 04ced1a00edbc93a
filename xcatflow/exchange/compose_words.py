"""Commands of a compose file as words.

Source: Compose Specification, "command" and "entrypoint": a text is split as a shell does, a list is taken as it is.
"""

import shlex

from xcatflow.errors import InvalidInput
from xcatflow.exchange.compose_tree import Text, Tree, texts


def words(tree: Tree) -> list[str]:
    """The words of a command. Raises InvalidInput."""
    if not isinstance(tree, Text):
        return texts(tree)
    try:
        return shlex.split(tree.text)
    except ValueError as error:
        raise InvalidInput(
            f"expected a command as a shell would read it, found '{tree.text}': {str(error).lower()}", tree.source
        ) from None
