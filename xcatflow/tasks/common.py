"""What every task does the same: how it is declared, finding the site, turning errors into messages and exit codes."""

import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.tasks import Task, task

from xcatflow.app import Site
from xcatflow.errors import ExitCode, InvalidInput, XcatflowError
from xcatflow.report.sink import Sink

_MOST_PROBLEMS = 50
_SHORT = {"nodes": "n", "input": "i", "json": "j", "verbose": "v", "quiet": "q"}


def say(*lines: str) -> None:
    """Lines for people, on standard output. Who has stopped reading misses nothing that matters."""
    Sink(sys.stdout).write("".join(f"{line}\n" for line in lines))


def warn(*lines: str) -> None:
    """Lines for people, on standard error."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))


def site() -> Site:
    """The site that the task is about: `--site`, `$XCATFLOW_SITE`, or the nearest one from here upwards."""
    return Site.load()


def site_with_chain(name: str) -> Site:
    """The site, if it has this chain. Raises InvalidInput."""
    here = site()
    if name not in here.chains() and name in here.workflows():
        raise InvalidInput(f'"{name}" is a workflow, not a chain: xcatflow apply {name}')
    here.chain(name)
    return here


class FaceTask(Task[Callable[..., None]]):
    """A task whose short options are chosen, not the first letters that happen to be free."""

    def arg_opts(self, name: str, default: Any, taken_names: set[str]) -> dict[str, Any]:
        options: dict[str, Any] = super().arg_opts(name, default, taken_names)
        if name in self.iterable:  # with an empty tuple as its default Invoke would take a value apart into letters
            options |= {"kind": list, "default": []}
        if name in _SHORT:
            options["names"] = (*options["names"], _SHORT[name])
        return options

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        kept = dict(self.help)  # Invoke uses the texts up, and asks more than once
        try:
            arguments: list[Argument] = super().get_arguments(ignore_unknown_help)
        finally:
            self.help = kept
        return arguments


def face(
    *,
    name: str | None = None,
    words: Iterable[str] = (),
    repeated: Iterable[str] = (),
    counted: Iterable[str] = (),
    help: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., None]], FaceTask]:
    """Decorator: a function that takes Invoke's context becomes a task whose errors are told.

    Parameters named in `words` may be given without their option, in this order; of those, `inv` takes only such without a default.
    Those in `repeated` may be given several times, those in `counted` count how often (`-vv`).
    """

    def declare(function: Callable[..., None]) -> FaceTask:
        declared: FaceTask = task(
            klass=FaceTask,
            name=name,
            positional=list(words),
            iterable=list(repeated),
            incrementable=list(counted),
            auto_shortflags=False,
            help=dict(help or {}),
        )(_told(function))
        return declared

    return declare


def _told(function: Callable[..., None]) -> Callable[..., None]:
    @wraps(function)
    def wrapped(context: Context, *args: Any, **kwargs: Any) -> None:
        with errors_told():
            if context.config.run.dry:
                raise InvalidInput('"--dry" of inv does not reach xcatflow: "plan" tells what would be done')
            function(context, *args, **kwargs)

    return wrapped


@contextmanager
def errors_told() -> Iterator[None]:
    """Errors become messages on standard error and the exit code that belongs to them."""
    try:
        yield
    except Exit:
        raise
    except InvalidInput as error:
        shown = [f"error: {problem}" for problem in error.problems[:_MOST_PROBLEMS]]
        if more := len(error.problems) - len(shown):
            shown.append(f"error: and {more} more")
        warn(*shown)
        raise Exit(code=int(error.exit_code)) from None
    except XcatflowError as error:
        warn(f"error: {error}", *(f"  {line}" for line in getattr(error, "detail", "").splitlines()))
        raise Exit(code=int(error.exit_code)) from None
    except KeyboardInterrupt:
        raise Exit(code=int(ExitCode.INTERRUPTED)) from None
    except Exception as error:
        warn(
            traceback.format_exc(),
            f"error: this is a bug in xcatflow, please report it with the lines above: {error!r}",
        )
        raise Exit(code=int(ExitCode.BUG)) from None
