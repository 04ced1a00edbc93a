"""A user's crontab: which lines of it are a site's, and the program that reads and writes it.

A line is known by the comment at its end, which names chain and site. It is part of the command that cron hands to the shell, so it
stays with its line wherever that is moved to, and every other byte of the crontab is somebody else's.

Source: crontab(1) and crontab(5) of Debian's cron 3.0pl1.
"""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from shlex import quote

from xcatflow.errors import ActFailed, CannotTell, InvalidInput, NotConverged

_CHAIN = r"(?P<chain>[a-z][a-z0-9_-]*)"
_JOB = re.compile(r"[ \t]*(?P<schedule>@\w+|[^\s#]\S*(?:[ \t]+\S+){4})[ \t]+(?P<command>.*)")
_TIMEOUT_S = 60
_MISSING = 'the program "crontab" is not on PATH: install the package "cron" (Debian, Ubuntu) or "cronie" (Red Hat, SUSE, Arch)'


@dataclass(frozen=True, slots=True)
class CronEntry:
    """A site's line: when it is due, which chain it runs, and the command as the shell is to get it."""

    schedule: str
    chain: str
    command: str
    site: Path


def entries_of(text: str, site: Path) -> tuple[CronEntry, ...]:
    """The site's lines in a crontab, in its order, without those that are commented out."""
    entries: list[CronEntry] = []
    for line in _lines(text):
        if (found := _marker(site).search(line)) and (job := _JOB.match(line[: found.start()])):
            command = job["command"].replace(r"\%", "%")
            entries.append(CronEntry(job["schedule"], found["chain"], command, site))
    return tuple(entries)


def chains_in(text: str, site: Path) -> tuple[str, ...]:
    """The chains that the site's lines name, in the crontab's order, those of lines that are commented out as well."""
    return tuple(dict.fromkeys(name for line in _lines(text) if (name := _chain_of(line, site))))


def merge(text: str, site: Path, entries: Sequence[CronEntry], *, prune: bool = True) -> str:
    """The crontab with these lines of the site: in place of those for the same chains, new ones at the end.

    With `prune` the site's lines for other chains are left out. Raises InvalidInput for what a crontab cannot hold.
    """
    wanted = {entry.chain: _line(entry) for entry in entries}
    placed: dict[str, str] = {}
    lines: list[str] = []
    for line in _lines(text):
        chain = _chain_of(line, site)
        if chain is None or not (prune or chain in wanted):
            lines.append(line)
        elif chain in wanted and chain not in placed:
            placed[chain] = wanted[chain]
            lines.append(wanted[chain])
    new = [line for chain, line in wanted.items() if chain not in placed]
    unfinished = bool(lines) and not lines[-1].endswith("\n")  # it stays last, without the line break it does not have
    at = len(lines) - unfinished
    return "".join((*lines[:at], *new, *lines[at:]))


def without(text: str, site: Path, chain: str | None = None) -> str:
    """The crontab without the site's lines, or without those of one chain. All else stays byte for byte."""
    found = ((line, _chain_of(line, site)) for line in _lines(text))
    return "".join(line for line, name in found if name is None or (chain is not None and name != chain))


def _line(entry: CronEntry) -> str:
    text = f"{entry.schedule} {entry.command} {_mark(entry.chain, entry.site)}"
    if bad := re.search(r"[\x00-\x1f\x7f\\]", text):
        raise InvalidInput(
            f"a crontab cannot hold the character {bad[0]!r}, found in {text!r}: "
            "give the site or the Python installation another path"
        )
    return text.replace("%", r"\%") + "\n"


def _mark(chain: str, site: Path) -> str:
    return f"# xcatflow {chain} {quote(str(site))}"


def _marker(site: Path) -> re.Pattern[str]:
    place = re.escape(quote(str(site)).replace("%", r"\%"))
    return re.compile(rf"[ \t]+# xcatflow {_CHAIN} {place}[ \t\r]*\n?\Z")


def _chain_of(line: str, site: Path) -> str | None:
    found = _marker(site).search(line)
    return found["chain"] if found else None


def _lines(text: str) -> list[str]:
    """Lines with what ends them; only a line feed does."""
    return list(StringIO(text, newline="\n"))


class Crontab:
    """The crontab of whoever runs this, through the program `crontab`. Bytes that are no UTF-8 survive as surrogates."""

    def __init__(self, lock: Path | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self._lock = lock or Path.home() / ".xcatflow" / "crontab.lock"
        self._environ = {**environ, "LC_ALL": "C", "CRONTAB_NOHEADER": "Y"}

    def read(self) -> str:
        """The crontab as it stands; empty when there is none. Raises CannotTell."""
        done = self._run("-l")
        if done.returncode == 1 and b"no crontab for" in done.stderr:
            return ""
        if done.returncode:
            raise CannotTell(f"the crontab cannot be read: {_words(done)}")
        return _decoded(self._exact(done.stdout))

    def write(self, before: str, after: str) -> bool:
        """Put `after` in the place of `before`, which is what was read; False when they are equal, and nothing was done.

        Raises ActFailed when the crontab is not `before` any more, or when `crontab` refuses; NotConverged when it did not keep it.
        """
        if before == after:
            return False
        with self._locked():
            if self.read() != before:
                raise ActFailed("the crontab was changed by somebody else meanwhile, nothing was written: try again")
            done = self._run("-", stdin=after.encode(errors="surrogateescape"))
            if done.returncode:
                raise ActFailed(f"the crontab was not changed: {_words(done)}")
            if not self.read().endswith(after):  # some programs put a heading of their own above it
                raise NotConverged('"crontab -" reported success, but "crontab -l" does not show what was written')
        return True

    def _exact(self, shown: bytes) -> bytes:
        r"""Debian's `crontab -l` shows a carriage return as the two characters `\r`; its `-e` hands over the real bytes."""
        if rb"\r" not in shown:
            return shown
        done = self._run("-e", VISUAL="cat", EDITOR="cat")
        if done.returncode:
            raise CannotTell(f"the crontab cannot be read: {_words(done)}")
        return done.stdout

    def _run(self, argument: str, *, stdin: bytes = b"", **more: str) -> subprocess.CompletedProcess[bytes]:
        program = shutil.which("crontab", path=self._environ.get("PATH"))
        if program is None:
            raise ActFailed(_MISSING)
        try:
            return subprocess.run(
                [program, argument],
                input=stdin,
                capture_output=True,
                env={**self._environ, **more},
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CannotTell(f'"crontab {argument}" did not end within {_TIMEOUT_S} s') from None
        except OSError as error:
            raise CannotTell(f'"{program}" cannot be run: {error.strerror}') from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Nobody else's xcatflow is between reading and writing this user's crontab."""
        try:
            self._lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = self._lock.open("a")
        except OSError as error:
            raise ActFailed(f'cannot lock the crontab with "{self._lock}": {error.strerror}') from None
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _decoded(given: bytes) -> str:
    return given.decode(errors="surrogateescape")


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    """What the program said, on one line."""
    said = done.stderr.strip() or done.stdout.strip()
    lines = said.decode(errors="replace").splitlines()
    return "; ".join(line.strip() for line in lines) or f"exit status {done.returncode}, it said nothing"
