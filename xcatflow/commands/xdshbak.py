"""xdshbak: put the output of each host together.

Source: xCAT's manual page of xdshbak.
"""

import re
from collections.abc import Iterable, Mapping

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.command import Command, Context
from xcatflow.commands.output import alike, lines_of
from xcatflow.errors import Problem, Source

USAGE = """\
Usage: xdshbak [-c | -x [-b] | -q]
       xdshbak {-h | --help | -v | --version}

  Reads lines "host: text" and prints each host's lines below its name, hosts in natural order.

  -c  print each distinct text once, below the hosts that said it
  -x  no headers: the lines "host: text", host by host
  -b  with -x: without "host: "
  -q  show no progress, which is never shown
"""

_WIDTH = 79
_NUMBER = re.compile(r"([0-9]+)")


def run(context: Context, arguments: Arguments) -> None:
    """Lines without a host are told, the others are printed."""
    apart = ("c" in arguments and "x" in arguments) or ("b" in arguments and "x" not in arguments)
    if arguments.operands or apart:
        context.talk.usage(USAGE)
        return
    texts = _texts(context)
    if "x" in arguments:
        for host, lines in texts.items():
            context.talk.say(*(lines if "b" in arguments else (f"{host}: {line}" for line in lines)))
        return
    for number, (header, lines) in enumerate(_together(texts) if "c" in arguments else _one_by_one(texts)):
        context.talk.say(*([""] if number else []), *header, *lines)


def _texts(context: Context) -> Mapping[str, tuple[str, ...]]:
    """What each host said, hosts in natural order."""
    found: dict[str, list[str]] = {}
    for number, line in enumerate(lines_of(context.stdin()), start=1):
        host, colon, said = line.partition(": ")
        if colon and host:
            found.setdefault(host, []).append(said)
        else:
            context.talk.error(str(Problem(f'expected "host: text", found "{line}"', Source("<stdin>", number))))
    return {host: tuple(found[host]) for host in sorted(found, key=lambda name: (_natural(name), name))}


def _natural(name: str) -> list[tuple[str, int, str]]:
    """A key that sorts `n2` before `n10`."""
    pieces = [*_NUMBER.split(name), "0"]
    # Very long numbers are no numbers to Python.
    return [
        (text, len(digits.lstrip("0")), digits.lstrip("0"))
        for text, digits in zip(pieces[::2], pieces[1::2], strict=True)
    ]


def _one_by_one(texts: Mapping[str, tuple[str, ...]]) -> Iterable[tuple[tuple[str, ...], tuple[str, ...]]]:
    for host, lines in texts.items():
        header = f"HOST:{host}"
        yield (header, "-" * (len(header) + 1)), lines


def _together(texts: Mapping[str, tuple[str, ...]]) -> Iterable[tuple[tuple[str, ...], tuple[str, ...]]]:
    for lines, hosts in alike(texts).items():
        yield ("HOSTS ".ljust(_WIDTH, "-"), ", ".join(hosts), "-" * _WIDTH), lines


COMMAND = Command(
    name="xdshbak",
    usage=USAGE,
    run=run,
    flags=(Flag("b"), Flag("c"), Flag("q"), Flag("x")),
)
