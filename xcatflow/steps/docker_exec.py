"""`docker.exec`: a command is run in a running container, unless a guard says that there is nothing to do.

Source: Engine API, `/containers/NAME/exec` and `/exec/ID/start`. An engine 20.10 tells in the command's own output that the runtime could
not start it, with the status 126 or 127.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotTell
from xcatflow.model.change import Change, Verb
from xcatflow.model.duration import Duration
from xcatflow.model.question import Answers, Container, Execute, Question, Reply
from xcatflow.steps.containers import forms
from xcatflow.steps.daemons.words import refused
from xcatflow.steps.given import LenientParams
from xcatflow.steps.guard import check_not_killed, check_one_guard, last_words, short
from xcatflow.steps.place import AbsolutePath

_NOT_STARTED = (126, 127)
_RUNTIME_WORDS = (b"OCI runtime ", b"unable to find ")
_GUARD_S = 60.0


def _words(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words or not words[0]:
        raise ValueError("expected a command, found none")
    return words


Words = Annotated[
    tuple[str, ...],
    BeforeValidator(forms.read_command, json_schema_input_type=str | list[str]),
    AfterValidator(_words),
]


class ExecParams(LenientParams):
    """A command is no state: exactly one of `unless`, `creates` and `always: true` says when there is nothing to do."""

    container: Annotated[str, AfterValidator(forms.check_name)] = Field(description="The container, which must run.")
    command: Words = Field(
        description='Words, or text that is split like a shell does (nothing is expanded: write `["sh", "-c", "..."]` for a script).'
    )
    unless: Words | None = Field(
        None,
        description="A command in the container that changes nothing; when it ends with status 0 there is nothing to do.",
    )
    creates: AbsolutePath | None = Field(
        None,
        description="A path in the container; when something is there, there is nothing to do. Needs `test` in the container.",
    )
    always: bool = Field(False, description="Run it every time; every run then reports a change.")
    user: str = Field("", description="Who runs it, as `user`, `uid` or `uid:gid`. Left out: the container's user.")
    workdir: AbsolutePath | None = Field(
        None, description="The directory it runs in. Left out: the container's working directory."
    )
    env: Annotated[
        dict[str, str],
        BeforeValidator(forms.read_environment, json_schema_input_type=dict[str, str] | list[str]),
        AfterValidator(forms.check_environment),
    ] = Field(
        default_factory=dict,
        description="Environment variables more than the container's: a mapping, or a list of `NAME=value`. Never shown.",
    )
    codes: tuple[int, ...] = Field((0,), min_length=1, description="Exit statuses of the command that are no failure.")
    timeout: Duration = Field(
        120.0, gt=0, description="Longest time it may take, such as `5 min`; a guard has at most a minute of it."
    )

    @model_validator(mode="after")
    def _one_guard(self) -> "ExecParams":
        check_one_guard(self)
        return self

    @property
    def guard(self) -> Execute | None:
        """The question whether there is nothing to do; None where it is run always."""
        if self.always:
            return None
        command = self.unless or ("test", "-e", self.creates or "", "-o", "-L", self.creates or "")
        return Execute(
            self.container,
            command,
            user=self.user,
            directory=self.workdir or "",
            environment=tuple(self.env.items()),
            timeout_s=min(self.timeout, _GUARD_S),
        )


@dataclass(frozen=True, slots=True)
class Guarded:
    """The container's state, and whether the guard holds; False where it was not to be asked."""

    state: str
    holds: bool = False


class DockerExec(Step[ExecParams, Guarded]):
    """A guarded command is looked at again after it ran: the guard must hold then."""

    kind = "docker.exec"
    params: ClassVar[type[Params]] = ExecParams
    follows = ("docker.container",)

    def ask(self, want: ExecParams) -> tuple[Question[Any], ...]:
        return (Container(want.container), *((want.guard,) if want.guard else ()))

    def seen(self, answers: Answers, want: ExecParams) -> Guarded | None:
        facts = answers[Container(want.container)]
        if facts is None:
            return None
        if want.guard is None or facts.state != "running":
            return Guarded(facts.state)
        return Guarded(facts.state, _holds(answers[want.guard], want))

    def plan(self, seen: Guarded | None, want: ExecParams) -> tuple[Change, ...]:
        if seen is None:
            raise ActFailed(f'there is no container "{want.container}": a step of docker.container makes one')
        if seen.state != "running":
            raise ActFailed(f'container "{want.container}" is {seen.state}: a command needs one that runs')
        if seen.holds:
            return ()
        return (Change(Verb.RUN, f"command {_short(want.command)}", f"in container {want.container}", why=_why(want)),)

    def apply(self, at: Target, want: ExecParams, seen: Guarded | None, change: Change) -> Mapping[str, str]:
        """What it printed becomes the output `stdout`, its status `code`."""
        where = f'in container "{want.container}" on {at.name}'
        try:
            reply = at.docker.execute(
                want.container,
                want.command,
                timeout_s=want.timeout,
                user=want.user,
                directory=want.workdir or "",
                environment=want.env,
            )
        except ActFailed as error:
            raise refused(error, f'cannot run "{_short(want.command)}" {where}: {error}') from error
        if words := _not_started(reply):
            raise ActFailed(f'cannot run "{_short(want.command)}" {where}: {words}')
        if reply.code not in want.codes:
            raise ActFailed(
                f'"{_short(want.command)}" ended with status {reply.code} {where}: {last_words(reply)}',
                "\n".join(text for text in (reply.text, reply.complaint) if text),
            )
        return {"stdout": reply.text, "code": str(reply.code)}

    def verifies(self, want: ExecParams) -> bool:
        return not want.always


def _holds(reply: Reply, want: ExecParams) -> bool:
    """Does the guard say that there is nothing to do? Raises CannotTell where it could not run, or not to its end."""
    guard = _short(want.unless or ("test", "-e", want.creates or ""))
    if words := _not_started(reply):
        advice = "" if want.unless else '; write "unless" with a command that the container has instead of "creates"'
        raise CannotTell(f'the guard "{guard}" cannot run in container "{want.container}": {words}{advice}')
    check_not_killed(reply, guard)
    if want.creates and reply.code > 1:
        raise CannotTell(f'the guard "{guard}" ended with status {reply.code}: {last_words(reply)}')
    return reply.code == 0


def _not_started(reply: Reply) -> str:
    """What the runtime says where it could not start the command; empty where it could."""
    if reply.code in _NOT_STARTED and reply.out.startswith(_RUNTIME_WORDS):
        return reply.text.strip().removesuffix(": unknown")
    return ""


def _why(want: ExecParams) -> str:
    if want.always:
        return "always"
    return f"{want.creates} is not there" if want.creates else f"unless: {_short(want.unless or ())}"


def _short(words: tuple[str, ...]) -> str:
    """The words as a shell would read them, cut where they are long."""
    return short(shlex.join(words))
