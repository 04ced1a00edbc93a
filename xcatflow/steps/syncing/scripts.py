"""Scripts of a synclist: run on the machine after its files are there, from a copy that is removed afterwards.

A script that belongs to a file is marked on the machine before the file is touched, and the mark goes when it has ended well: one that
failed, or was cut off, is run the next time.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from shlex import quote

from xcatflow.contract import Desk, Target
from xcatflow.errors import ActFailed, InvalidInput, Problem, reason_of
from xcatflow.steps.guard import last_words
from xcatflow.steps.place import checked
from xcatflow.steps.syncing.items import Item
from xcatflow.steps.syncing.synclist import Script, Synclist

DIRECTORY = "/var/lib/xcatflow/sync"
_POST = ".post"


@dataclass(frozen=True, slots=True)
class After:
    """A script to run, and the paths of the files on the machine that it belongs to (none: it is run each time)."""

    path: str
    files: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """Where it is marked that it is still to be run."""
        return f"{DIRECTORY}/pending-{sha256(self.path.encode()).hexdigest()[:16]}"


def scripts_of(listed: Synclist, items: tuple[Item, ...], desk: Desk) -> tuple[After, ...]:
    """The scripts that are for the node that has these items; `listed` is the list for all nodes. Raises InvalidInput for a script that
    belongs to no file of the list."""
    of_source: dict[str, list[str]] = {}
    for item in items:
        of_source.setdefault(item.source, []).append(item.dest)
    problems: list[Problem] = []
    found: list[After] = []
    for script, each_time in (*((one, False) for one in listed.execute), *((one, True) for one in listed.always)):
        file = script.path if each_time else script.path.removesuffix(_POST)
        if not each_time and file == script.path:
            expected = f'expected the path of a "FILE{_POST}" in "EXECUTE:", found "{script.path}"'
            problems.append(Problem(expected, script.place))
        elif paths := of_source.get(str(desk.path(file))):
            found.append(After(_readable(script, desk), () if each_time else tuple(sorted(paths))))
        elif not any(_means(source, file) for entry in listed.entries for source in entry.sources):
            problems.append(Problem(f'"{script.path}" belongs to "{file}", which the list does not copy', script.place))
    if problems:
        raise InvalidInput(problems)
    return tuple(dict.fromkeys(found))


def _means(source: str, file: str) -> bool:
    """Is a file what a source means, or in a directory that it means?"""
    return fnmatchcase(file, source) or fnmatchcase(file, f"{source.rstrip('/')}/*")


def _readable(script: Script, desk: Desk) -> str:
    path = desk.path(script.path)
    if not path.is_file():
        raise InvalidInput(
            f"The file {script.path} which is specified to be sync'd to the node does NOT exist.", script.place
        )
    return str(path)


_RUN = """\
set -eu; umask 077
mkdir -p -- "$d"
w=$(mktemp -d "$d/run.XXXXXX")
trap 'rm -rf -- "$w"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$w/$n"
chmod 0700 -- "$w/$n"
umask 022
cd /
"$w/$n" </dev/null || { code=$?; exit "$code"; }
rm -f -- "$m"
"""


def mark(at: Target, scripts: tuple[After, ...]) -> None:
    """Note on the machine that these are to be run."""
    paths = " ".join(quote(script.mark) for script in scripts)
    script = f'set -eu; umask 077; mkdir -p -- {DIRECTORY}; for m in {paths}; do : >"$m"; done'
    checked(at, script, "cannot note which scripts are to be run")


def run_script(at: Target, script: After) -> str:
    """What it printed. Raises ActFailed when it ended with another status than 0."""
    try:
        content = Path(script.path).read_bytes()
    except OSError as error:
        raise ActFailed(f'cannot read "{script.path}": {reason_of(error)}') from None
    values = {"d": DIRECTORY, "n": Path(script.path).name, "m": script.mark}
    words = " ".join(f"{name}={quote(value)}" for name, value in values.items())
    reply = at.run(f"{words}\n{_RUN}", stdin=content, check=False)
    said = "\n".join(text for text in (reply.text, reply.complaint) if text)
    if reply.code:
        raise ActFailed(f'"{script.path}" ended with status {reply.code} on {at.name}: {last_words(reply)}', said)
    return said
