"""The package manager of a machine, apt or dnf, as scripts: install, remove, newest versions.

Nothing asks questions, changed configuration files are kept, nothing without a valid signature is installed, and a package manager that
is already at work is waited for. An interrupted dpkg is helped up once.

Source: apt-get(8), apt.conf(5), dpkg(1), dnf(8), and the messages they print.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Literal

from xcatflow.contract import Target
from xcatflow.errors import ActFailed, CannotTell
from xcatflow.model.question import Reply, Shell

_WAYS = """\
out= code=0
run_apt() { apt-get -y -q -o DPkg::Lock::Timeout="$lock" -o APT::Get::AllowUnauthenticated=false \\
  -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o APT::Install-Recommends="$weak" \\
  -o APT::Update::Error-Mode=any -o Acquire::Retries=2 "$@" </dev/null 2>&1; }
apt() {
  end=$(($(date +%s) + lock)) mended=
  while out=$(run_apt "$@"); code=$?; [ $code != 0 ]; do
    case $out in
      *"dpkg was interrupted"*)
        [ -z "$mended" ] || return $code
        mended=1; dpkg --force-confdef --force-confold --configure -a </dev/null >/dev/null 2>&1;;
      *"Could not get lock"*|*"Unable to lock directory"*)
        [ "$(date +%s)" -lt $end ] || return $code
        sleep 2;;
      *) return $code;;
    esac
  done
  return 0
}
fetch() {
  fetched=1
  if [ $way = dnf ]; then out=$($dnf -q clean expire-cache 2>&1); code=$?; return $code; fi
  apt update && { touch -c /var/lib/apt/lists || :; }
}
old() { [ $way = apt ] && [ -z "$(find /var/lib/apt/lists -maxdepth 0 -mmin "-$age")" ]; }
do_it() {
  if [ $way = apt ]; then apt "$@"; return $?; fi
  out=$($dnf -y -q --setopt=gpgcheck=1 --setopt='*.gpgcheck=1' --setopt=best=1 \\
  --setopt=install_weak_deps="$weak" "$@" </dev/null 2>&1)
  code=$?; return $code
}
finish() { [ $code = 0 ] || printf '%s\\n' "$out" >&2; exit $code; }
way= fetched=
if command -v apt-get >/dev/null; then way=apt
elif dnf=$(command -v dnf) || dnf=$(command -v yum); then way=dnf
else echo "there is neither apt nor dnf" >&2; exit 1; fi
"""

_INSTALL = """\
[ $way = apt ] && set -- install --allow-downgrades $apt_names || set -- install $dnf_names
case $refresh in
  always) fetch || finish;;
  auto) ! old || fetch || :;;
esac
do_it "$@" && finish
case $refresh$fetched,$out in
  auto,*"Unable to locate package"*|auto,*"no installation candidate"*|auto,*"was not found"*|auto,*"Unable to fetch"*|\\
  auto,*"Unable to find a match"*|auto,*"No match for argument"*|auto,*"No package "*)
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
    r"|Unable to find a match: (.+)"
    r"|No package (\S+) available"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """Acts on the packages of one machine."""

    at: Target
    refresh: Literal["auto", "always", "never"] = "auto"
    index_age_s: float = 86400.0
    recommends: bool = False
    lock_timeout_s: float = 120.0
    environment: tuple[tuple[str, str], ...] = ()

    def install(self, entries: Sequence[str]) -> None:
        """Install, upgrade or downgrade `name` or `name=version`, in one call. Raises ActFailed naming what there is not."""
        names = f"apt_names={quote(' '.join(entries))} dnf_names={quote(' '.join(map(_dnf_entry, entries)))}\nset -f\n"
        self._run(names + _INSTALL, f"cannot install {', '.join(entries)}")

    def remove(self, names: Sequence[str]) -> None:
        """Remove packages; their configuration files stay. Raises ActFailed."""
        self._run(f"do_it remove {' '.join(map(quote, names))} || :\nfinish\n", f"cannot remove {', '.join(names)}")

    def fetch(self, family: Literal["apt", "dnf"], arguments: Sequence[str], failure: str) -> None:
        """Fetch package indexes: `update` or `makecache` with these arguments. Raises ActFailed where any could not be fetched."""
        self._run(
            f"[ $way = {family} ] || {{ echo 'there is no {family}' >&2; exit 1; }}\n"
            f"do_it {' '.join(map(quote, arguments))} || :\n"
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
            f"refresh={self.refresh} age={max(1, math.ceil(self.index_age_s / 60))} "
            f"lock={math.ceil(self.lock_timeout_s)} weak={str(self.recommends).lower()}"
        )
        reply = self.at.run("\n".join(lines) + "\n" + _WAYS + script, check=False)
        if reply.code:
            raise ActFailed(*_failure(reply, failure, self.at.name))


def _dnf_entry(entry: str) -> str:
    name, _, version = entry.partition("=")
    return f"{name}-{version}" if version else name


def _failure(reply: Reply, failure: str, machine: str) -> tuple[str, str]:
    words = reply.complaint
    unknown = ["=".join(filter(None, reversed(groups))) for groups in _UNKNOWN.findall(words)]
    if unknown:
        names = ", ".join(f'"{name}"' for name in dict.fromkeys(" ".join(unknown).split()))
        return f"the package sources of {machine} have no {names}: check the name and version, or add a source", words
    errors = [line for line in words.splitlines() if line.startswith(("E:", "Error"))]
    first = errors[0] if errors else (words.splitlines() or [f"exit status {reply.code}"])[-1]
    return f"{failure} on {machine}: {first}", words


def newest_question(names: Sequence[str]) -> Shell:
    """Asks which versions the machine's package index offers, without fetching it."""
    listed = " ".join(map(quote, names))
    return Shell(
        f"if command -v apt-get >/dev/null; then echo apt; apt-cache policy -- {listed}\n"
        f"elif dnf=$(command -v dnf) || dnf=$(command -v yum); then echo dnf; $dnf -q -C check-update {listed}\n"
        "code=$?; [ $code = 100 ] || exit $code\n"
        "else echo none; fi"
    )


def newest(reply: Reply) -> dict[str, str]:
    """Newest versions by name, of those that the index knows. Raises CannotTell."""
    base, _, listing = reply.text.partition("\n")
    match base:
        case "apt" if reply.code == 0:
            found = re.findall(r"^(\S+):\n(?: .*\n)*?  Candidate: (\S+)", listing, re.MULTILINE)
            return {name: version for name, version in found if version != "(none)"}
        case "dnf" if reply.code == 0:
            return dict(re.findall(r"^(\S+)\.[a-z0-9_]+ +(\S+) +\S+$", listing, re.MULTILINE))
    reason = "there is neither apt nor dnf" if base == "none" else reply.complaint or f"status {reply.code}"
    raise CannotTell(f"cannot tell the newest versions of packages: {reason}")
