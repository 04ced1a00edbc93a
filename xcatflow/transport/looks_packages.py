"""Questions about packages as one POSIX script, and its reply as answers.

Source: dpkg-query(1), rpm(8) and what both print for a package that is not there.
"""
# ruff: noqa: ARG002  (every section has the whole interface, used or not)

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any

from xcatflow.errors import CannotTell, InvalidInput
from xcatflow.model.question import CertificateFacts, Package, Question, Reply

_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._~^-]*(:[a-z0-9-]+)?")
_PACKAGES = """\
if command -v dpkg-query >/dev/null && [ -s "${DPKG_ADMINDIR:-/var/lib/dpkg}/status" ]; then
echo dpkg; dpkg-query -W -f '${Package} ${Architecture} ${Status} ${Version}\\n' -- NAMES
elif command -v rpm >/dev/null; then
echo rpm; rpm -q --qf '%{NAME} %{VERSION} %{RELEASE} %{ARCH} %|EPOCH?{%{EPOCH}:}|\\n' -- NAMES
else echo none; fi"""


@dataclass(frozen=True, slots=True)
class PackageSection:
    """Packages by one call of the machine's own package database: dpkg's where it has entries, else rpm's."""

    questions: tuple[Package, ...]

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(q.name for q in self.questions if _PACKAGE.fullmatch(q.name))

    @property
    def script(self) -> str:
        if not self._names:
            return ":"
        return _PACKAGES.replace("NAMES", " ".join(map(quote, self._names)))

    def parse(
        self, reply: Reply, read_certificate: Callable[[str], CertificateFacts | None]
    ) -> dict[Question[Any], object]:
        """For each question its version, None, or CannotTell."""
        base, _, listing = reply.out.decode(errors="replace").partition("\n")
        found: Mapping[str, str | None]
        match base:
            case "dpkg":
                found = _dpkg(listing, reply)
            case "rpm":
                found = _rpm(listing, self._names)
            case _:
                found = {}
        reason = "it has neither dpkg nor rpm" if base == "none" else " ".join(reply.complaint.split()) or "no answer"
        answers: dict[Question[Any], object] = {}
        for question in self.questions:
            name = question.name
            if not _PACKAGE.fullmatch(name):
                answers[question] = InvalidInput(f'"{name}" is no name of a package')
            elif name in found:
                answers[question] = found[name]
            else:
                answers[question] = CannotTell(f'cannot tell whether package "{name}" is installed: {reason}')
        return answers


def _dpkg(listing: str, reply: Reply) -> dict[str, str | None]:
    """Names to versions. What dpkg names as unknown on standard error is not installed, nor is what only left its configuration."""
    found: dict[str, str | None] = {}
    for line in reply.complaint.splitlines():
        if line.startswith("dpkg-query: no packages found matching "):
            found[line.rsplit(" ", 1)[1]] = None
    for line in listing.splitlines():
        fields = line.split(" ")
        if len(fields) != 6:
            continue
        package, architecture, _, _, status, version = fields
        installed = version if status == "installed" else None
        for name in (package, f"{package}:{architecture}"):
            found[name] = installed or found.get(name)
    return found


def _rpm(listing: str, names: tuple[str, ...]) -> dict[str, str | None]:
    """Names (also with version, release and architecture, as rpm takes them) to versions; the last of several, as rpm lists them."""
    found: dict[str, str | None] = {}
    for line in listing.splitlines():
        absent = re.fullmatch(r"package (\S+) is not installed", line)
        if absent:
            found[absent[1]] = None
            continue
        fields = line.split(" ")
        if len(fields) != 5:
            continue
        name, version, release, architecture, epoch = fields
        full = f"{epoch}{version}-{release}"
        for known in (name, f"{name}-{version}", f"{name}-{version}-{release}"):
            for form in (known, f"{known}.{architecture}"):
                if form in names:
                    found[form] = full
    return found
