"""What mkdocker is told, by its operands and by the nodes' definitions, and what follows from both.

Source: xCAT's manual page of mkdocker.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xcatflow.commands.command import Refused
from xcatflow.commands.talk import Talk
from xcatflow.model.definitions import Definitions
from xcatflow.model.values import macs_of, read_dockerflag, split_list

_VALUED = ("image", "command", "dockerflag", "pull")
_PULLS = ("missing", "always", "never")
_HISTORIC = ("CpuShares", "CpusetCpus", "CpusetMems", "Memory", "MemorySwap")
_NO_ADAPTER = ("none", "host")


@dataclass(frozen=True, slots=True)
class Operands:
    """The operands of mkdocker. `given` are those with a value of the three that are kept in definitions."""

    given: Mapping[str, str] = field(default_factory=dict)
    pull: str = "missing"
    start: bool = False

    @property
    def told(self) -> tuple[str, ...]:
        """The operands as they may be on record: flags and commands can hold passwords."""
        values = [f"image={value}" if name == "image" else f"{name}=..." for name, value in self.given.items()]
        return (*values, *([f"pull={self.pull}"] if self.pull != "missing" else []), *(["start"] if self.start else []))

    @property
    def kept(self) -> dict[str, str]:
        """What the definition of a node keeps of them."""
        kept = {}
        if image := self.given.get("image"):
            command = self.given.get("command")
            kept["provmethod"] = f"{image}!{command}" if command else image
        if flag := self.given.get("dockerflag"):
            kept["dockerflag"] = flag
        return kept


def read_operands(words: Sequence[str]) -> Operands:
    """Raises Refused."""
    found: dict[str, str] = {}
    start = False
    for word in words:
        name, equals, value = word.partition("=")
        if name in found or (word == "start" and start):
            raise Refused(f"Option {name} is given twice")
        if word == "start":
            start = True
            continue
        if not equals or name not in _VALUED:
            shown = word if name in ("", "start") else name
            raise Refused(f"Option {shown} is not supported for mkdocker")
        if not value:
            raise Refused(f"Must set value for {name}")
        found[name] = value
    if "command" in found and "image" not in found:
        raise Refused("Must set 'image' if use 'command'")
    pull = found.pop("pull", "missing")
    if pull not in _PULLS:
        raise Refused(f'pull: expected {", ".join(_PULLS)}, found "{pull}"')
    return Operands(found, pull, start)


@dataclass(frozen=True, slots=True)
class Wishes:
    """Puts operands and definitions together. Nodes for which that cannot be done are told and left out."""

    talk: Talk
    definitions: Definitions
    operands: Operands

    def of(self, daemons: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """By node what its container is to be made of, empty texts where nothing is said; `daemons` are the nodes with their daemons."""
        found: dict[str, dict[str, str]] = {}
        without: list[str] = []
        for node, daemon in daemons.items():
            flags = self._flags(node)
            if flags is None:
                continue
            image, command = self._image(node, flags)
            if image:
                found[node] = {"daemon": daemon, "image": image, "command": command, **self._rest(node, flags)}
            else:
                without.append(node)
        if without:
            self.talk.error(f"Image not set correct for {' '.join(without)}")
        return found

    def _flags(self, node: str) -> Mapping[str, Any] | None:
        text = self.operands.given.get("dockerflag") or self._value(node, "dockerflag")
        try:
            flags = read_dockerflag(text) if text else {}
        except ValueError as error:
            reason = str(error).removeprefix('expected a JSON object such as {"Tty": true}').lstrip(":, ")
            self.talk.error(f"dockerflag is not a JSON object: {reason}", node=node)
            return None
        if moved := [key for key in _HISTORIC if key in flags]:
            names = ", ".join(f'"{key}"' for key in moved)
            self.talk.warn(f'dockerflag: {names} belongs into "HostConfig", and is sent there', node=node)
        return flags

    def _image(self, node: str, flags: Mapping[str, Any]) -> tuple[str, str]:
        """Image and command: the operands, else the flags, else the definition's `provmethod`."""
        given = self.operands.given
        if "image" in given:
            return given["image"], given.get("command") or _words(flags)
        image, _, command = self._value(node, "provmethod").partition("!")
        return str(flags.get("Image") or image), _words(flags) or command

    def _rest(self, node: str, flags: Mapping[str, Any]) -> dict[str, str]:
        network = self._value(node, "dockernics")
        mode = (flags.get("HostConfig") or {}).get("NetworkMode") if isinstance(flags.get("HostConfig"), dict) else ""
        main = str(mode or next(iter(split_list(network)), ""))
        alone = flags.get("NetworkDisabled") is True or main in _NO_ADAPTER or main.startswith("container:")
        return {
            "dockerflag": json.dumps(flags) if flags else "",
            "cpus": self._value(node, "dockercpus"),
            "memory": self._value(node, "dockermemory"),
            "network": network,
            "mac": "" if alone else self._mac(node),
            "ip": "" if alone else self._value(node, "ip"),
        }

    def _mac(self, node: str) -> str:
        text = self._value(node, "mac")
        pairs = macs_of(text) if text else ()
        return next((address for address, name in pairs if name in ("", node)), "")

    def _value(self, node: str, attribute: str) -> str:
        return self.definitions.value(node, attribute) or ""


def _words(flags: Mapping[str, Any]) -> str:
    """The command of a flag."""
    match flags.get("Cmd"):
        case None | [] | "":
            return ""
        case [*words]:
            return json.dumps([str(word) for word in words])
        case other:
            return json.dumps([str(other)])
