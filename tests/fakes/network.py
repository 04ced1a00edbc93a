"""The machines that a session says can be reached, in place of the network.

10.0.0.1 ping 22 443            answers to pings, and has these ports open
10.0.0.2 refuses                answers to no ping, but refuses connections
10.0.0.3 3001=installing packages   says this line on that port
dh09 is 10.0.0.9                the resolver knows this name
"""

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from unittest.mock import patch

from xcatflow.machine.probing import Heard, Wanted


@dataclass
class Network:
    """What is there, by address."""

    machines: dict[str, Heard] = field(default_factory=dict)
    pinged: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> "Network":
        made = cls()
        for line in text.splitlines():
            address, rest = line.split(maxsplit=1)
            if rest.startswith("is "):
                made.names[address] = rest.split()[1]
                continue
            rest, _, said = rest.partition("=")
            words = rest.split()
            made.machines[address] = Heard(True, frozenset(int(word) for word in words if word.isdigit()), said)
            if "ping" in words:
                made.pinged.add(address)
        return made

    def probe(self, wanted: Mapping[str, Wanted], *, pinged: bool = False) -> dict[str, Heard]:
        """Stands in for machine.probing.probe."""
        return {name: self._heard(each, pinged=pinged) for name, each in wanted.items()}

    def _heard(self, wanted: Wanted, *, pinged: bool) -> Heard:
        there = self.machines.get(wanted.address)
        if there is None or (pinged and wanted.address not in self.pinged):
            return Heard()
        found = there.open & frozenset(wanted.ports)
        return Heard(True, found, there.line if found == {wanted.tells} else "")

    def addresses_of(self, names: Collection[str]) -> Mapping[str, str]:
        """Stands in for machine.addresses.addresses_of."""
        return {name: self.names[name] for name in names if name in self.names}

    def in_place(self) -> ExitStack:
        """The commands meet this network while the context is open."""
        stack = ExitStack()
        stack.enter_context(patch("xcatflow.machine.probing.probe", self.probe))
        stack.enter_context(patch("xcatflow.commands.reached.addresses_of", self.addresses_of))
        return stack
