"""Certificates as they are told of: whose, until when, and what happens then."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

ADMIN = "admin"
"""The role of the controller, which every host lets in."""

Sort = Literal["ca", "clients", "controller", "client", "host"]


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate or an authority. `ends` is None where there is none to be seen; `renewed` is from when on it is made anew and `how` by
    what; `remark` is what is odd about it, `bad` says that it has to be seen to."""

    sort: Sort
    name: str
    ends: datetime | None
    detail: str = ""
    renewed: datetime | None = None
    how: str = ""
    remark: str = ""
    bad: bool = False

    def days(self, now: datetime) -> int | None:
        """Whole days left, negative when it is over."""
        return None if self.ends is None else (self.ends - now).days

    def within(self, now: datetime, span: timedelta) -> bool:
        """Does it end within that time, and is there something to be done about it?"""
        return bool(self.how) and self.ends is not None and self.ends <= now + span
