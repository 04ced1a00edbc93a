"""Which commit of the site's files is being run, and whether they differ from it. Only ever reads.

Source: git-status(1) (porcelain format 2, `--ignored`), git(1) (`--no-optional-locks`), git-config(1) (`safe.directory`, `core.fsmonitor`).
"""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_S = 10.0
_REDIRECTING = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
)
_COMMAND = (
    "git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false",
    "status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--ignored=traditional", "-z", "--", ".",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Revision:
    """`commit` is the full id, empty where there is none; `dirty` tells whether a file of the site differs from it or is not in it
    (ignored files do not count). `note` says why git could not tell, when it should have been able to."""

    commit: str = ""
    dirty: bool = False
    note: str = ""


def revision(site: Path, *, timeout_s: float = _TIMEOUT_S) -> Revision:
    """The revision of the site in the directory `site`. Never raises, never writes, and ends within about `timeout_s`."""
    try:
        site = site.resolve()
        root = next((path for path in (site, *site.parents) if (path / ".git").exists()), None)
    except (OSError, RuntimeError) as error:  # RuntimeError: pathlib's word for links that go round in circles
        return Revision(note=f"git cannot be asked: {error}")
    if root is None:
        return Revision()
    try:
        code, out, complaint = _run(site, timeout_s)
    except FileNotFoundError:
        return Revision(note="git is not installed: the commit is not recorded")
    except subprocess.TimeoutExpired:
        return Revision(note=f"git gave no answer within {timeout_s:g} s: the commit is not recorded")
    except OSError as error:
        return Revision(note=f"git cannot be asked: {error}")
    if code:
        return Revision(note=_reason(complaint, root))
    return _read(out, site.relative_to(root).as_posix())


def _run(site: Path, timeout_s: float) -> tuple[int, str, str]:
    """Exit status, standard output and error of git. In a process group of its own: an interrupt is not for it, and all of it ends when
    it takes too long."""
    pipe = subprocess.PIPE
    environment = _environment(os.environ)
    process = (
        subprocess.Popen(  # not as a context: leaving one waits, and a process stuck on a dead file server never ends
            _COMMAND,
            cwd=site,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            env=environment,
            start_new_session=True,
        )
    )
    try:
        out, err = process.communicate(timeout=timeout_s)
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=1)
        raise
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    """Ours, without what a git hook that started us set to point elsewhere."""
    kept = {name: value for name, value in given.items() if name not in _REDIRECTING}
    return {**kept, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}


def _read(out: str, prefix: str) -> Revision:
    """`prefix` is the site's path inside the tree, `.` for the tree itself. A site that the tree as a whole ignores is not in it."""
    commit, dirty = "", False
    for entry in out.split("\0"):
        match entry.split(" ", 1):
            case ["#", header]:
                if header.startswith("branch.oid ") and not header.endswith("(initial)"):
                    commit = header.removeprefix("branch.oid ")
            case ["!", path]:
                if f"{prefix}/".startswith(f"{path.rstrip('/')}/"):
                    return Revision()
            case [other, *_]:
                dirty = dirty or bool(other)
    return Revision(commit, dirty)


def _reason(complaint: str, root: Path) -> str:
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    first = next((line for line in lines if line.startswith("fatal:")), lines[0] if lines else "no reason given")
    if "dubious ownership" in first:
        fix = f"git config --global --add safe.directory {root}"
        return f'git refuses "{root}", which belongs to another user: the commit is not recorded; to trust it: {fix}'
    return f"git cannot tell the commit: {first.removeprefix('fatal: ')}"
