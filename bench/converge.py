"""What does it cost to know a hundred hosts, and what does one act cost on a far one?

    python -m bench.converge [--targets 100] [--rounds 5]

First table: wall time and controller CPU of whole processes, side by side in one run, on loopback targets behind one sshd: a bare
command through Fabric in a plain thread pool, through OpenSSH with `xargs -P`, and no-op runs of workflows of 5 and of 20 steps.
Second table: round trips per act with 50 ms between controller and target. Third table: `bench.startup`.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.delay import Delay
from bench.sshd import Sshd
from bench.startup import startup_table
from bench.timing import environment, in_turn, median, ratio, timed

FANOUT = 32
ACTS = 20
ONE_WAY_S = 0.025


def addresses(count: int) -> list[str]:
    return [f"127.0.{1 + number // 250}.{1 + number % 250}" for number in range(count)]


def make_site(root: Path, sshd: Sshd, targets: int) -> None:
    """A site with the targets as nodes, and workflows of 5 and 20 steps whose state is in `root/state`."""
    for name in ("inventory", "workflows", "ssh", "state"):
        (root / name).mkdir()
    stanzas = [
        f"t{number:03}:\n    objtype=node\n    groups=all\n    ip={address}\n"
        for number, address in enumerate(addresses(targets))
    ]
    (root / "inventory" / "targets.stanza").write_text("\n".join(stanzas))
    (root / "ssh" / "config").write_text(
        f"Host *\n  Port {sshd.port}\n  IdentityFile {sshd.key}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {root}/ssh/known_hosts\n  LogLevel ERROR\n"
    )
    known = [f"[{address}]:{sshd.port} {sshd.host_key}" for address in addresses(targets)]
    (root / "ssh" / "known_hosts").write_text("\n".join(known) + "\n")
    for count in (5, 20):
        (root / "workflows" / f"steps{count}.yaml").write_text(_workflow(count, root / "state"))


def _workflow(count: int, state: Path) -> str:
    """Steps as they are on hosts: directories, files, and guarded commands."""
    lines = ["schema: 1", f"name: steps{count}", "summary: a benchmark", "nodes: all", "steps:"]
    for number in range(count):
        match number % 5:
            case 0:
                use, given = "directory.present", f"{{path: {state}/d{number}}}"
            case 4:
                use, given = "ssh.command", f"{{run: 'mkdir -p {state}/c{number}', creates: {state}/c{number}}}"
            case _:
                use, given = "file.present", f"{{path: {state}/f{number}, content: 'line {number}', mode: '0644'}}"
        lines += [f"  - id: s{number}", f"    use: {use}", f"    with: {given}"]
    return "\n".join(lines) + "\n"


POOL = """
import sys
from concurrent.futures import ThreadPoolExecutor
from fabric import Config, Connection
port, key, fanout, *hosts = sys.argv[1:]
def one(host):
    with Connection(host, port=int(port), connect_kwargs={"key_filename": key}) as connection:
        connection.run("true", hide=True, in_stream=False)
with ThreadPoolExecutor(int(fanout)) as pool:
    list(pool.map(one, hosts))
