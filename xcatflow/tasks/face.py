"""How a task is declared: once, for `inv` and for the program `xcatflow`. Knows neither.

The modules that declare tasks import what these need when they are called, so that telling about tasks costs nothing.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_SHORT = {"nodes": "n", "input": "i", "json": "j", "verbose": "v", "quiet": "q"}


@dataclass(frozen=True, slots=True)
class Option:
    """A parameter of a task. A `word` may be given without its flag; `default` is None where it has to be given; `repeated` ones may
    be given several times."""

    name: str
    default: Any
    help: str
    word: bool = False
    repeated: bool = False

    @property
    def kind(self) -> type:
        """The type of its value."""
        return str if self.default is None else type(self.default)

    @property
    def long(self) -> str:
        """Its flag without the dashes in front. A parameter that would be a keyword of Python ends with an underscore."""
        return self.name.rstrip("_").replace("_", "-")

    @property
    def short(self) -> str:
        """Its short flag without the dash; empty for none. They are chosen, not the first letters that happen to be free."""
        return _SHORT.get(self.name, "")


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A task: what it does, and its parameters, those first that may be given as words."""

    function: Callable[..., None]
    name: str
    options: tuple[Option, ...] = ()

    @property
    def text(self) -> str:
        """What it does, in whole; the first line is a sentence of its own."""
        return inspect.cleandoc(self.function.__doc__ or "")

    def __call__(self, **given: Any) -> None:
        self.function(**given)


def face(
    *,
    name: str = "",
    words: Iterable[str] = (),
    repeated: Iterable[str] = (),
    help: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., None]], Face]:
    """Decorator: a function becomes a task; `help` has a text for each parameter, named as its flag is.

    Parameters named in `words` may be given without their flag, in this order; of those, `inv` takes only such without a default. Those
    in `repeated` may be given several times.
    """
    texts, first, several = dict(help or {}), tuple(words), frozenset(repeated)

    def declare(function: Callable[..., None]) -> Face:
        parameters = inspect.signature(function).parameters
        options = []
        for each in (*first, *(each for each in parameters if each not in first)):
            default = parameters[each].default
            options.append(
                Option(
                    name=each,
                    default=None if default is inspect.Parameter.empty else default,
                    help=texts[each.rstrip("_").replace("_", "-")],
                    word=each in first,
                    repeated=each in several,
                )
            )
        return Face(function, name or function.__name__, tuple(options))

    return declare
