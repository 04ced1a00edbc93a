"""A program `crontab` for PATH: keeps its table in a file, and refuses what Debian's refuses."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = r"""#!/bin/sh
# What it does can be changed by the files "fails" (what it says while it refuses) and "forgets" (accepts and keeps nothing).
cd "{directory}" || exit 3
echo "$*" >>calls
case $1 in
-l) if [ -f fails-to-read ]; then cat fails-to-read >&2; exit 1; fi
    [ -f table ] || {{ echo "no crontab for tester" >&2; exit 1; }}
    exec "{python}" -c 'import sys; sys.stdout.buffer.write(open("table", "rb").read().replace(b"\r", b"\\r"))' ;;
-e) if [ -f fails-to-edit ]; then cat fails-to-edit >&2; exit 1; fi
    cp table edited && exec $VISUAL edited ;;
-)  cat >new
    if [ -f fails ]; then cat fails >&2; exit 1; fi
    if [ -s new ] && [ -n "$(tail -c 1 new)" ]; then
        echo "new crontab file is missing newline before EOF, can't install." >&2
        exit 1
    fi
    [ -f forgets ] || mv new table ;;
*)  echo "usage error" >&2; exit 1 ;;
esac
"""


@dataclass(slots=True)
class FakeCrontab:
    """The program in `directory`; `environ` has it on PATH."""

    directory: Path

    @classmethod
    def make(cls, directory: Path) -> "FakeCrontab":
        directory.mkdir()
        program = directory / "crontab"
        program.write_text(_SCRIPT.format(directory=directory, python=sys.executable))
        program.chmod(0o755)
        return cls(directory)

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.directory}:/usr/bin:/bin"}

    @property
    def table(self) -> bytes | None:
        """The table's bytes; None where there is none."""
        path = self.directory / "table"
        return path.read_bytes() if path.exists() else None

    @table.setter
    def table(self, content: bytes) -> None:
        (self.directory / "table").write_bytes(content)

    def set(self, name: str, said: str = "") -> None:
        """Make the program behave otherwise from now on."""
        (self.directory / name).write_text(said)

    @property
    def calls(self) -> list[str]:
        """The arguments of every call so far."""
        path = self.directory / "calls"
        return path.read_text().splitlines() if path.exists() else []
