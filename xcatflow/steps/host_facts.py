"""`host.facts`: what a machine is. Changes nothing; what was found is kept in the site's state.

Every fact that is there is an output, such as `${step.ID.memory_mb}`; `xcatflow facts --help` names them all.
"""

from typing import Any, ClassVar

from xcatflow.contract import Params, Step, Target
from xcatflow.model.change import Change
from xcatflow.model.facts import MachineFacts
from xcatflow.model.question import Answers, Question
from xcatflow.steps.facts.look import QUESTION
from xcatflow.steps.facts.read import facts


class HostFactsParams(Params):
    """It needs none."""


class HostFacts(Step[HostFactsParams, MachineFacts]):
    """One script, whatever is asked."""

    kind = "host.facts"
    params: ClassVar[type[Params]] = HostFactsParams

    def ask(self, want: HostFactsParams) -> tuple[Question[Any], ...]:
        return (QUESTION,)

    def seen(self, answers: Answers, want: HostFactsParams) -> MachineFacts | None:
        return facts(answers[QUESTION])

    def plan(self, seen: MachineFacts | None, want: HostFactsParams) -> tuple[Change, ...]:
        return ()

    def apply(self, at: Target, want: HostFactsParams, seen: MachineFacts | None, change: Change) -> None:
        raise AssertionError("there is nothing to do")

    def outputs(self, seen: MachineFacts | None, want: HostFactsParams) -> dict[str, str]:
        """Every fact that is there, and `details`: disks and NICs as JSON."""
        return {**seen.values, "details": seen.details} if seen else {}
