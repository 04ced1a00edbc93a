"""The runner: `python -m tests.fuzz --seconds 60 stanza noderange`.

With atheris (`pip install atheris`) inputs are chosen by what code they reach, without it at random. A text that did harm is kept in
`tests/fuzz/found/TARGET/`, from where the unit tests replay it.
"""

# ruff: noqa: T201

import argparse
import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.fuzz.mutation import run
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

FOUND = Path(__file__).parent / "found"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description="Look for texts that do more harm than a complaint."
    )
    parser.add_argument("target", nargs="*", help=f"of {', '.join(TARGETS)}; all when left out")
    parser.add_argument("--seconds", type=int, default=60, help="how long each target is fuzzed (60)")
    parser.add_argument("--random", action="store_true", help="do without atheris")
    given = parser.parse_args()
    if unknown := [name for name in given.target if name not in TARGETS]:
        parser.error(f"no target {', '.join(unknown)}: there are {', '.join(TARGETS)}")
    guided = not given.random and importlib.util.find_spec("atheris") is not None
    if not guided:
        print("inputs are chosen at random; with atheris by what code they reach: pip install atheris")
    bad = 0
    for name in given.target or TARGETS:
        print(f"{name}: {given.seconds} seconds", flush=True)
        bad += (_guided if guided else _random)(TARGETS[name], given.seconds)
    return 1 if bad else 0


def _guided(target: Target, seconds: int) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        finds = Path(scratch) / "finds"
        finds.mkdir()
        command = [sys.executable, "-m", "tests.fuzz.guided", target.name, str(seconds), str(finds)]
        environ = {**os.environ, "TMPDIR": scratch}
        done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace", env=environ)
        kept = [_keep(target, path.read_bytes()) for path in sorted(finds.iterdir())]
    tried = [line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    if done.returncode or kept:
        print(done.stdout[-3000:], done.stderr[-3000:])
    print(f"{target.name}: {tried[0] if tried else 'no'} inputs, {len(kept)} that did harm", *kept, flush=True)
    return int(bool(done.returncode or kept))


def _random(target: Target, seconds: int) -> int:
    until = time.monotonic() + seconds
    tried, find = run(target, max(0.0, until - time.monotonic()))
    if find:
        text, error = find
        traceback.print_exception(error)
        print(f"{target.name}: {tried} inputs, the last did harm:", _keep(target, text.encode()), flush=True)
        return 1
    print(f"{target.name}: {tried} inputs, none did harm", flush=True)
    return 0


def _keep(target: Target, content: bytes) -> Path:
    path = FOUND / target.name / f"{hashlib.sha1(content).hexdigest()[:12]}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    sys.exit(main())
