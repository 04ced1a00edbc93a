"""Questions about a machine as few small POSIX scripts, and their replies as answers. Pure: nothing is run here.

Questions of one class share a script, so that a look costs a constant number of processes on the machine: files one `stat` and one
`sha256sum`, units one `systemctl`, packages one `dpkg-query` or `rpm`, certificates one `grep`, the insides of containers one `docker
inspect` for all. Scripts are written for dash, bash and busybox sh, expect the locale C and root, and read no input. Files are in
`looks_files`, packages in `looks_packages`, containers' interfaces in `looks_links`.

Source: systemctl(1) `show`, grep(1), POSIX.1-2017 for the shell.
"""
# ruff: noqa: ARG002  (every section has the whole interface, used or not)

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from shlex import quote
from typing import Any, Protocol

from xcatflow.errors import CannotTell, InvalidInput
from xcatflow.model.container_links import ContainerLink, Neighbour
from xcatflow.model.question import (
    Certificate,
    CertificateFacts,
    File,
    Package,
    Question,
    Reply,
    Shell,
    Unit,
    UnitFacts,
)
from xcatflow.transport.looks_files import GONE, FileSection, refused_path
from xcatflow.transport.looks_links import LinkSection
from xcatflow.transport.looks_packages import PackageSection

ReadCertificate = Callable[[str], CertificateFacts | None]

_AT_ONCE = 64
_SLOW = """\
n() { { ( eval "$2" ) 2>/dev/null; printf '\\n=%s\\n' "$?"; } | while IFS= read -r line; do printf '%s %s\\n' "$1" "$line"; done; }
"""
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]+\.[a-z]+")


class Section(Protocol):
    """One script, the questions it answers, and how to read its reply."""

    @property
    def questions(self) -> tuple[Question[Any], ...]: ...
    @property
    def script(self) -> str: ...

    def parse(self, reply: Reply, read_certificate: ReadCertificate) -> dict[Question[Any], object]:
        """For each question of the section its answer, or the error that asking it raises."""
        ...


def sections(questions: Iterable[Question[Any]]) -> tuple[Section, ...]:
    """The scripts that answer `questions` (face "shell"; equal ones are asked once).

    A question that cannot be asked safely (a line break in a path, a pattern for a name) gets InvalidInput as its answer. Raises
    TypeError for a question that no machine's shell can answer.
    """
    shells: list[Section] = []
    files: list[File] = []
    units: list[Unit] = []
    packages: list[Package] = []
    certificates: list[Certificate] = []
    links: list[ContainerLink | Neighbour] = []
    slow: list[Shell] = []
    for question in dict.fromkeys(questions):
        match question:
            case Shell(slow=True):
                slow.append(question)
            case Shell():
                shells.append(ShellSection(question))
            case File():
                files.append(question)
            case Unit():
                units.append(question)
            case Package():
                packages.append(question)
            case Certificate():
                certificates.append(question)
            case ContainerLink() | Neighbour():
                links.append(question)
            case _:
                raise TypeError(f"no shell answers {question!r}")
    grouped: list[Section] = []
    if files:
        grouped.append(FileSection(tuple(files)))
    if units:
        grouped.append(UnitSection(tuple(units)))
    if packages:
        grouped.append(PackageSection(tuple(packages)))
    if certificates:
        grouped.append(CertificateSection(tuple(certificates)))
    if links:
        grouped.append(LinkSection(tuple(links)))
    if slow:
        shells.append(SlowSection(tuple(slow)))
    return (*grouped, *shells)


@dataclass(frozen=True, slots=True)
class ShellSection:
    """A script of a step's own: the reply is the answer, whatever its exit status."""

    question: Shell

    @property
    def questions(self) -> tuple[Question[Any], ...]:
        return (self.question,)

    @property
    def script(self) -> str:
        return self.question.script

    def parse(self, reply: Reply, read_certificate: ReadCertificate) -> dict[Question[Any], object]:
        return {self.question: reply}


