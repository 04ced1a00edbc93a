"""One request to a daemon as a value: what is sent, how long it may take, and how errors name it.

Source: Engine API reference: names and images stand in paths, percent-encoded; a daemon's router takes slashes of image names as they are.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlencode

from xcatflow.errors import ActFailed

_TOLD = ("name", "fromImage", "tag", "repo")
"""What of a query errors name: what the request was about."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its path without the version. `content` makes a body that is no JSON; `limit_s` is how long the answer may take
    (None: the usual), while it streams how long there may be no data; `once` marks a body that cannot be sent a second time, `waits` a
    request in which the daemon waits for a container to end."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    content: Callable[[], Iterable[bytes]] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    limit_s: float | None = None
    once: bool = False
    waits: bool = False

    @property
    def told(self) -> str:
        """The path as errors name it."""
        query = {key: value for key, value in self.query.items() if key in _TOLD}
        return self.path + (f"?{urlencode(query, safe='/:@')}" if query else "")


Ask = Request | Callable[[str], Request]
"""A request, or what makes one for a version of the API."""


def thing(sort: str, name: str, *more: str, safe: str = "") -> str:
    """The path of one thing. Raises ActFailed for a name that would make it the path of another."""
    if not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise ActFailed(f'"{name}" is no name of anything in {sort}')
    return "/".join(("", sort, quote(name, safe=safe), *more))
