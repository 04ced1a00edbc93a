"""`docker.drained`: before an upgrade, containers are stopped where they cannot outlive it, and only there.

They outlive it with live restore, which a swarm does not have, and which holds within a release line only (20.10, 27.5). What is stopped is
noted on the machine first, so that `docker.running` of a later run starts it where this one is killed.

Source: the engine's manual, "Live restore during upgrades": patch releases only; apt-cache(8), dnf(8) `repoquery`.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from shlex import quote
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotTell
from xcatflow.model.change import Change, Verb
from xcatflow.model.links import chapters
from xcatflow.model.question import Answers, Package, Question, Shell
from xcatflow.steps.daemons.info import ASK_ENGINE, EngineInfo, counted, named, read_info
from xcatflow.steps.daemons.running_look import forget_stopped, note_stopped, start, stop

_LATEST = "latest"
_FEW = 5
_LINE = re.compile(r"(?:[0-9]+:)?([0-9]+\.[0-9]+)")


def _package(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+._-]*", name):
        raise ValueError(f'expected the name of a package, found "{name}"')
    return name


class DrainedParams(Params):
    """The upgrade to come, and what may happen to containers."""

    package: Annotated[str, AfterValidator(_package)] = Field(description="The engine's package, such as `docker.io`.")
    version: str = Field(
        _LATEST,
        min_length=1,
        description='The version to come; `latest`: the newest one that the machine\'s index knows; "27.5*".',
    )
    containers: Literal["keep", "auto", "stop"] = Field(
        "keep",
        description="`keep`: refuse where they cannot run on; `auto`: stop them there; `stop`: stop them for any upgrade.",
    )


@dataclass(frozen=True, slots=True)
class Drain:
    """The engine that runs (None: none does), and the versions of its package: installed, and the newest known, empty for none; all that
    the machine's index knows, newest first."""

    info: EngineInfo | None
    installed: str = ""
    newest: str = ""
    versions: tuple[str, ...] = ()


class DockerDrained(Step[DrainedParams, Drain]):
    """One change: containers stop at the same time, each within its own."""

    kind = "docker.drained"
    params: ClassVar[type[Params]] = DrainedParams

    def ask(self, want: DrainedParams) -> tuple[Question[Any], ...]:
        return (Package(want.package), _question(want.package))

    def seen(self, answers: Answers, want: DrainedParams) -> Drain:
        reply = answers[_question(want.package)]
        parts = chapters(reply.text)
        if reply.code or "newest" not in parts:
            raise CannotTell(f'cannot tell about package "{want.package}": {reply.complaint or f"status {reply.code}"}')
        newest = "" if parts["newest"] == "(none)" else parts["newest"]
        versions = tuple(dict.fromkeys(parts.get("versions", "").split()))
        return Drain(read_info(parts), answers[Package(want.package)] or "", newest, versions)

    def plan(self, seen: Drain | None, want: DrainedParams) -> tuple[Change, ...]:
        assert seen is not None
        if not _target(seen, want):
            raise ActFailed(f'no package source of the machine has "{want.package}": define one (package.repository)')
        if seen.versions and _upgrades(seen, want) and _target(seen, want) not in seen.versions:
            found = ", ".join(seen.versions[:_FEW])
            raise ActFailed(f'the package sources have "{want.package}" in no version "{want.version}", found {found}')
        running = _running(seen)
        if not running or not _upgrades(seen, want):
            return ()
        why = "; ".join(_reasons(seen, want))
        if why and want.containers == "keep":
            raise ActFailed(
                f"{counted(len(running))} ({named(running)}) cannot run on through the upgrade: {why}; "
                'say "containers: auto" to have them stopped, and started again afterwards'
            )
        if not why and want.containers != "stop":
            return ()
        return (Change(Verb.STOP, counted(len(running)), after=named(running), why=why),)

    def apply(self, at: Target, want: DrainedParams, seen: Drain | None, change: Change) -> dict[str, str]:
        assert seen is not None
        names = _running(seen)
        note_stopped(at, names)
        try:
            stop(at, names)
        except ActFailed:
            with suppress(ActFailed):
                start(at, names)
                forget_stopped(at, names)
            raise
        return {"stopped": ",".join(names)}

    def undo(self, at: Target, want: DrainedParams, seen: Drain | None, change: Change) -> None:
        assert seen is not None
        start(at, _running(seen))
        forget_stopped(at, _running(seen))

    def outputs(self, seen: Drain | None, want: DrainedParams) -> dict[str, str]:
        return {"from": seen.installed if seen else "", "to": _target(seen, want) if seen else "", "stopped": ""}


def _running(seen: Drain) -> tuple[str, ...]:
    return tuple(each.name for each in seen.info.running) if seen.info else ()


def _target(seen: Drain, want: DrainedParams) -> str:
    """The version to come: of those that fit a pattern the newest; the pattern itself where the installed one fits, or none."""
    if want.version == _LATEST:
        return seen.newest or seen.installed
    if fnmatchcase(seen.installed, want.version):
        return want.version
    return next((version for version in seen.versions if fnmatchcase(version, want.version)), want.version)


def _upgrades(seen: Drain, want: DrainedParams) -> bool:
    """Is there another version to come?"""
    return bool(seen.installed) and not fnmatchcase(seen.installed, _target(seen, want))


def _reasons(seen: Drain, want: DrainedParams) -> Iterator[str]:
    """Why containers cannot outlive the upgrade."""
    if seen.info and seen.info.swarm:
        yield "the engine is part of a swarm, and has no live restore"
    now, then = (_LINE.match(version) for version in (seen.installed, _target(seen, want)))
    if now and then and now[1] != then[1]:
        yield f"from {now[1]} to {then[1]}, and live restore holds within a release line only"
    elif not then:
        yield f'"{_target(seen, want)}" does not say which release line it is of'


def _question(package: str) -> Shell:
    return Shell(f"p={quote(package)}\n{ASK_ENGINE}{_LOOK}")


_LOOK = """\
if command -v apt-cache >/dev/null; then
  n=$(apt-cache policy -- "$p" | sed -n 's/^  Candidate: //p')
  v=$(apt-cache madison -- "$p" 2>/dev/null | awk '{ print $3 }')
elif command -v dnf >/dev/null; then
  n=$(dnf -q -C repoquery --latest-limit 1 --qf '%{evr}\\n' "$p" 2>/dev/null | grep . | tail -n 1)
  v=$(dnf -q -C repoquery --qf '%{evr}\\n' "$p" 2>/dev/null | grep . | sort -rV)
else
  n=$(zypper -q --no-refresh info -- "$p" 2>/dev/null | sed -n 's/^Version *: //p')
  v=$(zypper -q --no-refresh search -s --match-exact -t package -- "$p" 2>/dev/null | awk -F'|' 'NR > 2 { print $4 }')
fi
printf '#newest\\n%s\\n#versions\\n%s\\n' "$n" "$v"
[ "$(systemctl show -p ActiveState --value docker.service)" != active ] || engine
:
"""
