"""A run as the journal lists it, and the ids of runs."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Without i, l, o and u: ids are read out and typed. 32 letters, so that every random byte gives one without a bias."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run. `started` and `ended` are seconds since the epoch, `ended` and `exit_code` None while it is not over (or was killed);
    `what` is the workflow or chain; `counts` maps outcomes to numbers of nodes."""

    id: str
    started: float
    mode: str
    what: str
    noderange: str
    ended: float | None = None
    commit: str = ""
    dirty: bool = False
    user: str = ""
    exit_code: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.id)


def new_run_id(now: float) -> str:
    """`YYYYMMDD-HHMMSS-xxxx`: the time `now` (seconds since the epoch) in UTC, so that ids sort as they were made even when clocks
    are put back for winter, and four random characters that keep apart what starts in the same second."""
    tail = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in os.urandom(4))
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{tail}"
