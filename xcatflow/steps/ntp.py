"""`ntp`: the machine takes its time from these servers.

It is told to the service that is there: chrony, ntpd, or systemd-timesyncd. Whether that runs is for `service.state`; where it does, it is
restarted with the new servers.
"""

import re
from dataclasses import dataclass
from shlex import quote
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotTell
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, File, FileFacts, Question, Unit, UnitFacts
from xcatflow.steps.given import Words
from xcatflow.steps.ntp_files import SERVICES, Service, configured
from xcatflow.steps.place import checked, diff_of, place_file
from xcatflow.steps.sorts import need_file


def _servers(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.:-]*", name):
            raise ValueError(f'expected the name or address of a time server, found "{name}"')
    if not names:
        raise ValueError("expected one time server at least, found none")
    return tuple(dict.fromkeys(names))


class NtpParams(Params):
    """Where time comes from."""

    servers: Annotated[Words, AfterValidator(_servers)] = Field(
        description="The servers: a list, or text with commas, such as `${site.ntpservers}`."
    )
    service: Literal["auto", "chrony", "ntpd", "timesyncd"] = Field(
        "auto", description="Who keeps the time; `auto`: who is there, chrony and ntpd before systemd-timesyncd."
    )
    exclusive: bool = Field(True, description="Switch off the servers that the service's configuration has besides.")


@dataclass(frozen=True, slots=True)
class NtpFacts:
    """The service that is there (None: none), its unit, and its configuration."""

    service: Service | None
    unit: UnitFacts | None = None
    file: FileFacts | None = None

    @property
    def path(self) -> str:
        return self.service.path if self.service else ""

    @property
    def text(self) -> str:
        return ((self.file.content if self.file else None) or b"").decode(errors="surrogateescape")


class Ntp(Step[NtpParams, NtpFacts]):
    """The rest of the service's configuration stays."""

    kind = "ntp"
    params: ClassVar[type[NtpParams]] = NtpParams

    def ask(self, want: NtpParams) -> tuple[Question[Any], ...]:
        return tuple(question for service in _possible(want) for question in (Unit(service.unit), _file(service)))

    def seen(self, answers: Answers, want: NtpParams) -> NtpFacts | None:
        for service in _possible(want):
            unit = answers[Unit(service.unit)]
            if unit and unit.load not in ("masked", "not-found"):
                file = answers[_file(service)]
                if file and file.sort == "file" and file.content is None:
                    raise CannotTell(f'cannot read "{service.path}": it is too large for a configuration')
                return NtpFacts(service, unit, file)
        return NtpFacts(None)

    def plan(self, seen: NtpFacts | None, want: NtpParams) -> tuple[Change, ...]:
        assert seen is not None
        if seen.service is None:
            one = f'no "{want.service}"' if want.service != "auto" else "none of chrony, ntpd and systemd-timesyncd"
            raise ActFailed(
                f'{one} is there to keep the time: install the package "chrony" before, with package.present'
            )
        need_file(seen.path, seen.file)
        new = configured(seen.service, seen.text, want.servers, exclusive=want.exclusive)
        changes = []
        if seen.file is None or new != seen.text:
            diff = diff_of(seen.path, seen.text.encode(errors="surrogateescape"), new.encode(errors="surrogateescape"))
            changes.append(
                Change(
                    Verb.UPDATE if seen.file else Verb.CREATE,
                    f"file {seen.path}",
                    "",
                    None,
                    ", ".join(want.servers),
                    diff=diff,
                )
            )
        if seen.unit and seen.unit.enabled == "disabled":
            changes.append(
                Change(
                    Verb.ENABLE,
                    f"service {seen.service.unit.removesuffix('.service')}",
                    "at boot",
                    "disabled",
                    "enabled",
                )
            )
        return tuple(changes)

    def apply(self, at: Target, want: NtpParams, seen: NtpFacts | None, change: Change) -> None:
        assert seen is not None
        assert seen.service is not None
        if change.verb is Verb.ENABLE:
            checked(at, f"systemctl enable -- {quote(seen.service.unit)}", f'cannot enable "{seen.service.unit}"')
            return
        _put(at, seen, configured(seen.service, seen.text, want.servers, exclusive=want.exclusive))

    def undo(self, at: Target, want: NtpParams, seen: NtpFacts | None, change: Change) -> None:
        assert seen is not None
        assert seen.service is not None
        if change.verb is Verb.ENABLE:
            checked(at, f"systemctl disable -- {quote(seen.service.unit)}", f'cannot disable "{seen.service.unit}"')
        elif seen.file is None:
            restart = f"systemctl try-restart -- {quote(seen.service.unit)}"
            checked(at, f"rm -f -- {quote(seen.path)}\n{restart}", f'cannot remove "{seen.path}"')
        else:
            _put(at, seen, seen.text)

    def outputs(self, seen: NtpFacts | None, want: NtpParams) -> dict[str, str]:
        return {"service": seen.service.unit} if seen and seen.service else {}


def _possible(want: NtpParams) -> tuple[Service, ...]:
    return tuple(service for service in SERVICES if want.service in ("auto", service.name))


def _file(service: Service) -> File:
    return File(service.path, "")


def _put(at: Target, seen: NtpFacts, text: str) -> None:
    assert seen.service is not None
    folder = seen.path.rpartition("/")[0]
    checked(at, f"mkdir -p -- {quote(folder)}", f'cannot make "{folder}"')
    file = seen.file
    rights = (f"{file.mode:04o}", str(file.uid), str(file.gid)) if file else ("0644", None, None)
    place_file(at, seen.path, text.encode(errors="surrogateescape"), mode=rights[0], owner=rights[1], group=rights[2])
    checked(at, f"systemctl try-restart -- {quote(seen.service.unit)}", f'cannot restart "{seen.service.unit}"')
