"""The package manager of a machine, apt, dnf or zypper, as it is told to do something."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Literal

from xcatflow.contract import Target
from xcatflow.errors import ActFailed
from xcatflow.model.question import Reply
from xcatflow.steps.packages.pkglist import Entry
from xcatflow.steps.packages.ways import ACTS, INDEX_AGE, WAY, Way

_INSTALL = """\
case $refresh in
  always) fetch || finish;;
  auto) ! old || fetch || :;;
esac
do_it "$@" && finish
case $refresh$fetched,$out in
  auto,*"Unable to locate package"*|auto,*"no installation candidate"*|auto,*"was not found"*|auto,*"Unable to fetch"*|\\
  auto,*"Unable to find a match"*|auto,*"No match for argument"*|auto,*"No package "*|auto,*"not found"*|auto,*"No provider of"*)
    fetch || finish
    do_it "$@";;
esac
finish
"""

_UNKNOWN = re.compile(
    r"Unable to locate package (\S+)"
    r"|Package '?([^'\s]+)'? has no installation candidate"
    r"|Version '([^']+)' for '([^']+)' was not found"
    r"|No match for argument: (\S+)"
    r"|No package (\S+) available"
    r"|No provider of '([^']+)' found"
)
_UNKNOWN_ALL = re.compile(r"Unable to find a match: (.+)")
_UNKNOWN_GROUP = re.compile(r"Module or Group '([^']+)' is not available|No provider of 'pattern:([^']+)' found")
_FULL = "=disk full\n"
_NO_SPACE = re.compile(r"No space left|enough free space|more space needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """Acts on the packages of one machine."""

    at: Target
    refresh: Literal["auto", "always", "never"] = "auto"
    index_age_s: float = 86400.0
    recommends: bool = False
    lock_timeout_s: float = 120.0
    despite_holds: bool = False
    environment: tuple[tuple[str, str], ...] = ()

    def install(self, entries: Sequence[Entry]) -> None:
        """Install, upgrade or downgrade packages and groups, in one call. Raises ActFailed naming what there is not."""
        self._run(install_words(entries) + _INSTALL, f"cannot install {_named(entries)}")

    def remove(self, entries: Sequence[Entry]) -> None:
        """Remove packages and groups; configuration files stay. Raises ActFailed."""
        self._run(f'{remove_words(entries)}do_it "$@" || :\nfinish\n', f"cannot remove {_named(entries)}")

    def upgrade(self) -> None:
        """Bring everything that is installed to the newest version. Raises ActFailed."""
        script = f'[ $refresh = never ] || ! old || fetch || :\n{UPGRADE_WORDS}do_it "$@" || :\nfinish\n'
        self._run(script, "cannot upgrade the packages")

    def fetch_all(self) -> None:
        """Fetch the package index anew. Raises ActFailed where any of it could not be fetched."""
        self._run("fetch || :\nfinish\n", "cannot fetch the package index")

    def hold(self, names: Sequence[str], *, held: bool) -> None:
        """Hold packages in their versions, or let them go. Raises ActFailed."""
        verbs = ("hold", "add", "addlock") if held else ("unhold", "delete", "removelock")
        listed = " ".join(map(quote, names))
        self._run(
            "case $way in\n"
            f"apt) out=$(apt-mark {verbs[0]} {listed} 2>&1) || code=$?;;\n"
            f"dnf) do_it versionlock {verbs[1]} {listed} || :;;\n"
            f"zypper) zyp {verbs[2]} {listed} || :;;\n"
            "esac\nfinish\n",
            f"cannot {'hold' if held else 'let go'} {', '.join(names)}",
        )

    def fetch(self, family: Way, arguments: Sequence[str], failure: str) -> None:
        """Fetch package indexes with these arguments. Raises ActFailed where any could not be fetched."""
        self._run(
            f"[ $way = {family} ] || {{ echo 'there is no {family}' >&2; exit 1; }}\n"
            # One repository's index says nothing about the age of the others'.
            "was=$(stat -c %Y /var/lib/apt/lists 2>/dev/null)\n"
            f"do_it {' '.join(map(quote, arguments))} || :\n"
            '[ $way != apt ] || [ -z "$was" ] || touch -c -d "@$was" /var/lib/apt/lists || :\n'
            # Old versions of apt-get end well even when they could not fetch: what they say counts.
            'case $out in *"W: Failed to fetch"*|*"W: GPG error"*) [ $code != 0 ] || code=100;; esac\nfinish\n',
            failure,
        )

    def _run(self, script: str, failure: str) -> None:
        lines = [f"export {name}={quote(value)}" for name, value in self.environment]
        lines.append(
            "export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_SUSPEND=1 LC_ALL=C"
        )
        lines.append(
            f"refresh={self.refresh} index_s={max(1, math.ceil(self.index_age_s))} "
            f"lock={math.ceil(self.lock_timeout_s)} weak={str(self.recommends).lower()} "
            f"despite={'--allow-change-held-packages' if self.despite_holds else ''}"
        )
        reply = self.at.run("\n".join(lines) + "\n" + WAY + INDEX_AGE + ACTS + script, check=False)
        if reply.code:
            raise ActFailed(*_failure(reply, failure, self.at.name))


UPGRADE_WORDS = """\
case $way in apt) set -- upgrade --with-new-pkgs;; dnf) set -- upgrade;; zypper) set -- update --auto-agree-with-licenses;; esac
"""


def install_words(entries: Sequence[Entry]) -> str:
    """Sets the words that install these entries, each package manager's own."""
    packages = [entry for entry in entries if not entry.group]
    groups = [entry.name[1:] for entry in entries if entry.group]
    apt = [str(entry) for entry in packages]
    dnf = [f"{e.name}-{e.version}" if e.version else e.name for e in packages] + [f"@{name}" for name in groups]
    zypper = apt + [f"pattern:{name}" for name in groups]
    return (
        "if [ $weak = true ]; then weakly=--recommends; else weakly=--no-recommends; fi\n"
        "case $way in\n"
        f"apt) set -- install --allow-downgrades $despite -- {_quoted(apt)};;\n"
        f"dnf) set -- install {_quoted(dnf)};;\n"
        f"zypper) set -- install --auto-agree-with-licenses --oldpackage $weakly -- {_quoted(zypper)};;\n"
        "esac\n"
    )


