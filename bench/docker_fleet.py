"""The state of many containers on many daemons: how long it takes, and what is asked for it."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from bench.docker_bare import Bare
from bench.docker_contender import Contender, Results, closing, expect
from bench.docker_ours import commands, library, traffic
from bench.docker_place import Place, engines, image_archive, make_site, nodes_on
from bench.docker_relay import Relay, counted
from bench.timing import environment, median, ratio

_ACT, _STATE = "state", "created"
_AT_ONCE = 8


def fleet_table(root: Path, *, count: int, daemons: int, rounds: int, tls: bool) -> None:
    """Print the table. The containers are created, not started: a daemon tells of both alike."""
    results, sites = Results(), (root / "site", root / "counted")
    with engines(root, daemons, tls=tls) as places, _filled(places, count, image_archive(root)) as nodes:
        with closing(_contenders(make_site(sites[0], nodes), nodes, root)) as running:
            for _ in range(rounds):
                for contender in running:
                    results.measure(contender, _ACT)
        counts, record = _counted(places, sites[1], count, root)
    way = "TCP with TLS" if tls else "Unix sockets"
    print(f"state of {count} containers on {daemons} engines, by {way}; {rounds} interleaved rounds\n")
    print(f"{'':38}{'median s':>9}{'min s':>8}{'x floor':>9}{'CPU s':>8}{'connections':>13}{'requests':>10}")
    for contender in running:
        taken, (connections, requests) = results.of(contender.key, _ACT), counts[contender.key]
        print(
            f"{contender.title:38}{median(t.wall_s for t in taken):9.3f}{min(t.wall_s for t in taken):8.3f}"
            f"{ratio(taken, results.of('floor', _ACT)):9.1f}{median(t.cpu_s for t in taken):8.2f}"
            f"{connections:13}{'-' if tls else requests:>10}"
        )
    print(
        f"\nthe run's own record: {record['docker_container_lists']} list calls, {record['docker_requests']} requests, "
        f"{record['docker_connections']} connections"
    )


@contextmanager
def _filled(places: Sequence[Place], count: int, archive: bytes) -> Iterator[Mapping[str, Place]]:
    """Containers on all daemons, gone at the end: an engine with none ends at once."""
    nodes = nodes_on(places, count)
    bares = {place: Bare(place) for place in places}
    own = {place: [node for node in nodes if nodes[node] == place] for place in places}
    try:
        for place, bare in bares.items():
            bare.load(archive)
            bare.all("create", own[place])
        yield nodes
    finally:
        for bare in bares.values():
            bare.all("remove by force", bare.states())
            bare.close()


def _contenders(site: Path, nodes: Mapping[str, Place], work: Path) -> Iterator[Contender]:
    places = tuple(dict.fromkeys(nodes.values()))
    yield _floor(places, len(nodes))
    yield replace(commands(site, places[0]), title="xcatflow: rpower state")
    yield library(site, nodes, state=_STATE)
    yield _sdk(places, len(nodes))
    yield _cli(places, len(nodes), work)


def _floor(places: Sequence[Place], count: int) -> Contender:
    bares = [Bare(place) for place in places]

    def does(_act: str) -> None:
        with ThreadPoolExecutor(len(bares)) as pool:
            listed = list(pool.map(lambda bare: bare.states().values(), bares))
        expect((state for states in listed for state in states), count, _STATE)

    def close() -> None:
        for bare in bares:
            bare.close()

    return Contender("floor", "the bare API, all daemons at once", does, close)


def _sdk(places: Sequence[Place], count: int) -> Contender:
    """As its documentation shows it; it inspects each container that is listed."""
    import docker

    clients = [docker.from_env(environment=place.environ()) for place in places]

    def does(_act: str) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            listed = list(pool.map(lambda client: client.containers.list(all=True), clients))
        expect((container.status for containers in listed for container in containers), count, _STATE)

    def close() -> None:
        for client in clients:
            client.close()

    return Contender("sdk", f"Docker SDK, list(all=True), {_AT_ONCE} threads", does, close)


def _cli(places: Sequence[Place], count: int, work: Path) -> Contender:
    """`docker ps` for each daemon; all of them have the same certificates."""
    environ = environment(HOME=str(work), **places[0].environ())
    del environ["DOCKER_HOST"]
    urls = " ".join(place.url for place in places)
    script = f"printf '%s\\n' {urls} | xargs -P {_AT_ONCE} -I URL docker -H URL ps -a --format '{{{{.State}}}}'"

    def does(_act: str) -> None:
        done = subprocess.run(("sh", "-c", script), env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr.strip()[-500:])
        expect(done.stdout.split(), count, _STATE)

    return Contender("cli", f"docker ps, xargs -P {_AT_ONCE}", does)


def _counted(
    places: Sequence[Place], site: Path, count: int, work: Path
) -> tuple[Mapping[str, tuple[int, int]], Mapping[str, int]]:
    """Connections and requests of each contender in a round of its own, through relays; and what a run of ours recorded itself."""
    with ExitStack() as stack:
        relays = [stack.enter_context(Relay(place, work / f"r{number}")) for number, place in enumerate(places)]
        nodes = nodes_on([relay.place for relay in relays], count)
        contenders = _contenders(make_site(site, nodes), nodes, work)
        counts = counted(relays, contenders, (_ACT,), lambda contender, act: contender.does(act))
    return counts, traffic(site)
