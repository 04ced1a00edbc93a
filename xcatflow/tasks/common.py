"""What every task does the same: finding the site, telling, turning errors into messages and exit codes."""

import atexit
import errno
import gc
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from xcatflow.errors import ExitCode, InvalidInput, XcatflowError, reason_of
from xcatflow.report.sink import Sink

if TYPE_CHECKING:
    from xcatflow.app import Site

_MOST_PROBLEMS = 50
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EBADF)
_NEW_OBJECTS = 200_000


@contextmanager
def heeding(heard: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Whoever asks the process to end is heard by `heard`. What whoever started us has us ignore (`nohup`) stays ignored."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, heard) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say(*lines: str) -> None:
    """Lines for people, on standard output. Who has stopped reading misses nothing that matters."""
    Sink(sys.stdout).write("".join(f"{line}\n" for line in lines))


def warn(*lines: str) -> None:
    """Lines for people, on standard error."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))


def site() -> "Site":
    """The site that the task is about: `--site`, `$XCATFLOW_SITE`, or the nearest one from here upwards."""
    from xcatflow.app import Site

    return Site.load()


def site_with_chain(name: str) -> "Site":
    """The site, if it has this chain. Raises InvalidInput."""
    here = site()
    if name not in here.chains() and name in here.workflows():
        raise InvalidInput(f'"{name}" is a workflow, not a chain: xcatflow apply {name}')
    here.chain(name)
    return here


def eased_collector() -> None:
    """Let Python look for unreachable cycles seldom, and not at the end: what a command makes stays until its process ends, and looking
    through it again and again costs a run on a hundred hosts a tenth of its time."""
    gc.set_threshold(_NEW_OBJECTS)
    atexit.register(gc.freeze)


@contextmanager
def errors_told() -> Iterator[None]:
    """Errors become messages on standard error, and end the process with the exit code that belongs to them."""
    try:
        yield
    except InvalidInput as error:
        shown = [f"error: {problem}" for problem in error.problems[:_MOST_PROBLEMS]]
        if more := len(error.problems) - len(shown):
            shown.append(f"error: and {more} more")
        warn(*shown)
        raise SystemExit(int(error.exit_code)) from None
    except XcatflowError as error:
        warn(f"error: {error}", *(f"  {line}" for line in getattr(error, "detail", "").splitlines()))
        raise SystemExit(int(error.exit_code)) from None
    except OSError as error:
        if error.errno not in _FULL:
            _bug(error)
        warn(f"error: cannot write: {reason_of(error)}")
        raise SystemExit(int(ExitCode.FAILED)) from None
    except KeyboardInterrupt:
        raise SystemExit(int(ExitCode.INTERRUPTED)) from None
    except Exception as error:
        _bug(error)


def _bug(error: Exception) -> NoReturn:
    import traceback

    warn(
        traceback.format_exc(),
        f"error: this is a bug in xcatflow, please report it with the lines above: {error!r}",
    )
    raise SystemExit(int(ExitCode.BUG)) from None
