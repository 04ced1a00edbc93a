"""How long does a command take that has hardly anything to do?

    python -m bench.startup [--rounds 15]

Wall time of whole processes, side by side in one run. The yardstick is the import of the one library that every run needs; whoever asks
for help does not even wait for that.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from bench.timing import environment, in_turn, median, ratio, timed

NODES = 100


def startup_table(rounds: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="xcatflow-bench-") as directory:
        inventory = Path(directory) / "inventory"
        inventory.mkdir()
        stanzas = [
            f"t{number:03}:\n    objtype=node\n    groups=all\n    ip=10.0.0.{number + 1}\n" for number in range(NODES)
        ]
        (inventory / "targets.stanza").write_text("\n".join(stanzas))
        environ = environment(XCATFLOW_SITE=directory)
        base = "python -c 'import pydantic'"
        commands = {
            base: [sys.executable, "-c", "import pydantic"],
            "xcatflow --help": [sys.executable, "-m", "xcatflow", "--help"],
            f"xcatflow nodes t000, of {NODES}": [sys.executable, "-m", "xcatflow", "nodes", "t000"],
            "xcatflow kinds": [sys.executable, "-m", "xcatflow", "kinds"],
        }
        for command in commands.values():
            timed(command, environ)
        timings = in_turn(commands, environ, rounds)
    print(f"start-up, median of {rounds} interleaved rounds (whole processes)\n")
    print(f"{'':32}{'wall ms':>9}{'to the import':>15}")
    for name, taken in timings.items():
        print(f"{name:32}{1000 * median(t.wall_s for t in taken):9.0f}{ratio(taken, timings[base]):15.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    startup_table(parser.parse_args().rounds)


if __name__ == "__main__":
    main()
