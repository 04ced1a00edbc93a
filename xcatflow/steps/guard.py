"""Commands that are no states: the guard that says when there is nothing to do, and how a command is shown."""

from typing import Any

from xcatflow.errors import CannotTell
from xcatflow.model.question import Reply

_GUARDS = ("unless", "creates", "always")
_KILLED = 128
_MOST_SIGNALS = 64
_SHOWN = 60


def check_one_guard(params: Any) -> None:
    """Exactly one of `unless`, `creates` and `always: true` is given. Raises ValueError."""
    given = [name for name in _GUARDS if getattr(params, name)]
    if len(given) != 1:
        found = " and ".join(f'"{name}"' for name in given) or "none"
        raise ValueError(f'expected exactly one guard of "unless", "creates", "always: true", found {found}')


def check_not_killed(reply: Reply, guard: str) -> None:
    """Raises CannotTell where a signal ended the guard."""
    if _KILLED < reply.code <= _KILLED + _MOST_SIGNALS:
        raise CannotTell(f'the guard "{guard}" was ended by signal {reply.code - _KILLED}')


def last_words(reply: Reply) -> str:
    """The last line that a command wrote, of its standard error first."""
    return (reply.complaint or reply.text).strip().rsplit("\n", 1)[-1] or "it said nothing"


def short(script: str) -> str:
    """The first line, cut where it is long."""
    lines = script.strip().splitlines() or [""]
    cut = len(lines) > 1 or len(lines[0]) > _SHOWN
    return lines[0][:_SHOWN] + ("..." if cut else "")
