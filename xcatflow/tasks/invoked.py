"""The tasks for `inv`: each as one of Invoke's own."""

from typing import Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.parser.argument import Argument
from invoke.tasks import Task

from xcatflow.errors import InvalidInput
from xcatflow.tasks.common import errors_told
from xcatflow.tasks.face import Face, Option
from xcatflow.tasks.table import COMMANDS, FACES


class _FaceTask(Task[Any]):
    """Takes its arguments from the declaration instead of a function's signature."""

    def __init__(self, face: Face) -> None:
        def body(context: Context, **given: Any) -> None:
            with errors_told():
                if context.config.run.dry:
                    raise InvalidInput('"--dry" of inv does not reach xcatflow: "plan" tells what would be done')
                face(**given)

        body.__doc__ = face.text
        super().__init__(body, name=face.name, positional=())
        self._face = face

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:  # noqa: ARG002
        return [_argument(option) for option in self._face.options]


def _argument(option: Option) -> Argument:
    several: dict[str, Any] = {"kind": list, "default": []}
    return Argument(
        names=tuple(name for name in (option.long, option.short) if name),
        attr_name=option.name if option.name != option.long else None,  # only where it differs, else an alias of itself
        help=option.help,
        positional=option.word,
        **(several if option.repeated else {"kind": option.kind, "default": option.default}),
    )


def _collection() -> Collection:
    whole = Collection()
    for name, face in {**FACES, **COMMANDS}.items():
        below, _, _ = name.rpartition(".")
        if below and below not in whole.collections:
            whole.add_collection(Collection(below))
        (whole.collections[below] if below else whole).add_task(_FaceTask(face))
    return whole


ns = _collection()
