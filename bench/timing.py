"""Whole processes timed side by side: what start-up, work and exit take together."""

import os
import statistics
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Commands = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one process: wall clock, and CPU of the process and its children; the most memory it had in use."""

    wall_s: float
    cpu_s: float
    peak_bytes: int = 0


def environment(**more: str) -> dict[str, str]:
    """Ours, with compiled modules as an installed program has them."""
    return {**{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}, **more}


def timed(command: Sequence[str], environ: Mapping[str, str]) -> Timing:
    """Run a command to its end. Raises SystemExit when it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {process.returncode}\n{said.decode(errors='replace')[-2000:]}")
    return Timing(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def in_turn(commands: Commands, environ: Mapping[str, str], rounds: int) -> dict[str, list[Timing]]:
    """Each command's timings, round by round: what the machine does besides meets all of them."""
    timings: dict[str, list[Timing]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            timings[name].append(timed(command, environ))
    return timings


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def ratio(taken: Sequence[Timing], base: Sequence[Timing]) -> float:
    """The median of wall time ratios, round by round: holds when the machine's speed drifts."""
    return statistics.median(one.wall_s / other.wall_s for one, other in zip(taken, base, strict=True))
