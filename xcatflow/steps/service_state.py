"""`service.state`: a systemd unit is running or stopped, and starts at boot or does not.

Source: systemctl(1) on ActiveState, UnitFileState and the verbs.
"""

import re
from shlex import quote
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Question, Unit, UnitFacts

_SUFFIXES = ("service", "socket", "timer", "target", "mount", "automount", "path", "slice", "swap")
_RUNNING = ("active", "reloading", "refreshing")
_AT_REST = ("inactive", "failed")
_STARTS_AT_BOOT = ("enabled", "alias", "indirect", "generated")
_CAN_BE_DISABLED = ("enabled", "enabled-runtime", "alias")
_JOURNAL_LINES = 20

_COMMANDS = {
    (Verb.START, ""): "start",
    (Verb.STOP, ""): "stop",
    (Verb.RESTART, ""): "restart",
    (Verb.RELOAD, ""): "reload-or-restart",
    (Verb.ENABLE, "at boot"): "enable",
    (Verb.DISABLE, "at boot"): "disable",
}


def _unit(name: str) -> str:
    full = name if name.rpartition(".")[2] in _SUFFIXES else f"{name}.service"
    if not re.fullmatch(r"[A-Za-z0-9:_.\\@-]+", full) or full.startswith(("-", ".")):
        raise ValueError(f'expected the name of a systemd unit such as "docker" or "docker.socket", found "{name}"')
    return full


class ServiceParams(Params):
    """One unit of systemd."""

    name: Annotated[str, AfterValidator(_unit)] = Field(
        description='The unit, such as "docker" or "docker.socket"; without a suffix ".service" is meant.'
    )
    state: Literal["running", "stopped", "any"] = Field("running", description="What it is to do now.")
    enabled: Literal["any"] | bool = Field("any", description="Whether it is to start at boot.")
    restarted: bool = Field(
        False, description="Restart it, whatever its state: for steps with `after:`, which run when something changed."
    )
    reloaded: bool = Field(
        False, description="Have it read its configuration again (a restart where it cannot): for steps with `after:`."
    )

    @model_validator(mode="after")
    def _possible(self) -> "ServiceParams":
        if self.restarted and self.reloaded:
            raise ValueError('expected one of "restarted" and "reloaded", found both')
        if (self.restarted or self.reloaded) and self.state == "stopped":
            raise ValueError('a service cannot be "stopped" and "restarted" or "reloaded"')
        return self


class ServiceState(Step[ServiceParams, UnitFacts]):
    """Started, stopped, enabled and disabled only where it is not so already."""

    kind = "service.state"
    params: ClassVar[type[Params]] = ServiceParams

    def ask(self, want: ServiceParams) -> tuple[Question[Any], ...]:
        return (Unit(want.name),)

    def seen(self, answers: Answers, want: ServiceParams) -> UnitFacts | None:
        return answers[Unit(want.name)]

    def plan(self, seen: UnitFacts | None, want: ServiceParams) -> tuple[Change, ...]:
        what = _what(want.name)
        active, boot = (seen.active, seen.enabled) if seen else ("not installed", "not installed")
        changes: list[Change] = []
        if want.enabled is True and boot not in _STARTS_AT_BOOT:
            changes.append(Change(Verb.ENABLE, what, "at boot", boot or "no", "enabled"))
        if want.enabled is False and boot in _CAN_BE_DISABLED:
            changes.append(Change(Verb.DISABLE, what, "at boot", boot, "disabled"))
        if want.restarted:
            changes.append(Change(Verb.RESTART, what, why="something it uses changed"))
        elif want.reloaded and active in _RUNNING:
            changes.append(Change(Verb.RELOAD, what, why="something it uses changed"))
        elif want.state == "running" and active not in _RUNNING:
            changes.append(Change(Verb.START, what, "", active, "running"))
        elif want.state == "stopped" and seen and active not in _AT_REST:
            changes.append(Change(Verb.STOP, what, "", active, "stopped"))
        return tuple(changes)

    def apply(self, at: Target, want: ServiceParams, seen: UnitFacts | None, change: Change) -> None:
        if change.verb is Verb.ENABLE and seen and seen.enabled == "static":
            raise ActFailed(
                f'"{want.name}" on {at.name} cannot start at boot by itself (it is static, with no [Install] section): '
                'leave "enabled" out, or enable what starts it'
            )
        _systemctl(at, want.name, change.verb, _COMMANDS[change.verb, change.field])

    def undo(self, at: Target, want: ServiceParams, seen: UnitFacts | None, change: Change) -> None:
        back = {Verb.START: "stop", Verb.STOP: "start", Verb.ENABLE: "disable", Verb.DISABLE: "enable"}
        if change.verb not in back or (change.verb is Verb.START and seen is None):
            raise CannotUndo(f'"{want.name}" was {change.verb}ed: that cannot be taken back')
        _systemctl(at, want.name, change.verb, back[change.verb])

    def verifies(self, want: ServiceParams) -> bool:
        """A restart leaves no difference to be seen; that the unit runs afterwards is looked at by the act itself."""
        return not (want.restarted or want.reloaded)


def _what(unit: str) -> str:
    name, _, suffix = unit.rpartition(".")
    return f"{suffix} {name}"


def _systemctl(at: Target, unit: str, verb: Verb, command: str) -> None:
    """One verb of systemctl. Where it fails, or the unit does not stay up, the last lines of its journal tell why."""
    name = quote(unit)
    brings_up = command in ("start", "restart", "reload-or-restart")
    reread = "systemctl daemon-reload && " if command in ("restart", "reload-or-restart", "start") else ""
    stays = f" && systemctl is-active -- {name} >/dev/null" if brings_up else ""
    script = (
        f"{{ {reread}systemctl {command} -- {name}{stays}; }} && exit 0\n"
        "code=$?\n"
        "{ echo; echo 'its journal ends with:'\n"
        f"journalctl -u {name} -n {_JOURNAL_LINES} -o short --no-pager; }} >&2 2>/dev/null\n"
        "exit $code\n"
    )
    reply = at.run(script, check=False)
    if reply.code:
        complaint, _, journal = reply.complaint.partition("its journal ends with:")
        first = complaint.strip().split("\n")[0] or "it did not stay up"
        raise ActFailed(f"cannot {verb} {_what(unit)} on {at.name}: {first}", f"{complaint.strip()}\n{journal.strip()}")
