"""Parts of a container's node that are the same whoever tells of the container: how a command and flags are written, its host's node."""

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from xcatflow.errors import Source
from xcatflow.exchange.brought import Remark
from xcatflow.load.draft import Draft
from xcatflow.model.endpoint import machine_of
from xcatflow.model.names import name_problem
from xcatflow.model.values import is_address

GROUPS = "docker,all"
HOST_GROUPS = "dockerhost,all"
_SECRETS = re.compile(r"PASS|SECRET|TOKEN|KEY|CREDENTIAL", re.IGNORECASE)


def command_text(words: Iterable[str]) -> str:
    """Words as a shell would read them, or as a JSON list where that is no single line."""
    listed = list(words)
    text = shlex.join(listed)
    return text if text.isprintable() and text == text.strip() else json.dumps(listed)


def flag_text(flags: Mapping[str, Any]) -> str:
    """The value of `dockerflag`."""
    return json.dumps(flags, separators=(",", ":"), ensure_ascii=True)


def host_of(endpoint: str, known: Iterable[str], source: Source) -> Draft | Remark | None:
    """A node for the machine of a daemon; None where there is one, or none is needed; a remark where there cannot be one."""
    machine = machine_of(endpoint)
    if not machine or machine in known or is_address(machine):
        return None
    if problem := name_problem("node", machine):
        return Remark(f"there is no node for the Docker host: {problem}", source)
    return Draft("node", machine, source.file, source.line, source.col, {"groups": HOST_GROUPS})


def secrets_told(environment: Iterable[str]) -> str:
    """What is to be said about `NAME=value` texts that look like secrets; empty where none does."""
    names = [str(entry).partition("=")[0] for entry in environment]
    found = [name for name in names if _SECRETS.search(name)]
    return (
        f"its environment is written down with {', '.join(found)}: no secret belongs into a repository" if found else ""
    )
