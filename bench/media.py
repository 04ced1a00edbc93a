"""What does copying a medium cost, beside copying the same files with nothing verified?

    python -m bench.media [--megabytes 1024] [--rounds 5] [--directory DIR]

Whole processes, one after the other in each round, each with all that it wrote on disk at its end. The image has the layout of a Debian
DVD: most bytes in big files, most files small, a list of MD5 sums. xorriso joins in where it is installed.
"""

import argparse
import hashlib
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pycdlib import PyCdlib

from bench.timing import Timing, environment, median, ratio, timed

_MB = 1_000_000
_BIG = 16 * _MB
_SMALL = 60_000
_INFO = b'Debian GNU/Linux 12.5.0 "Bookworm" - Official amd64 DVD Binary-1 with firmware 20240210-11:28\n'


def content(megabytes: int) -> Iterator[tuple[str, bytes]]:
    """Files by path: for each big one some thirty small ones."""
    chance = random.Random(1)
    yield ".disk/info", _INFO
    yield "dists/bookworm/Release", b"Codename: bookworm\n"
    left = megabytes * _MB
    number = 0
    while left > 0:
        for size in (_BIG, *[_SMALL] * 30):
            number += 1
            yield (
                f"pool/main/{number % 26:02}/package-{number}_1.0_amd64.deb",
                chance.randbytes(min(size, max(left, 1))),
            )
            left -= size
            if left <= 0:
                return


def make(tree: Path, megabytes: int) -> int:
    """Write the files; their number."""
    lines = []
    for path, data in content(megabytes):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(data)
        lines.append(f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}  ./{path}\n")
    (tree / "md5sum.txt").write_text("".join(lines))
    return len(lines) + 1


def write_image(tree: Path, image: Path) -> None:
    """The image of a tree, with Rock Ridge names."""
    iso = PyCdlib()
    iso.new(interchange_level=3, rock_ridge="1.09")
    plain = {"": ""}
    for number, path in enumerate(sorted(tree.rglob("*"))):
        name = str(path.relative_to(tree))
        above = plain["" if path.parent == tree else str(path.parent.relative_to(tree))]
        if path.is_dir():
            plain[name] = f"{above}/D{number}"
            iso.add_directory(plain[name], rr_name=path.name)
        else:
            iso.add_file(str(path), f"{above}/F{number}.;1", rr_name=path.name)
    iso.write(str(image))
    iso.close()


def media_table(place: Path, megabytes: int, rounds: int) -> None:
    """Print the table."""
    tree, image, site, to = place / "tree", place / "a.iso", place / "site", place / "to"
    count = make(tree, megabytes)
    write_image(tree, image)
    (site / "inventory").mkdir(parents=True)
    python = [sys.executable, "-m", "xcatflow"]
    ours = [*python, "copycds", "-o", "-p", str(to), str(image)]
    commands = {
        "cp -r, sync": ["sh", "-c", f"cp -r {tree} {to} && sync -f {to}"],
        "cp -r, md5sum -c, sync": [
            "sh",
            "-c",
            f"cp -r {tree} {to} && cd {to} && md5sum --quiet -c md5sum.txt && sync -f .",
        ],
        "xcatflow copycds": ours,
        "xcatflow copycds, all there": ours,
    }
    if shutil.which("xorriso"):
        extract = f"xorriso -osirrox on -indev {image} -extract / {to} 2>&1 && sync -f {to}"
        commands["xorriso -extract, sync"] = ["sh", "-c", extract]
    environ = environment(XCATFLOW_SITE=str(site))
    timings: dict[str, list[Timing]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            if "all there" not in name and to.exists():
                timed(["sh", "-c", f"chmod -R u+w {to} && rm -rf {to}"], environ)
            timings[name].append(timed(command, environ))
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    print(f"{count} files of {size / _MB:.0f} MB, median of {rounds} interleaved rounds (whole processes)\n")
    print(f"{'':30}{'wall s':>8}{'CPU s':>8}{'MB/s':>8}{'to cp':>8}")
    for name, taken in timings.items():
        wall = median(each.wall_s for each in taken)
        print(
            f"{name:30}{wall:8.2f}{statistics.median(each.cpu_s for each in taken):8.2f}{size / _MB / wall:8.0f}"
            f"{ratio(taken, timings['cp -r, sync']):8.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", type=Path, help="where to work; a temporary directory where it is not given")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="xcatflow-bench-", dir=given.directory) as directory:
        media_table(Path(directory), given.megabytes, given.rounds)


if __name__ == "__main__":
    main()
