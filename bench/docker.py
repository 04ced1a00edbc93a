"""What does it cost to create, start, look at, stop and remove a hundred containers?

    python -m bench.docker [--count 100] [--rounds 3] [--tls] [--deaf] [--only floor,commands,...]

First table: one engine of the benchmark's own, and side by side in one run: the bare Engine API on kept connections, which is the floor;
xcatflow's commands, and its library alone; the Docker SDK; the docker program; Ansible's community.docker. The commands, docker and Ansible
are whole processes, start-up included; the library and the SDK are in a process that runs already. After each act the engine is asked
whether it was done. Connections and requests are counted by a relay in a round of its own, which is not timed; Ansible, which takes
minutes, is measured through that relay, once. The containers have no network: what making one costs is the kernel's.

Second table (`--only fleet` for it alone): the state of a thousand containers on ten engines.

It needs root, dockerd, a static busybox and the docker program; Ansible is installed into `.bench-venv` when it is not there.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.docker_bare import Bare, floor
from bench.docker_contender import ACTS, AFTER, Contender, Results, closing, expect
from bench.docker_fleet import fleet_table
from bench.docker_others import ansible, ansible_installed, cli, sdk
from bench.docker_ours import commands, library
from bench.docker_place import Place, engines, image_archive, make_site, nodes_on
from bench.docker_relay import Relay, counted
from bench.timing import Timing, median, ratio

FLEET = "fleet"
SLOW = ("ansible-loop", "ansible-hosts")
KEYS = ("floor", "commands", "library", "sdk", "sdk-threads", "cli", "cli-xargs", "cli-names", *SLOW)
CONTAINERS, ENGINES = 1000, 10
Counts = Mapping[str, tuple[int, int]]


def life_table(root: Path, *, count: int, rounds: int, tls: bool, deaf: bool, keys: Collection[str]) -> None:
    """Print the first table."""
    results = Results()
    with engines(root, 1, tls=tls) as (place,):
        bare = Bare(place)
        bare.load(image_archive(root, deaf=deaf))

        def do(contender: Contender, act: str) -> None:
            results.measure(contender, act)
            expect(bare.states().values(), count if act in AFTER else 0, AFTER.get(act, ""))

        def do_counted(contender: Contender, act: str) -> None:
            if contender.slow:
                do(contender, act)
            else:
                contender.does(act)

        try:
            quick = [key for key in keys if key not in SLOW]
            with closing(_contenders(root / "timed", place, count, quick)) as running:
                for number in range(rounds):
                    for contender in running if number % 2 == 0 else reversed(running):
                        print(f"round {number + 1}: {contender.title}", file=sys.stderr, flush=True)
                        for act in ACTS:
                            do(contender, act)
            with Relay(place, root / "relay.sock") as relay:
                made = _contenders(root / "counted", relay.place, count, keys)
                counts = counted([relay], made, ACTS, do_counted)
        finally:
            bare.all("remove by force", bare.states())
            bare.close()
    way = "TCP with TLS" if tls else "a Unix socket"
    print(f"{count} containers on one engine ({bare.engine}, API {bare.api}), by {way}; {rounds} interleaved rounds\n")
    _print(results, counts, tls=tls)


def _contenders(work: Path, place: Place, count: int, keys: Collection[str]) -> Iterator[Contender]:
    """Those asked for, one by one: the making of each may send something already. Their files go to `work`."""
    work.mkdir()
    nodes = nodes_on([place], count)
    names, site = tuple(nodes), make_site(work / "site", nodes)
    yield floor(place, names)
    if "commands" in keys:
        yield commands(site, place)
    if "library" in keys:
        yield library(site, nodes)
    if "sdk" in keys:
        yield sdk(place, names, at_once=1)
    if "sdk-threads" in keys:
        yield sdk(place, names, at_once=8)
    yield from (each for each in cli(place, names, work) if each.key in keys)
    if any(key in keys for key in SLOW):
        yield from (each for each in ansible(place, names, work) if each.key in keys)


def _print(results: Results, counts: Counts, *, tls: bool) -> None:
    """Medians, how many times the floor's they are, and the quickest of the rounds."""
    head = "".join(f"{act:>9}" for act in ACTS)
    print(f"{'median, seconds':38}{head}{'CPU s':>9}{'connections':>13}{'requests':>10}")
    for key, title in results.titles.items():
        cpu_s = sum(median(one.cpu_s for one in results.of(key, act)) for act in ACTS)
        connections, requests = counts[key]
        print(f"{title:38}{_cells(results, key, median)}{cpu_s:9.1f}{connections:13}{'-' if tls else requests:>10}")
    print(f"\n{'times the floor':38}{head}")
    for key, title in results.titles.items():
        ratios = (_to_floor(results.of(key, act), results.of("floor", act)) for act in ACTS)
        print(f"{title:38}{''.join(f'{each:9.{0 if each >= 100 else 1 if each >= 10 else 2}f}' for each in ratios)}")
    print(f"\n{'quickest round, seconds':38}{head}")
    for key, title in results.titles.items():
        print(f"{title:38}{_cells(results, key, min)}")


def _cells(results: Results, key: str, chosen: Callable[[Iterable[float]], float]) -> str:
    values = (chosen(one.wall_s for one in results.of(key, act)) for act in ACTS)
    return "".join(f"{value:9.{3 if value < 1 else 2}f}" for value in values)


def _to_floor(taken: Sequence[Timing], base: Sequence[Timing]) -> float:
    """Round by round; what was measured in a round of its own is held against the median."""
    if len(taken) == len(base):
        return ratio(taken, base)
    return median(one.wall_s for one in taken) / median(one.wall_s for one in base)


def _keys(text: str) -> tuple[str, ...]:
    """The rows asked for. Raises ArgumentTypeError for one that is none."""
    wanted = text.split(",")
    if unknown := [key for key in wanted if key not in (*KEYS, FLEET)]:
        raise argparse.ArgumentTypeError(f'expected some of {",".join((*KEYS, FLEET))}, found "{unknown[0]}"')
    return tuple(wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="containers of the first table")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tls", action="store_true", help="TCP with mutual TLS instead of Unix sockets")
    parser.add_argument(
        "--deaf", action="store_true", help="containers that do not hear the signal to stop, and are killed"
    )
    parser.add_argument("--only", type=_keys, default=(*KEYS, FLEET), help=f"of {','.join((*KEYS, FLEET))}")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):  # else the engines would be left running
        signal.signal(number, lambda *_: sys.exit("ended by a signal"))
    if any(key in options.only for key in SLOW):
        ansible_installed()
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # they win over the CA that the SDK and Ansible are given
        os.environ.pop(name, None)
    if options.only != (FLEET,):
        with tempfile.TemporaryDirectory(prefix="xb-") as directory:
            life_table(
                Path(directory),
                count=options.count,
                rounds=options.rounds,
                tls=options.tls,
                deaf=options.deaf,
                keys=options.only,
            )
        print()
    if FLEET in options.only:
        with tempfile.TemporaryDirectory(prefix="xb-") as directory:
            fleet_table(Path(directory), count=CONTAINERS, daemons=ENGINES, rounds=options.rounds, tls=options.tls)


if __name__ == "__main__":
    main()
