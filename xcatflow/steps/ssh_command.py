"""`ssh.command`: a script is run on the machine, unless a guard says that there is nothing to do."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, model_validator

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed
from xcatflow.model.change import Change, Verb
from xcatflow.model.duration import Duration
from xcatflow.model.question import Answers, File, Question, Shell
from xcatflow.steps.guard import check_not_killed, check_one_guard, last_words, short
from xcatflow.steps.place import AbsolutePath


class CommandParams(Params):
    """A command is no state: exactly one of `unless`, `creates` and `always: true` says when there is nothing to do."""

    run: str = Field(
        min_length=1, description="A POSIX shell script, run as root; it ends at the first command that fails."
    )
    unless: str | None = Field(
        None,
        min_length=1,
        description="A script that changes nothing; when it ends with status 0 there is nothing to do.",
    )
    creates: AbsolutePath | None = Field(
        None, description="A path on the machine; when something is there, there is nothing to do."
    )
    always: bool = Field(False, description="Run it every time; every run then reports a change.")
    timeout: Duration | None = Field(
        None, description="Longest time it may take, such as `5 min`; the step's own `timeout` when left out."
    )

    @model_validator(mode="after")
    def _one_guard(self) -> "CommandParams":
        check_one_guard(self)
        return self


class SshCommand(Step[CommandParams, bool]):
    """`seen` is whether the guard holds. A guarded command is looked at again after it ran: the guard must hold then."""

    kind = "ssh.command"
    params: ClassVar[type[Params]] = CommandParams

    def ask(self, want: CommandParams) -> tuple[Question[Any], ...]:
        if want.always:
            return ()
        return (_guard(want) if want.creates is None else _created(want.creates),)

    def seen(self, answers: Answers, want: CommandParams) -> bool | None:
        if want.always:
            return None
        if want.creates is not None:
            return answers[_created(want.creates)] is not None
        reply = answers[_guard(want)]
        check_not_killed(reply, short(want.unless or ""))
        return reply.code == 0

    def plan(self, seen: bool | None, want: CommandParams) -> tuple[Change, ...]:
        if seen:
            return ()
        return (Change(Verb.RUN, f"command {short(want.run)}", why=_why(want)),)

    def apply(self, at: Target, want: CommandParams, seen: bool | None, change: Change) -> Mapping[str, str]:
        """What it printed becomes the output `stdout`."""
        reply = at.run(f"set -e\n{want.run}\n", timeout_s=want.timeout, check=False)
        if reply.code:
            raise ActFailed(
                f'"{short(want.run)}" ended with status {reply.code} on {at.name}: {last_words(reply)}',
                "\n".join(text for text in (reply.text, reply.complaint) if text),
            )
        return {"stdout": reply.text}

    def verifies(self, want: CommandParams) -> bool:
        return not want.always


def _created(path: str) -> File:
    return File(path, digest=False)


def _guard(want: CommandParams) -> Shell:
    return Shell(f"{{ {want.unless}\n}} >/dev/null 2>&1")


def _why(want: CommandParams) -> str:
    if want.always:
        return "always"
    return f"{want.creates} is not there" if want.creates else f"unless: {short(want.unless or '')}"