def remove_words(entries: Sequence[Entry]) -> str:
    """Sets the words that remove these entries."""
    names = [entry.name for entry in entries]
    patterns = [f"pattern:{name[1:]}" if name.startswith("@") else name for name in names]
    zypper = f"zypper) set -- remove -- {_quoted(patterns)};;"
    return f"case $way in\napt|dnf) set -- remove {_quoted(names)};;\n{zypper}\nesac\n"


def failed_words(words: str) -> str:
    """The line of what a package manager said that tells why it failed."""
    if keyless := re.search(r"^Problem repository: (\S+)", words, re.MULTILINE):
        return f"repository {keyless[1]} has no key, and what is not signed is not installed"
    lines = words.splitlines()
    errors = [line for line in lines if line.startswith(("E:", "Error", "dpkg: error"))]
    return (errors or lines[-1:] or [""])[0]


def unknown_names(words: str) -> tuple[str, ...]:
    """The packages (`name`, `name=version`) and groups (`@name`) that a package manager said it does not know."""
    found = ["=".join(filter(None, reversed(groups))) for groups in _UNKNOWN.findall(words)]
    found += [name for names in _UNKNOWN_ALL.findall(words) for name in names.split()]
    found += [f"@{dnf or zypper}" for dnf, zypper in _UNKNOWN_GROUP.findall(words)]
    return tuple(dict.fromkeys(name for name in found if not name.startswith("pattern:")))


def _quoted(words: Sequence[str]) -> str:
    return " ".join(map(quote, words))


def _named(entries: Sequence[Entry]) -> str:
    return ", ".join(map(str, entries))


def _failure(reply: Reply, failure: str, machine: str) -> tuple[str, str]:
    words = reply.complaint
    if words.startswith(_FULL.strip()):
        words = words.removeprefix(_FULL.strip()).lstrip()
        told = next((line for line in words.splitlines() if _NO_SPACE.search(line)), failed_words(words))
        return (
            f"{failure} on {machine}: its disk is full: make room and run this again, it starts from there ({told.strip()})",
            words,
        )
    if unknown := unknown_names(words):
        names = ", ".join(f'"{name}"' for name in unknown)
        return f"the package sources of {machine} have no {names}: check the name and version, or add a source", words
    return f"{failure} on {machine}: {failed_words(words) or f'exit status {reply.code}'}", words
