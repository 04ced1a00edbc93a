"""The console program `xcatflow`: the tasks of any site from anywhere."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from xcatflow import __version__
from xcatflow.commands.table import OWN, SUMMARIES
from xcatflow.errors import ExitCode, InvalidInput, did_you_mean
from xcatflow.tasks.common import eased_collector, errors_told, say
from xcatflow.tasks.options import help_of, options_of
from xcatflow.tasks.table import FACES
from xcatflow.tasks.words import run as run_command

_USAGE = """\
usage: xcatflow [--site DIR] TASK [options]

  --site DIR    the site; else $XCATFLOW_SITE, else the nearest directory upwards with inventory/
  -h, --help    this page, or that of a task: xcatflow TASK --help
  -V, --version

exit codes: 0 well, 1 some node failed, 2 wrong input and nothing touched, 3 a bug, 4 locked by another run,
            5 changes pending (plan --check), 130 interrupted

tasks:"""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """The entry point of the console script and of `python -m xcatflow`. Ends the process."""
    eased_collector()
    with errors_told():
        _run(_site_taken(list(sys.argv[1:] if argv is None else argv)))
    sys.exit(ExitCode.OK)


def _run(arguments: list[str]) -> None:
    match arguments:
        case [] | ["-h" | "--help" | "help"]:
            tasks = {name: face.text.splitlines()[0] for name, face in FACES.items()}
            tasks |= {name: text for name, text in SUMMARIES.items() if name in OWN}
            programs = {name: text for name, text in SUMMARIES.items() if name not in OWN}
            say(_USAGE, *_listed(tasks), "", "xCAT's commands, also as programs of their own:", *_listed(programs))
        case ["-V" | "--version", *_]:
            say(f"xcatflow {__version__}")
        case ["-h" | "--help" | "help", name, below, *_] if f"{name}.{below}" in FACES:
            _one(f"{name}.{below}", ["--help"])
        case ["-h" | "--help" | "help", name, *_]:
            _one(name, ["--help"])
        case [name, below, *words] if f"{name}.{below}" in FACES:
            _one(f"{name}.{below}", words)
        case [name, *words]:
            _one(name, words)


def _one(name: str, words: list[str]) -> None:
    if name in SUMMARIES:
        if code := run_command(name, words):
            sys.exit(code)
        return
    if name not in FACES:
        raise InvalidInput(_unknown(name))
    face = FACES[name]
    if "-h" in words or "--help" in words:
        say(help_of(name, face).rstrip("\n"))
    else:
        face(**options_of(name, face, words))


def _unknown(name: str) -> str:
    if name.startswith("-"):
        return f'unknown option "{name}" before the task: xcatflow --help'
    if below := [task for task in FACES if task.startswith(f"{name}.")]:
        return f'no task "{name}": there are {", ".join(below)}'
    return f'no task "{name}"{did_you_mean(name, (*FACES, *SUMMARIES)) or ": xcatflow --help lists them"}'


def _listed(texts: Mapping[str, str]) -> list[str]:
    width = max(map(len, texts))
    return [f"  {name.ljust(width)}  {text}" for name, text in sorted(texts.items())]


def _site_taken(arguments: list[str]) -> list[str]:
    """The arguments without `--site DIR`, which is put where tasks look for it."""
    left: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--site":
            value = next(rest, "")
        elif argument.startswith("--site="):
            value = argument.partition("=")[2]
        else:
            left.append(argument)
            continue
        if not value:
            raise InvalidInput("--site: expected a directory, found nothing")
        if not Path(value).is_dir():
            raise InvalidInput(f'--site: no directory "{value}"')
        os.environ["XCATFLOW_SITE"] = value
    return left
