"""A run that a command asks for: its own steps on some nodes, not a workflow of the site."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xcatflow.errors import ExitCode
from xcatflow.model.workflow import Workflow


@dataclass(frozen=True, slots=True)
class Call:
    """`workflow` are the steps, under the command's name. `given` are the nodes, in order, with what the steps look up about each of
    them as `${given.NAME}`. `arguments` are the words typed, as the journal is to have them: without anything secret. `what` is what the
    run is called in lists, `looks` says that it changes nothing. `user` is who logs in to machines, where that is not for the SSH
    configuration to say."""

    workflow: Workflow
    given: Mapping[str, Mapping[str, str]]
    arguments: tuple[str, ...] = ()
    what: str = ""
    looks: bool = False
    user: str = ""


@dataclass(frozen=True, slots=True)
class Called:
    """How it ended; `refused` are the nodes that were left out from the start, and why."""

    code: ExitCode
    refused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
