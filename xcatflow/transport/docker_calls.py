"""What all groups of requests to a daemon share: the wire, and refusing what its version does not take before anything is sent."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from xcatflow.errors import ActFailed, CannotTell
from xcatflow.model.docker_api import Body, lacking, speaks
from xcatflow.transport.docker_wire import Wire

T = TypeVar("T")


class Calls:
    """One group of requests to a daemon."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def _refuse_lacking(self, body: Mapping[str, Any], api: str, where: Body) -> None:
        """Raises ActFailed naming the fields of a body that version `api` does not take."""
        if missing := lacking(body, api, where):
            fields = ", ".join(str(each) for each in missing)
            raise ActFailed(f"the docker host {self._wire.host} speaks API {api}, {fields}")

    def _need(self, since: str, what: str, api: str) -> None:
        """Raises ActFailed when version `api` is older than `since`."""
        if not speaks(api, since):
            raise ActFailed(f"the docker host {self._wire.host} speaks API {api}, {what} needs {since}")

    def _read_stream(self, items: Iterator[T], path: str) -> Iterator[T]:
        """Raises CannotTell where a stream has another form than the API's."""
        try:
            yield from items
        except ValueError as error:
            raise CannotTell(f"docker host {self._wire.host} gave no usable answer to {path}: {error}") from error
