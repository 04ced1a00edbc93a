"""The console program `xcatflow`: the tasks of any site from anywhere."""

import os
import sys
from pathlib import Path
from typing import Any

from invoke.exceptions import Exit, ParseError
from invoke.program import Program

from xcatflow import __version__
from xcatflow.errors import ExitCode, did_you_mean

_USAGE = """\
Usage: xcatflow [--site DIR] TASK [options] ...

  --site DIR    the site; else $XCATFLOW_SITE, else the nearest directory upwards with inventory/
  -h, --help    this, or `xcatflow TASK --help`
  -V, --version

Exit codes: 0 well, 1 some node failed, 2 wrong input and nothing touched, 3 a bug, 4 locked by another run,
            5 changes pending (plan --check), 130 interrupted.

Tasks:"""


class XcatflowProgram(Program):
    """Invoke's program with a site option, usage errors that exit with 2, and a help page without options that mean nothing here."""

    def print_help(self) -> None:
        sys.stdout.write(_USAGE + "\n")
        names = sorted(str(context.name) for context in self.collection.to_contexts())
        width = max(map(len, names))
        for name in names:
            text = (self.collection[name].__doc__ or "").strip().splitlines()
            sys.stdout.write(f"  {name.ljust(width)}  {text[0] if text else ''}\n")

    def parse_core(self, argv: list[str] | None) -> None:
        _refuse(lambda: super(XcatflowProgram, self).parse_core(argv), self)

    def parse_tasks(self) -> None:
        _refuse(super().parse_tasks, self)

    def parse_cleanup(self) -> None:
        _refuse(super().parse_cleanup, self)


def _refuse(parse: Any, program: XcatflowProgram) -> None:
    try:
        parse()
    except ParseError as error:
        message = str(error)
        words = message.split("'")
        if message.startswith("No idea what") and len(words) > 1:
            hint = did_you_mean(words[1], program.collection.task_names) if getattr(program, "collection", None) else ""
            message = f'no task or option "{words[1]}"{hint or ": xcatflow --help lists them"}'
        raise Exit(f"error: {message[:1].lower()}{message[1:]}", code=int(ExitCode.INVALID)) from None


def main(argv: list[str] | None = None) -> None:
    """The entry point of the console script and of `python -m xcatflow`. Ends the process."""
    arguments = _site_taken(list(sys.argv if argv is None else ["xcatflow", *argv]))
    from xcatflow.tasks import ns

    XcatflowProgram(namespace=ns, name="xcatflow", binary="xcatflow", version=__version__).run(arguments)


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
        if not value or not Path(value).is_dir():
            sys.stderr.write(f'error: --site: no directory "{value}"\n')
            sys.exit(int(ExitCode.INVALID))
        os.environ["XCATFLOW_SITE"] = value
    return left
