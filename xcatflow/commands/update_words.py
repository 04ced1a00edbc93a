"""The words of `updatenode`: what shall be done, and which words do not go together.

Source: xCAT's manual page of updatenode.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xcatflow.commands.arguments import Arguments
from xcatflow.commands.command import Refused
from xcatflow.commands.runs import FANOUT
from xcatflow.commands.update_story import FILES, KEYS, SCRIPTS, SERVER, SOFTWARE
from xcatflow.model.scripts import ScriptLine, section_names
from xcatflow.model.values import split_list

_TIMEOUT_S = 3600
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\$?")


@dataclass(frozen=True, slots=True)
class Asked:
    """What to do: the phases, and the scripts of the last one (empty: the nodes' lists)."""

    phases: tuple[str, ...]
    scripts: str = ""
    service_nodes: bool = False
    environment_only: bool = False
    limits: Mapping[str, Any] = field(default_factory=dict)


def read_words(arguments: Arguments) -> Asked:
    """Raises InvalidInput."""
    if not arguments.operands or (arguments.first.startswith("-") and arguments.first != "-"):
        raise Refused("The noderange should be the first argument.")
    _refuse_conflicts(arguments)
    scripts = _listed(arguments)
    phases = [phase for flag, phase in (("F", FILES), ("f", FILES), ("S", SOFTWARE), ("k", KEYS)) if flag in arguments]
    if "P" in arguments or scripts:
        phases.append(SCRIPTS)
    if "s" in arguments:
        phases.insert(0, SERVER)
    fanout, seconds = _number(arguments, "fanout", FANOUT), _number(arguments, "t", _TIMEOUT_S)
    if (user := arguments.value("l")) and not _USER.fullmatch(user):
        raise Refused(f'-l: expected the name of a user, found "{user}"')
    limits = {"fanout": fanout, "step_timeout": f"{seconds} s"}
    return Asked(tuple(phases) or (FILES, SOFTWARE, SCRIPTS), scripts, "f" in arguments, "g" in arguments, limits)


def _refuse_conflicts(arguments: Arguments) -> None:
    """Raises Refused."""

    def given(*flags: str) -> bool:
        return any(flag in arguments for flag in flags)

    if given("f") and given("F"):
        raise Refused("Choose either -f to sync the service nodes, or -F  to sync the nodes not both.")
    if given("f") and (given("S", "k", "P") or len(arguments.operands) > 1):
        raise Refused("If you specify the -f flag you must not specify either the -S or -k or -P or -F flags")
    if given("g") and (given("F", "S", "P", "f", "k", "s") or len(arguments.operands) > 1):
        raise Refused(
            "-g makes the environment of scripts and nothing else: give it without -F, -S, -P, -f, -k, -s and scripts"
        )
    if given("k") and (given("S", "P", "F") or len(arguments.operands) > 1):
        raise Refused("If you use the -k flag, you cannot specify the -S,-P,-f or -F flags.")
    if given("l") and given("k"):
        raise Refused("-l option is not allowed with -k option.")
    if given("l") and given("f"):
        raise Refused("-l option is not allowed with -f options.")
    if given("r") and not given("f", "F"):
        raise Refused("-r|--node-rcp option is valid when option -f or -F is specified")
    if given("r") and arguments.value("r").rpartition("/")[2] not in ("rsync", "scp"):
        raise Refused(f'-r: expected rsync or scp, found "{arguments.value("r")}"')


def _listed(arguments: Arguments) -> str:
    """The scripts named, by `-P` or by themselves. Raises Refused."""
    named = [text for text in (arguments.value("P"), *arguments.operands[1:]) if text.strip()]
    if len(named) > 1:
        raise Refused(f'expected one list of scripts such as "s1 a,s2", found {" and ".join(named)}', usage=True)
    scripts = split_list(named[0]) if named else ()
    sections = [script for script in scripts if script in section_names()]
    if sections and len(scripts) > 1:
        raise Refused(f"Only one internal postscript can be used with -P. Give {sections[0]} by itself.")
    for script in scripts:
        _ = ScriptLine(script).words
    return ",".join(scripts)


def _number(arguments: Arguments, name: str, default: int) -> int:
    """Raises Refused."""
    text = arguments.value(name)
    if name in arguments and not _NUMBER.fullmatch(text):
        raise Refused(f'{"-t" if name == "t" else f"--{name}"}: expected a number from 1 on, found "{text}"')
    return int(text) if text else default
