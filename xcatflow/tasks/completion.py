"""The task that prints the script for completion in a shell, and the table of words it carries."""

import re
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from xcatflow.errors import InvalidInput, did_you_mean
from xcatflow.tasks.common import say
from xcatflow.tasks.face import Face, Option, face

if TYPE_CHECKING:
    from xcatflow.commands.command import Command

_OPERANDS: Mapping[str, str] = MappingProxyType(
    {
        "chdef": "objects assignment*",
        "copycds": "file*",
        "lsdef": "objects",
        "mkdef": "objects assignment*",
        "nodeadd": "noderange assignment*",
        "nodech": "noderange assignment*",
        "nodegrpch": "groups assignment*",
        "lsdocker": "noderange",
        "mkdocker": "noderange text*",
        "nodels": "noderange attribute*",
        "pipework": "text noderange text*",
        "rmdef": "objects",
        "rpower": "noderange choice:start|stop|restart|pause|unpause|state",
        "xcoll": "",
        "xdshbak": "",
    }
)
"""What the operands of commands are; of all others noderanges."""

_FLAG_VALUES: Mapping[str, str] = MappingProxyType(
    {
        "t": "types",
        "o": "objects",
        "i": "attributes",
        "w": "where",
        "template": "list:templates",
        "file": "file",
        "hosts-file": "file",
        "known-hosts": "file",
        "wait": "choice:healthy",
        "rpower t": "text",
        "facts i": "list:facts",
        "facts write": "list:written_facts",
        "pping i": "text",
        "pipework i": "text",
        "copycds p": "dir",
    }
)
"""What flags of commands take, by letter or name; where a command means another thing by it, with its name in front."""

_OPTION_VALUES: Mapping[str, str] = MappingProxyType(
    {
        "check hosts": "noderange",
        "nodes": "noderange",
        "noderange": "noderange",
        "what": "runnable",
        "chain": "chain",
        "run": "run",
        "kind": "list:kinds",
        "sort": "choice:workflow|block|chain",
        "top sort": "choice:cpu|memory|name|state",
        "shell": "choice:bash|zsh",
        "attributes": "attributes",
        "input": "input",
        "dir": "dir",
        "directory": "dir",
        "file": "file",
        "source": "file",
        "output": "file",
        "from": "choice:ansible|compose|docker|json|lsdef|stanza",
        "form": "choice:ansible|ansible-ini|hosts|json|stanza",
        "explain what": "explain",
        "chain name": "chain",
    }
)
"""What parameters of tasks are, by name; where a task means another thing by it, with its name in front."""

# Source: xCAT's manual pages of the node, group and osimage attributes.
_VALUES: Mapping[str, str] = MappingProxyType(
    {
        "mgt": "docker esx hmc ipmi kvm openbmc",
        "grouptype": "dynamic static",
        "imagetype": "linux",
        "netboot": "grub2 petitboot pxe xnba",
        "arch": "aarch64 ppc64el x86_64",
    }
)
_FLAG = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")


@face(words=["shell"], help={"shell": "bash or zsh"})
def completion(shell: str) -> None:
    """Print the script that completes words in bash or zsh: source <(xcatflow completion bash)."""
    from xcatflow.commands.table import OWN, SUMMARIES
    from xcatflow.completion import ask
    from xcatflow.completion.script import SHELLS, script

    if shell not in SHELLS:
        raise InvalidInput(f'no completion for "{shell}"{did_you_mean(shell, SHELLS)}: expected {", ".join(SHELLS)}')
    programs = ("xcatflow", *sorted(SUMMARIES.keys() - OWN))
    say(
        script(shell, python=sys.executable, ask=ask.__file__, words=words(), programs=programs).rstrip("\n"),
    )


def words() -> str:
    """The table of everything that can be completed without looking at a site."""
    from xcatflow.commands.table import SUMMARIES, find
    from xcatflow.tasks.table import FACES

    tasks = (" ".join([name, *_task(name, each)]) for name, each in FACES.items())
    commands = (" ".join([name, *_command(find(name))]) for name in SUMMARIES)
    return "\n".join(sorted([*tasks, *commands, *_lists()]))


def _task(name: str, task: Face) -> Iterator[str]:
    for option in task.options:
        if option.word:
            yield _value_of(name, option)
    for option in task.options:
        if not option.word:
            takes = "" if option.kind is bool else f"={_value_of(name, option)}"
            yield f"--{option.long}{takes}"
            if option.short:
                yield f"-{option.short}{takes}"


def _value_of(task: str, option: Option) -> str:
    return _OPTION_VALUES.get(f"{task} {option.long}", _OPTION_VALUES.get(option.long, "text"))


def _command(command: "Command") -> Iterator[str]:
    """Flags that the usage does not tell of (some are there to be refused) are understood, but not offered: they begin with `!`."""
    yield from _OPERANDS.get(command.name, "noderange").split()
    told = set(_FLAG.findall(command.usage))
    for flag in command.flags:
        forms = [*([f"-{flag.letter}"] if flag.letter else []), *([f"--{flag.long}"] if flag.long else [])]
        keys = (f"{command.name} {flag.name}", flag.letter, flag.long)
        kind = next((_FLAG_VALUES[key] for key in keys if key in _FLAG_VALUES), "text")
        for form in forms:
            yield f"{'' if told & set(forms) else '!'}{form}{'' if flag.takes == 'nothing' else f'={kind}'}"
    yield "--help"
    yield "--version"


def _lists() -> Iterator[str]:
    from xcatflow.load.templates import templates
    from xcatflow.model.attributes import ALIASES, ATTRIBUTES, KEYS, LISTS, NICS, TYPES
    from xcatflow.model.fact_names import FACTS, STANDS_IN
    from xcatflow.steps.registry import kinds

    yield _list("types", TYPES)
    for objtype, attributes in ATTRIBUTES.items():
        yield _list(f"attributes.{objtype}", (name for name in attributes if name != KEYS[objtype]))
    yield _list("aliases", ALIASES["node"])
    yield _list("lists", LISTS)
    yield _list("nics", NICS)
    yield _list("kinds", kinds())
    yield _list("facts", FACTS)
    yield _list("written_facts", STANDS_IN)
    yield _list("templates", (name for objtype in ATTRIBUTES for name in templates(objtype)))
    for attribute, values in _VALUES.items():
        yield f"list values.{attribute} {values}"


def _list(name: str, entries: "Iterator[str] | Mapping[str, object] | frozenset[str] | tuple[str, ...]") -> str:
    return " ".join(["list", name, *sorted(set(entries))])
