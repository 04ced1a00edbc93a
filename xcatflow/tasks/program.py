"""The console program `xcatflow`: the tasks of any site from anywhere."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from invoke.config import Config
from invoke.context import Context
from invoke.exceptions import Exit

from xcatflow import __version__
from xcatflow.errors import ExitCode, InvalidInput, did_you_mean
from xcatflow.tasks import ns
from xcatflow.tasks.common import FaceTask, errors_told, say
from xcatflow.tasks.options import help_of, options_of

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
    code = int(ExitCode.OK)
    try:
        with errors_told():
            _run(_site_taken(list(sys.argv[1:] if argv is None else argv)))
    except Exit as end:
        code = end.code
    sys.exit(code)


def _run(arguments: list[str]) -> None:
    tasks: Mapping[str, FaceTask] = {name: ns[name] for name in ns.task_names}
    match arguments:
        case [] | ["-h" | "--help" | "help"]:
            say(_USAGE, *_listed(tasks))
        case ["-V" | "--version", *_]:
            say(f"xcatflow {__version__}")
        case ["-h" | "--help" | "help", name, *_]:
            _one(name, tasks, ["--help"])
        case [name, *words]:
            _one(name, tasks, words)


def _one(name: str, tasks: Mapping[str, FaceTask], words: list[str]) -> None:
    if name not in tasks:
        raise InvalidInput(_unknown(name, tasks))
    if "-h" in words or "--help" in words:
        say(help_of(name, tasks[name]).rstrip("\n"))
    else:
        own = Config(lazy=True)  # without Invoke's own configuration files: nothing in them is about us
        tasks[name](Context(own), **options_of(name, tasks[name], words))


def _unknown(name: str, tasks: Mapping[str, FaceTask]) -> str:
    if name.startswith("-"):
        return f'unknown option "{name}" before the task: xcatflow --help'
    if below := [task for task in tasks if task.startswith(f"{name}.")]:
        return f'no task "{name}": there are {", ".join(below)}'
    return f'no task "{name}"{did_you_mean(name, tasks) or ": xcatflow --help lists them"}'


def _listed(tasks: Mapping[str, FaceTask]) -> list[str]:
    width = max(map(len, tasks))
    return [f"  {name.ljust(width)}  {(tasks[name].__doc__ or '').strip().splitlines()[0]}" for name in sorted(tasks)]


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