"""


def first_table(root: Path, sshd: Sshd, targets: int, rounds: int) -> None:
    environ = environment(XCATFLOW_SITE=str(root), TERM="dumb")
    hosts = addresses(targets)
    ours = [sys.executable, "-m", "xcatflow"]
    ssh = f"ssh -n -F {root}/ssh/config -o BatchMode=yes"
    commands: dict[str, Sequence[str]] = {
        "Fabric in a thread pool: true": [
            sys.executable,
            "-c",
            POOL,
            str(sshd.port),
            str(sshd.key),
            str(FANOUT),
            *hosts,
        ],
        "xargs -P, OpenSSH: true": [
            "sh",
            "-c",
            f"printf '%s\\n' {' '.join(hosts)} | xargs -P {FANOUT} -I H {ssh} H true",
        ],
        "xcatflow, 5 steps, no-op": [*ours, "apply", "steps5"],
        "xcatflow, 20 steps, no-op": [*ours, "apply", "steps20"],
    }
    timed(
        [*ours, "apply", "steps20", "-n", "t000"], environ
    )  # all targets are one machine: one brings about what all find
    timings = in_turn(commands, environ, rounds)
    print(f"{targets} targets, fanout {FANOUT}, median of {rounds} interleaved rounds (whole processes)\n")
    print(f"{'':32}{'wall s':>8}{'CPU s':>8}{'to the pool':>13}{'to 5 steps':>12}")
    base = timings["Fabric in a thread pool: true"]
    five = timings["xcatflow, 5 steps, no-op"]
    for name, taken in timings.items():
        print(
            f"{name:32}{median(t.wall_s for t in taken):8.2f}{median(t.cpu_s for t in taken):8.2f}"
            f"{ratio(taken, base):13.2f}{ratio(taken, five):12.2f}"
        )


def second_table(root: Path, sshd: Sshd) -> None:
    print(f"\nround trips per act, {2 * ONE_WAY_S * 1000:.0f} ms away, {ACTS} acts in a row on an open connection\n")
    for name, measure in (("xcatflow's shell", _ours), ("Fabric's run", _fabric), ("OpenSSH, multiplexed", _openssh)):
        near = measure(root, sshd, sshd.port)
        with Delay(sshd.port, ONE_WAY_S) as relay:
            far = measure(root, sshd, relay.port)
        print(
            f"{name:24}{(far - near) / ACTS / (2 * ONE_WAY_S):6.2f}   ({far / ACTS * 1000:.0f} ms an act, {near / ACTS * 1000:.1f} ms near)"
        )


def _acts(act: Callable[[], object]) -> float:
    """Seconds that the acts take, after one to warm up."""
    act()
    started = time.perf_counter()
    for _ in range(ACTS):
        act()
    return time.perf_counter() - started


def _ours(root: Path, sshd: Sshd, port: int) -> float:
    from xcatflow.transport.protocols import Traffic
    from xcatflow.transport.ssh import SshSession
    from xcatflow.transport.ssh_connect import Connector, SshSettings

    known = root / "ssh" / f"known_{port}"
    known.write_text(f"[127.0.0.1]:{port} {sshd.host_key}\n")
    settings = SshSettings(config_files=(root / "ssh" / "config",), known_hosts=(known,))
    session = SshSession("127.0.0.1", Connector(settings), Traffic(), port=port)
    try:
        return _acts(lambda: session.act("true", timeout_s=30))
    finally:
        session.close()


def _fabric(_root: Path, sshd: Sshd, port: int) -> float:
    from fabric import Connection

    with Connection("127.0.0.1", port=port, connect_kwargs={"key_filename": str(sshd.key)}) as connection:
        return _acts(lambda: connection.run("true", hide=True, in_stream=False))


def _openssh(root: Path, _sshd: Sshd, port: int) -> float:
    control = root / f"mux{port}"
    ssh = [
        "ssh",
        "-n",
        "-F",
        str(root / "ssh" / "config"),
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        f"ControlPath={control}",
    ]
    ssh += ["-o", "UserKnownHostsFile=/dev/null", "-p", str(port)]
    subprocess.run(
        [*ssh, "-o", "ControlMaster=yes", "-o", "ControlPersist=60", "127.0.0.1", "true"],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    try:
        return _acts(lambda: subprocess.run([*ssh, "127.0.0.1", "true"], check=True))
    finally:
        subprocess.run([*ssh, "-O", "exit", "127.0.0.1"], check=False, stderr=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="xcatflow-bench-") as directory:
        root = Path(directory) / "site"
        root.mkdir()
        (Path(directory) / "sshd").mkdir()
        with Sshd(Path(directory) / "sshd") as sshd:
            make_site(root, sshd, options.targets)
            first_table(root, sshd, options.targets, options.rounds)
            second_table(root, sshd)
    print()
    startup_table(options.rounds)


if __name__ == "__main__":
    main()
