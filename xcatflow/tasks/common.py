"""What every task does the same: find the site, turn errors into messages and exit codes."""

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

from invoke.exceptions import Exit

from xcatflow.app import Site
from xcatflow.errors import ExitCode, InvalidInput, XcatflowError

F = TypeVar("F", bound=Callable[..., Any])
_MOST_PROBLEMS = 50


def say(*lines: str) -> None:
    """Lines for people, on standard output."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def warn(*lines: str) -> None:
    """Lines for people, on standard error."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))


def site() -> Site:
    """The site that the task is about: `--site`, `$XCATFLOW_SITE`, or the nearest one from here upwards."""
    return Site.load()


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
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone: nothing is left to say
        raise Exit(code=int(ExitCode.OK)) from None
    except KeyboardInterrupt:
        raise Exit(code=int(ExitCode.INTERRUPTED)) from None
    except Exception as error:
        warn(
            traceback.format_exc(),
            f"error: this is a bug in xcatflow, please report it with the lines above: {error!r}",
        )
        raise Exit(code=int(ExitCode.BUG)) from None


def told(function: F) -> F:
    """Decorator: `errors_told` around a task's body."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with errors_told():
            return function(*args, **kwargs)

    return wrapped  # type: ignore[return-value]
