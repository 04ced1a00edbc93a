"""What an engine that was killed leaves mounted in its own directories; one that ends by itself leaves nothing.

Source: proc_pid_mountinfo(5), field 5 (mount point, blanks and the like as octal escapes).
"""

import re
from pathlib import Path

from xcatflow.lab.commands import run

TABLE = Path("/proc/self/mountinfo")


def below(directory: Path, table: Path = TABLE) -> tuple[str, ...]:
    """The mount points at and below a directory, the newest first."""
    real = directory.resolve()
    points = [Path(_plain(line.split()[4])) for line in table.read_text().splitlines()]
    return tuple(str(point) for point in reversed(points) if point.is_relative_to(real))


def unmount(directory: Path) -> None:
    """Unmount all of them. Raises ActFailed when one is in use."""
    for point in below(directory):
        run(["umount", "--", point])


def _plain(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
