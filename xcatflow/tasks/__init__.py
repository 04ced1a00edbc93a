"""The tasks, for `inv` in a site and for the console program: thin, no logic."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xcatflow.tasks.invoked import ns

__all__ = ["ns"]


def __getattr__(name: str) -> Any:
    """`ns`, the collection for `inv`: made when it is asked for, the program does without Invoke."""
    if name == "ns":
        from xcatflow.tasks.invoked import ns

        return ns
    raise AttributeError(f'module "{__name__}" has no attribute "{name}"')
