"""What does it cost to bring a tree to a host, and to find that it is there?

    python -m bench.sync [--files 10000] [--bytes 1000000000] [--rounds 3]

Whole processes side by side, over one sshd on loopback: a run of a workflow with one `file.sync` step, and `rsync -Lrptz`, as xCAT's
synclists use it, with and without `-z`. Trees: many small files, and one of the same size in large ones.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from bench.sshd import Sshd
from bench.timing import Timing, environment, median, ratio, timed

LARGE_FILES = 10
WORKFLOW = """\
schema: 1
name: {name}
summary: a benchmark
nodes: t000
steps:
  - {{id: tree, use: file.sync, with: {{src: "{source}", dest: "{dest}", delete: true}}}}
"""


def make_tree(root: Path, files: int, size: int) -> None:
    """Files in directories of a hundred; half of each is text that can be compressed, half is not."""
    rng = Random(1)
    each = max(2, size // files)
    for number in range(files):
        path = root / f"d{number // 100}" / f"f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = rng.randbytes(each // 2)
        path.write_bytes(noise + b"a line of a configuration file\n" * ((each - len(noise)) // 31))


def make_site(root: Path, sshd: Sshd) -> None:
    for name in ("inventory", "workflows", "ssh"):
        (root / name).mkdir()
    (root / "inventory" / "targets.stanza").write_text("t000:\n    objtype=node\n    groups=all\n    ip=127.0.1.1\n")
    (root / "ssh" / "config").write_text(
        f"Host *\n  Port {sshd.port}\n  IdentityFile {sshd.key}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {root}/ssh/known_hosts\n  LogLevel ERROR\n"
    )
    (root / "ssh" / "known_hosts").write_text(f"[127.0.1.1]:{sshd.port} {sshd.host_key}\n")


def measured(root: Path, title: str, files: int, size: int, rounds: int) -> None:
    """One tree: first copy, nothing to do, a small part of it changed."""
    source = root / title.replace(" ", "-")
    make_tree(source, files, size)
    environ = environment(XCATFLOW_SITE=str(root), TERM="dumb")
    ours = root / "ours"
    (root / "workflows" / "sync.yaml").write_text(WORKFLOW.format(name="sync", source=source, dest=ours))
    far = ["-e", f"ssh -F {root}/ssh/config"]
    contenders: dict[str, tuple[list[str], Path]] = {
        "xcatflow": ([sys.executable, "-m", "xcatflow", "apply", "sync"], ours),
        "rsync -z": (["rsync", "-Lrptz", *far, f"{source}/", f"127.0.1.1:{root}/theirs-z/"], root / "theirs-z"),
        "rsync": (["rsync", "-Lrpt", *far, f"{source}/", f"127.0.1.1:{root}/theirs/"], root / "theirs"),
    }

    every = min(files, 100)

    def emptied() -> None:
        for _, place in contenders.values():
            shutil.rmtree(place, ignore_errors=True)

    def touched() -> None:
        for number in range(0, files, every):
            path = source / f"d{number // 100}" / f"f{number}"
            path.write_bytes(path.read_bytes()[::-1])

    def nothing() -> None:
        pass

    print(f"{title}: {files} files, {size / 1e6:.0f} MB, median of {rounds} rounds\n")
    print(f"{'':26}{'wall s':>8}{'CPU s':>8}  to rsync -z  to rsync")
    rows: list[tuple[str, Callable[[], None]]] = [
        ("first copy", emptied),
        ("nothing to do", nothing),
        (f"1 in {every} changed", touched),
    ]
    for name, before in rows:
        timings: dict[str, list[Timing]] = {each: [] for each in contenders}
        for _ in range(rounds):
            before()
            for each, (command, _) in contenders.items():
                timings[each].append(timed(command, environ))
        for each, taken in timings.items():
            wall, cpu = median(one.wall_s for one in taken), median(one.cpu_s for one in taken)
            ratios = f"{ratio(taken, timings['rsync -z']):13.2f}{ratio(taken, timings['rsync']):10.2f}"
            print(f"{name + ', ' + each:26}{wall:8.2f}{cpu:8.2f}{ratios}", flush=True)
    print()
    emptied()
    shutil.rmtree(source)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--files", type=int, default=10_000)
    options.add_argument("--bytes", type=int, default=10**9)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    if not shutil.which("rsync"):
        raise SystemExit("no rsync on this machine to compare with: install rsync")
    with tempfile.TemporaryDirectory(prefix="xcatflow-bench-") as name:
        root = Path(name)
        (root / "sshd").mkdir()
        with Sshd(root / "sshd") as sshd:
            make_site(root, sshd)
            measured(root, "many files", chosen.files, chosen.bytes // 10, chosen.rounds)
            measured(root, "large files", LARGE_FILES, chosen.bytes, chosen.rounds)


if __name__ == "__main__":
    main()
