"""`docker.remove`: a container is removed, as `rmdocker` does it: any of the name, in the daemon's own words where it refuses.

Source: Engine API, `DELETE /containers/NAME`.
"""

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Question
from xcatflow.steps.containers.forms import check_name
from xcatflow.steps.given import LenientParams


class RemoveParams(LenientParams):
    """One container."""

    container: Annotated[str, AfterValidator(check_name)] = Field(description="The container.")
    force: bool = Field(False, description="A running one too: it is killed.")


class DockerRemove(Step[RemoveParams, bool]):
    """Nothing is looked at: what is not there, or runs, the daemon says itself."""

    kind = "docker.remove"
    params: ClassVar[type[Params]] = RemoveParams

    def ask(self, want: RemoveParams) -> tuple[Question[Any], ...]:
        return ()

    def seen(self, answers: Answers, want: RemoveParams) -> bool | None:
        return None

    def plan(self, seen: bool | None, want: RemoveParams) -> tuple[Change, ...]:
        return (Change(Verb.REMOVE, f"container {want.container}"),)

    def apply(self, at: Target, want: RemoveParams, seen: bool | None, change: Change) -> None:
        at.docker.remove_container(want.container, force=want.force)

    def undo(self, at: Target, want: RemoveParams, seen: bool | None, change: Change) -> None:
        raise CannotUndo(f'the container "{want.container}" is gone, with all that it had written')

    def verifies(self, want: RemoveParams) -> bool:
        return False