@dataclass(frozen=True, slots=True)
class SlowSection:
    """Scripts that wait for something, run at the same time: a machine that pings a thousand silent addresses, a second each, would
    otherwise be busy for a quarter of an hour. Each line comes with its script's number before it."""

    questions: tuple[Shell, ...]

    @property
    def script(self) -> str:
        calls = [f"n {number} {quote(question.script)} &" for number, question in enumerate(self.questions)]
        calls[_AT_ONCE - 1 :: _AT_ONCE] = [f"{call}\nwait" for call in calls[_AT_ONCE - 1 :: _AT_ONCE]]
        return _SLOW + "\n".join((*calls, "wait"))

    def parse(self, reply: Reply, read_certificate: ReadCertificate) -> dict[Question[Any], object]:
        said: dict[str, list[bytes]] = {str(number): [] for number in range(len(self.questions))}
        for line in reply.out.splitlines(keepends=True):
            number, _, rest = line.partition(b" ")
            said.get(number.decode(errors="replace"), []).append(rest)
        return dict(zip(self.questions, map(_slow_reply, said.values()), strict=True))


def _slow_reply(lines: list[bytes]) -> Reply | CannotTell:
    code = lines[-1].strip() if lines else b""
    if not (code.startswith(b"=") and code[1:].isdigit()):
        return CannotTell("a look came back without its end: the machine may be out of memory or of processes")
    return Reply(int(code[1:]), b"".join(lines[:-1])[:-1])  # the line break before the code is ours


@dataclass(frozen=True, slots=True)
class UnitSection:
    """Units by one `systemctl show`: it prints a block per name, in the order of the names."""

    questions: tuple[Unit, ...]

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(q.name for q in self.questions if _UNIT.fullmatch(q.name))

    @property
    def script(self) -> str:
        if not self._names:
            return ":"
        names = " ".join(map(quote, self._names))
        return f"systemctl show -p Id,LoadState,ActiveState,UnitFileState -- {names}"

    def parse(self, reply: Reply, read_certificate: ReadCertificate) -> dict[Question[Any], object]:
        blocks = reply.text.strip("\n").split("\n\n")
        names = self._names
        whole = reply.code == 0 and len(blocks) == len(names)
        facts = dict(zip(names, map(_unit_facts, blocks), strict=True)) if whole else {}
        answers: dict[Question[Any], object] = {}
        for question in self.questions:
            if question.name not in names:
                answers[question] = InvalidInput(
                    f'"{question.name}" is no name of a systemd unit, expected one such as "docker.service"'
                )
            elif whole:
                answers[question] = facts[question.name]
            else:
                answers[question] = CannotTell(f'cannot tell about unit "{question.name}": {_no_systemd(reply)}')
        return answers


def _unit_facts(block: str) -> UnitFacts | CannotTell | None:
    values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    match values.get("LoadState", ""):
        case "":
            return CannotTell(f"systemctl gave no LoadState: {block!r}")
        case "not-found":
            return None
        case load:
            return UnitFacts(load=load, active=values.get("ActiveState", ""), enabled=values.get("UnitFileState", ""))


def _no_systemd(reply: Reply) -> str:
    if reply.code == 127:
        return "the machine has no systemd"
    return reply.complaint.split("\n")[0] or f"systemctl gave an unexpected answer (status {reply.code})"


@dataclass(frozen=True, slots=True)
class CertificateSection:
    """Certificates by one `grep` that prints every line of every file after the file's name."""

    questions: tuple[Certificate, ...]

    @property
    def _paths(self) -> tuple[str, ...]:
        return tuple(q.path for q in self.questions if not refused_path(q.path))

    @property
    def script(self) -> str:
        paths = " ".join(map(quote, self._paths))
        return f"grep -aH -m 2000 '' -- {paths}" if paths else ":"

    def parse(self, reply: Reply, read_certificate: ReadCertificate) -> dict[Question[Any], object]:
        texts: dict[str, list[str]] = {path: [] for path in sorted(self._paths, key=len, reverse=True)}
        for line in reply.out.decode(errors="replace").splitlines():
            path = next((path for path in texts if line.startswith(f"{path}:")), None)
            if path:
                texts[path].append(line.removeprefix(f"{path}:"))
        answers: dict[Question[Any], object] = {}
        for question in self.questions:
            if refused := refused_path(question.path):
                answers[question] = refused
            elif text := texts[question.path]:
                answers[question] = read_certificate("\n".join(text))
            else:
                answers[question] = _unread(question.path, reply)
        return answers


def _unread(path: str, reply: Reply) -> CannotTell | None:
    """What to make of a file of which not one line came: empty or absent, unless `grep` names another reason."""
    complaints = reply.complaint.splitlines()
    named = [line for line in complaints if f" {path}: " in line]
    if any(line.endswith(GONE) for line in named) or (not named and reply.code in (0, 1, 2)):
        return None
    reason = (named or complaints or [f"status {reply.code}"])[0]
    return CannotTell(f'cannot read the certificate "{path}": {reason}')
