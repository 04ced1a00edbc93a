"""The command line of one task for the program `xcatflow`: made from what the task declares, with usage errors in our words.

Invoke's own parser takes words for further tasks and refuses those that a task can do without, so it is left to `inv`.
"""

from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Any, NoReturn

from invoke.parser.argument import Argument

from xcatflow.errors import InvalidInput, did_you_mean
from xcatflow.tasks.common import FaceTask


def options_of(name: str, task: FaceTask, words: Sequence[str]) -> dict[str, Any]:
    """What the words behind a task's name mean, by parameter. Raises InvalidInput for usage errors."""
    parser = _parser(name, task)
    given, left = parser.parse_known_args(list(words))
    if left and left[0].startswith("-"):
        word = left[0].partition("=")[0]
        known = [
            name
            for argument in task.get_arguments()
            if not argument.positional
            for name in argument.names
            if len(name) > 1
        ]
        hint = did_you_mean(word.strip("-"), known).replace('"', '"--', 1)
        parser.error(f'unknown option "{word}"{hint}')
    if left:
        parser.error(f'unexpected word "{left[0]}"')
    return vars(given)


def help_of(name: str, task: FaceTask) -> str:
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


def _parser(name: str, task: FaceTask) -> ArgumentParser:
    arguments = task.get_arguments()
    words = [argument for argument in arguments if argument.positional]
    shown = [_shown(argument) for argument in words]
    parser = _Parser(
        prog=f"xcatflow {name}",
        usage=" ".join([f"xcatflow [--site DIR] {name} [options]", *shown]),
        description=(task.__doc__ or "").strip(),
        formatter_class=lambda prog: RawDescriptionHelpFormatter(prog, max_help_position=34),
        allow_abbrev=False,
        add_help=False,
    )
    for argument in words:
        parser.add_argument(str(argument.name), nargs=None if argument.default is None else "?", **_value(argument))
    for argument in arguments:
        if not argument.positional:
            _add_option(parser, argument)
    return parser


def _shown(argument: Argument) -> str:
    word = str(argument.name).upper()
    return word if argument.default is None else f"[{word}]"


def _add_option(parser: ArgumentParser, argument: Argument) -> None:
    flags = [f"-{name}" if len(name) == 1 else f"--{name}" for name in reversed(argument.names)]
    text = _text(argument)
    if argument.incrementable:
        parser.add_argument(*flags, dest=argument.name, action="count", default=0, help=text)
    elif argument.kind is bool:
        parser.add_argument(*flags, dest=argument.name, action="store_true", help=text)
    elif argument.kind is list:
        parser.add_argument(*flags, dest=argument.name, action="append", default=[], metavar="NAME=VALUE", help=text)
    else:
        parser.add_argument(*flags, dest=argument.name, **_value(argument))


def _value(argument: Argument) -> dict[str, Any]:
    kind = _number if argument.kind is int else str
    return {"type": kind, "default": argument.default, "metavar": str(argument.name).upper(), "help": _text(argument)}


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(f'expected a number, found "{text}"') from None


def _text(argument: Argument) -> str:
    """The help text; `%` means something to argparse."""
    return (argument.help or "").replace("%", "%%")
