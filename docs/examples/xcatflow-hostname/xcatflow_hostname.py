"""A kind of step of somebody else's: a host's name."""

import shlex
from typing import Any

from pydantic import Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import CannotTell
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Question, Shell

LOOK = Shell("cat /etc/hostname")


class HostnameParams(Params):
    """What may stand under `with:`."""

    name: str = Field(description="The host's name.")


class HostnameSet(Step[HostnameParams, str]):
    """The host has this name, now and after a reboot."""

    kind = "hostname.set"
    params = HostnameParams

    def ask(self, want: HostnameParams) -> tuple[Question[Any], ...]:
        return (LOOK,)

    def seen(self, answers: Answers, want: HostnameParams) -> str | None:
        reply = answers[LOOK]
        if reply.code:
            raise CannotTell(f"the host's name cannot be read: {reply.complaint}")
        return reply.text

    def plan(self, seen: str | None, want: HostnameParams) -> tuple[Change, ...]:
        if seen == want.name:
            return ()
        return (Change(Verb.UPDATE, "hostname", before=seen, after=want.name),)

    def apply(self, at: Target, want: HostnameParams, seen: str | None, change: Change) -> None:
        name = shlex.quote(want.name)
        at.run(f"printf '%s\\n' {name} >/etc/hostname && hostname {name}")
