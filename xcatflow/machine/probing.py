"""Whether many machines answer from here, and which of their ports are open: pings and connections, no other program needed."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from xcatflow.machine.echo import CannotPing, answering
from xcatflow.machine.knocking import first_line, knock

_LINES_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked about an address (a number): which ports, and on which of them a line of text may come (0: on none)."""

    address: str
    ports: tuple[int, ...] = ()
    tells: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of it: does it answer at all, which ports are open, the line that came."""

    answers: bool = False
    open: frozenset[int] = field(default_factory=frozenset)
    line: str = ""


def probe(wanted: Mapping[str, Wanted], *, pinged: bool = False) -> dict[str, Heard]:
    """What is heard of each, by name. A machine answers where a ping comes back, or where one of the ports is open or refused; with
    `pinged` only a ping counts, and ports of others are not tried. Raises CannotPing, with `pinged` or where there are no ports."""
    addresses = dict.fromkeys(each.address for each in wanted.values())
    try:
        alive = answering(addresses)
    except CannotPing:
        if pinged or not all(each.ports for each in wanted.values()):
            raise
        alive = set()
    tried = [each for each in wanted.values() if each.address in alive or not pinged]
    states = knock((each.address, port) for each in tried for port in each.ports)
    found: dict[str, Heard] = {}
    for name, each in wanted.items():
        heard = {port: states.get((each.address, port), "silent") for port in each.ports}
        there = each.address in alive or any(state != "silent" for state in heard.values())
        found[name] = Heard(there, frozenset(port for port, state in heard.items() if state == "open"))
    return found | _lines(wanted, found)


def _lines(wanted: Mapping[str, Wanted], found: Mapping[str, Heard]) -> dict[str, Heard]:
    """Those of whom a line is wanted, and whose port for it is the only open one, with the line."""
    asked = [name for name, heard in found.items() if heard.open and heard.open == {wanted[name].tells}]
    if not asked:
        return {}
    with ThreadPoolExecutor(min(_LINES_AT_ONCE, len(asked))) as pool:
        lines = pool.map(lambda name: first_line((wanted[name].address, wanted[name].tells)), asked)
        return {
            name: Heard(found[name].answers, found[name].open, line) for name, line in zip(asked, lines, strict=True)
        }
