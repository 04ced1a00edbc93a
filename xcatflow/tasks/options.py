"""The command line of one task for the program `xcatflow`: made from what the task declares, with usage errors in our words.

Invoke's parser takes words for further tasks and refuses those that a task can do without, so it is left to `inv`.
"""

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from xcatflow.errors import InvalidInput, did_you_mean
from xcatflow.tasks.face import Face, Option


def options_of(name: str, task: Face, words: Sequence[str]) -> dict[str, Any]:
    """What the words behind a task's name mean, by parameter. Raises InvalidInput for usage errors."""
    parser = _parser(name, task)
    given, left = parser.parse_known_args(list(words))
    if left and left[0].startswith("-"):
        word = left[0].partition("=")[0]
        known = [option.long for option in task.options if not option.word]
        hint = did_you_mean(word.strip("-"), known).replace('"', '"--', 1)
        parser.error(f'unknown option "{word}"{hint}')
    if left:
        parser.error(f'unexpected word "{left[0]}"')
    return vars(given)


def help_of(name: str, task: Face) -> str:
    """The help page of a task."""
    parser = _parser(name, task)
    parser.add_argument("-h", "--help", action="store_true", help="this page")
    return parser.format_help()


class _Parser(ArgumentParser):
    """Tells errors by raising, without the usage in front of them."""

    def error(self, message: str) -> NoReturn:
        missing = message.removeprefix("the following arguments are required: ")
        text = f"{missing} is missing" if missing != message else message.removeprefix("argument ")
        raise InvalidInput(f"{self.prog}: {text} (see {self.prog} --help)")


def _parser(name: str, task: Face) -> ArgumentParser:
    words = [option for option in task.options if option.word]
    parser = _Parser(
        prog=f"xcatflow {name}",
        usage=" ".join([f"xcatflow [--site DIR] {name} [options]", *map(_shown, words)]),
        description=task.text,
        formatter_class=lambda prog: RawDescriptionHelpFormatter(prog, max_help_position=34),
        allow_abbrev=False,
        add_help=False,
    )
    for option in words:
        parser.add_argument(option.name, nargs=None if option.default is None else "?", **_value(option))
    for option in task.options:
        if not option.word:
            _add_option(parser, option)
    return parser


def _shown(option: Option) -> str:
    word = option.name.upper()
    return word if option.default is None else f"[{word}]"


def _add_option(parser: ArgumentParser, option: Option) -> None:
    flags = [*([f"-{option.short}"] if option.short else []), f"--{option.long}"]
    if option.repeated:
        kind: dict[str, Any] = {"action": "append", "default": [], "metavar": "NAME=VALUE", "help": _text(option)}
    elif option.kind is bool:
        kind = {"action": "store_true", "help": _text(option)}
    else:
        kind = _value(option)
    parser.add_argument(*flags, dest=option.name, **kind)


def _value(option: Option) -> dict[str, Any]:
    kind: Callable[[str], object] = _number if option.kind is int else str
    default = option.default
    if "node" in option.name:
        kind, default = _noderange, SUPPRESS  # argparse would hold its default against the type as well
    return {"type": kind, "default": default, "metavar": option.long.upper(), "help": _text(option)}


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(f'expected a number, found "{text}"') from None


def _noderange(text: str) -> str:
    """An unset variable must not mean all nodes."""
    if not text.strip():
        raise ArgumentTypeError("expected a noderange, found nothing")
    return text


def _text(option: Option) -> str:
    """The help text; `%` means something to argparse."""
    return option.help.replace("%", "%%")
