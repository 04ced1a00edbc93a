"""Lines out of a container's log, which comes in pieces that end anywhere."""

from xcatflow.model.logs import LogLine

LONGEST_BYTES = 1 << 20
"""A line longer than that is given out in parts: memory has an end, what a program prints on one line may have none."""


class Lines:
    """The lines of one node, joined for each stream apart. Bytes that are no UTF-8 are replaced once a line is complete, so that no letter
    is cut in two."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._rest = {1: bytearray(), 2: bytearray()}

    def feed(self, stream: int, data: bytes) -> list[LogLine]:
        """The lines that these bytes complete, without their ends (a terminal's are CR and LF)."""
        rest, lines = self._rest[stream], []
        first, *more = data.split(b"\n")
        rest += first
        for part in more:
            lines.append(self._line(stream, rest.removesuffix(b"\r")))
            rest[:] = part
        if len(rest) > LONGEST_BYTES:
            lines.append(self._line(stream, rest))
            rest.clear()
        return lines

    def end(self) -> list[LogLine]:
        """What is left without an end of line."""
        lines = [self._line(stream, rest) for stream, rest in self._rest.items() if rest]
        for rest in self._rest.values():
            rest.clear()
        return lines

    def _line(self, stream: int, data: bytearray) -> LogLine:
        return LogLine(self._node, stream, data.decode(errors="replace"))
