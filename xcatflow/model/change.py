"""One difference between what is wanted and what was seen."""

from dataclasses import dataclass
from enum import StrEnum


class Verb(StrEnum):
    """What is done about a difference."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    REMOVE = "remove"
    INSTALL = "install"
    LOAD = "load"
    PULL = "pull"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    RELOAD = "reload"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    ENABLE = "enable"
    DISABLE = "disable"
    ATTACH = "attach"
    DETACH = "detach"
    RUN = "run"
    AWAIT = "await"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference, with a verb.

    `what` names the thing with its sort first (`container host01c01`, `file /etc/motd`). `field` is the part that differs, and what a
    step's `apply` tells its changes apart by. `before` and `after` are short texts, None where there is nothing; `why` gives the reason
    when the verb is harsher than expected (a replacement, a restart); `diff` is a unified diff, shown by plans. None holds a secret.
    """

    verb: Verb
    what: str
    field: str = ""
    before: str | None = None
    after: str | None = None
    why: str = ""
    diff: str = ""

    def __str__(self) -> str:
        text = f"{self.verb} {self.what}"
        if self.field:
            text += f" {self.field}"
        if self.before is not None and self.after is not None:
            text += f": {self.before} -> {self.after}"
        elif self.after is not None:
            text += f": {self.after}"
        elif self.before is not None:
            text += f": {self.before} -> (none)"
        return f"{text} ({self.why})" if self.why else text
