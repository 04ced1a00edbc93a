"""A command's own steps as a run."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xcatflow.commands.command import Context
from xcatflow.commands.heard import Heard
from xcatflow.errors import ExitCode, InvalidInput, XcatflowError

FANOUT = 64
"""Nodes worked on at once, over all daemons: eight daemons with the eight requests each that keep one busy."""


def run_steps(
    context: Context,
    words: Sequence[str],
    steps: Sequence[Mapping[str, Any]],
    given: Mapping[str, Mapping[str, str]],
    heard: Heard,
    after: Callable[[], None] = lambda: None,
    *,
    verb: str = "",
    looks: bool = False,
    limits: Mapping[str, Any] | None = None,
    user: str = "",
) -> None:
    """Run the steps, written as in a workflow, on the nodes of `given`, and then `after`; `heard` tells what came of it. `words` are the
    command as it is to be on record: without anything secret; `verb` is what it does where its name does not say it, `looks` that it
    changes nothing; `limits` are those of a workflow, `user` logs in to machines.
    Raises InvalidInput, nothing done; OSError where nothing can be told, all done that could be."""
    if not given:
        return
    # Only who runs something waits for the models.
    from xcatflow.model.call import Call, Called
    from xcatflow.model.workflow import Limits, StepSpec, Workflow

    specs = tuple(StepSpec.model_validate(step) for step in steps)
    workflow = Workflow(
        name=words[0], summary=" ".join(words), limits=Limits(**{"fanout": FANOUT, **(limits or {})}), steps=specs
    )
    try:
        called = context.desk.call(
            Call(workflow, given, tuple(words), f"{words[0]} {verb}".strip(), looks, user), heard
        )
    except InvalidInput:
        raise
    except XcatflowError as error:  # the run broke off: what it did is known all the same
        context.talk.error(" ".join(str(error).split()))
        called = Called(ExitCode.FAILED)
    heard.end(called, given)
    after()
    if heard.broken:
        raise heard.broken


def on_daemons(daemons: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What steps look up about nodes of which only the daemon matters."""
    return {node: {"daemon": daemon} for node, daemon in daemons.items()}
