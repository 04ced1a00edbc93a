"""What does it cost to know what a thousand hosts are, to choose among them by it, and to see which of them answer?

    python -m bench.facts [--targets 1000] [--rounds 3] [--nodes 10000]

First table: wall time and controller CPU of whole processes, side by side in one run, on loopback targets behind one sshd: a bare command
through Fabric in a plain thread pool, the look of `host.facts` through that pool, a bare command through xcatflow's own pool, and
`xcatflow facts --refresh`. All targets are one machine,
whose time is in all of them. Second table: noderanges and probing with many nodes, on the loopback range.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.converge import POOL, addresses, make_site
from bench.sshd import Sshd
from bench.timing import environment, in_turn, median, ratio, timed
from xcatflow.steps.facts.look import QUESTION

FANOUT = 64
BARE = """\
schema: 1
name: bare
summary: one bare command
nodes: all
limits: {fanout: 64}
steps:
  - {id: bare, use: ssh.command, with: {run: "true", unless: "true"}}
"""


def gathering(root: Path, sshd: Sshd, targets: int, rounds: int) -> None:
    make_site(root, sshd, targets)
    (root / "workflows" / "bare.yaml").write_text(BARE)
    environ = environment(XCATFLOW_SITE=str(root), TERM="dumb")
    ours = [sys.executable, "-m", "xcatflow"]
    pool = [sys.executable, "-c", POOL, str(sshd.port), str(sshd.key), str(FANOUT), *addresses(targets)]
    look = [*pool]
    look[2] = POOL.replace('"true"', repr(QUESTION.script))
    commands = {
        "Fabric in a thread pool: true": pool,
        "Fabric in a thread pool: the look": look,
        "xcatflow apply, one bare command": [*ours, "apply", "bare"],
        "xcatflow facts --refresh": [*ours, "facts", "all", "--refresh"],
        "xcatflow facts (known)": [*ours, "facts", "all"],
    }
    timed(commands["xcatflow facts --refresh"], environ)
    timings = in_turn(commands, environ, rounds)
    print(f"{targets} targets, fanout {FANOUT}, median of {rounds} interleaved rounds (whole processes)\n")
    print(f"{'':34}{'wall s':>8}{'CPU s':>8}{'to the pool':>13}{'to its look':>13}{'to ours, bare':>15}")
    for name, taken in timings.items():
        to_pool = ratio(taken, timings["Fabric in a thread pool: true"])
        to_look = ratio(taken, timings["Fabric in a thread pool: the look"])
        to_bare = ratio(taken, timings["xcatflow apply, one bare command"])
        wall, cpu = median(t.wall_s for t in taken), median(t.cpu_s for t in taken)
        print(f"{name:34}{wall:8.2f}{cpu:8.2f}{to_pool:13.2f}{to_look:13.2f}{to_bare:15.2f}")


def choosing(root: Path, nodes: int, rounds: int) -> None:
    """Noderanges and probing with many nodes; all their addresses are this machine's own, with nothing on most ports."""
    from xcatflow.app import Site

    (root / "inventory").mkdir(parents=True)
    stanzas = [
        f"n{number:05}:\n    objtype=node\n    groups=all\n    ip=127.{1 + number // 62500}.{number // 250 % 250}.{1 + number % 250}\n"
        for number in range(nodes)
    ]
    (root / "inventory" / "nodes.stanza").write_text("\n".join(stanzas))
    values = {f"fact{number}": "x" * 20 for number in range(35)}
    Site(root).facts.put(
        (f"n{number:05}", 1.0, {**values, "engine": "running" if number % 2 else "none", "details": "{}"})
        for number in range(nodes)
    )
    environ = environment(XCATFLOW_SITE=str(root), TERM="dumb")
    ours = [sys.executable, "-m", "xcatflow"]
    commands = {
        "nodels /n0000[0-9]": [*ours, "nodels", "/n0000[0-9]"],
        "nodels /n0000[0-9]@facts.engine==running": [*ours, "nodels", "/n0000[0-9]@facts.engine==running"],
        "pping -f all": [*ours, "pping", "-f", "all"],
        "nodestat all": [*ours, "nodestat", "all"],
    }
    timed(commands["nodels /n0000[0-9]"], environ)
    print(f"\n{nodes} nodes, median of {rounds} rounds (whole processes)\n\n{'':44}{'wall s':>8}{'CPU s':>8}")
    for name, taken in in_turn(commands, environ, rounds).items():
        print(f"{name:44}{median(t.wall_s for t in taken):8.2f}{median(t.cpu_s for t in taken):8.2f}")


def script_alone(rounds: int) -> None:
    """The look itself, in a shell of this machine."""
    taken = []
    for _ in range(rounds * 5):
        started = time.perf_counter()
        subprocess.run(["sh", "-c", QUESTION.script], capture_output=True, check=True)
        taken.append(time.perf_counter() - started)
    print(f"\nthe look alone, in a shell of this machine: {median(taken) * 1000:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nodes", type=int, default=10000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="xcatflow-bench-") as directory:
        for name in ("site", "sshd", "many"):
            (Path(directory) / name).mkdir()
        with Sshd(Path(directory) / "sshd") as sshd:
            gathering(Path(directory) / "site", sshd, options.targets, options.rounds)
        choosing(Path(directory) / "many", options.nodes, options.rounds)
    script_alone(options.rounds)


if __name__ == "__main__":
    main()
