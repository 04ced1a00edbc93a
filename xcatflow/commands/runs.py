"""A command's own steps as a run."""

from collections.abc import Mapping, Sequence
from typing import Any

from xcatflow.commands.command import Context
from xcatflow.commands.heard import Heard

FANOUT = 64
"""Nodes worked on at once, over all daemons: eight daemons with the eight requests each that keep one busy."""


def run_steps(
    context: Context,
    name: str,
    steps: Sequence[Mapping[str, Any]],
    given: Mapping[str, Mapping[str, str]],
    heard: Heard,
    words: Sequence[str],
) -> None:
    """Run the steps, written as in a workflow, on the nodes of `given`; `heard` tells what came of it. `words` are for the record: what was
    typed, without anything secret. Raises InvalidInput."""
    if not given:
        return
    # Only who runs something waits for the models.
    from xcatflow.model.call import Call
    from xcatflow.model.workflow import Limits, StepSpec, Workflow

    specs = tuple(StepSpec.model_validate(step) for step in steps)
    workflow = Workflow(name=name, summary=" ".join((name, *words)), limits=Limits(fanout=FANOUT), steps=specs)
    heard.end(context.desk.call(Call(workflow, given, (name, *words)), heard), given)
