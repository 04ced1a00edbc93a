"""The life of a lab: what is done in which order to bring it up, to take it down, and to tell how it is."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

from xcatflow.errors import InvalidInput, Unreachable, XcatflowError
from xcatflow.lab import daemon, forwarding, hosts, image, site, state, subnets
from xcatflow.lab import registry as images
from xcatflow.lab.commands import hint
from xcatflow.lab.engine import Engine, running_engine
from xcatflow.lab.places import Places, places
from xcatflow.lab.prerequisites import Machine, missing_prerequisites
from xcatflow.lab.state import Host, Lab, LabStatus, Node

Say = Callable[[str], None]
MOST_HOSTS = 99
MOST_CONTAINERS = 99


def check_numbers(wanted: int, containers: int) -> None:
    """Raises InvalidInput when no lab has so many hosts, or so many containers on each."""
    if not 1 <= wanted <= MOST_HOSTS or not 0 <= containers <= MOST_CONTAINERS:
        raise InvalidInput(
            f"a lab has 1 to {MOST_HOSTS} hosts with 0 to {MOST_CONTAINERS} containers each: {wanted} and {containers} are asked for"
        )


def bring_up(directory: Path, wanted: int, containers: int, say: Say, *, registry: bool = False) -> LabStatus:
    """Behind `xcatflow.lab.up`. A new lab that fails to come up is taken down again."""
    check_numbers(wanted, containers)
    if not directory.is_dir():
        raise InvalidInput(f'no directory "{directory}": make the site first (xcatflow init)')
    here = places()
    with _alone(directory):
        known = state.load(directory) or _lost(directory, here)
        if known is None:
            _refuse_unless_possible()
        lab = known or _fresh(directory, here)
        site.claim(directory, lab)
        if registry:
            images.claim(directory)
        state.save(directory, lab)
        try:
            lab = _raise_up(directory, here, lab, wanted, containers, say)
            if registry or images.exists(directory):
                images.ensure(directory, lab, here, say)
        except BaseException:
            if known is None:
                _give_up(directory, here, lab, say)
            raise
    return look(directory)


def _raise_up(directory: Path, here: Places, lab: Lab, wanted: int, containers: int, say: Say) -> Lab:
    if lab.private and not daemon.running(here):
        say("starting a Docker engine")
    with _engine_of(lab, here) as engine:
        lab = replace(lab, image=image.ensure(engine, here, say, current=lab.image))
        with state.locked(here.lock, what="the lab engine", wait=True):
            if not lab.subnet:
                size = subnets.prefix_for(wanted * (containers + 1))
                lab = replace(lab, subnet=str(subnets.pick(size, (*subnets.routed(), *engine.subnets()))))
            lab = site.claim(directory, grown(lab, wanted, containers))
            state.save(directory, lab)
            if lab.network not in engine.networks(lab.id):
                engine.create_network(lab.id, lab.network, subnet=lab.subnet, gateway=lab.gateway, bridge=lab.bridge)
        if lab.private:
            forwarding.open_way(lab)
        public_key, fresh = site.key(directory, lab)
        hosts.bring_up(engine, lab, public_key, say)
        if fresh:
            hosts.authorize(engine, lab, public_key)
        site.write(directory, lab, hosts.known_hosts(engine, lab))
    return lab


def _give_up(directory: Path, here: Places, lab: Lab, say: Say) -> None:
    """Take down what there is of a new lab; what made it fail is what is told, whatever happens here."""
    say("the lab did not come up: taking down what there is of it")
    try:
        _dismantle(directory, here, state.load(directory) or lab)
    except XcatflowError as error:
        say(f"something is left of it ({error}): run lab.down")


def take_down(directory: Path, say: Say) -> None:
    """Behind `xcatflow.lab.down`. A lab whose state file is lost is found by its id."""
    here = places()
    if not directory.is_dir():
        raise InvalidInput(f'no directory "{directory}"')
    with _alone(directory):
        lab = state.load(directory) or _lost(directory, here)
        if lab is None:
            say("there is no lab here")
            return
        say(f"taking down {hosts.named(lab.hosts)}" if lab.hosts else "taking the lab down")
        _dismantle(directory, here, lab)
        say("the lab is gone")


def look(directory: Path) -> LabStatus:
    """Behind `xcatflow.lab.status`."""
    lab = state.load(directory)
    if lab is None:
        return LabStatus(directory, exists=False)
    try:
        with Engine(lab.socket, timeout_s=10) as engine:
            states: dict[str, str] | None = {box.name: box.state for box in engine.boxes(lab.id)}
            engine_state = "private engine" if lab.private else "the machine's engine"
    except XcatflowError:
        states, engine_state = None, "engine not running"
    return LabStatus(
        directory,
        exists=True,
        id=lab.id,
        engine=f"{engine_state} ({lab.socket})",
        subnet=lab.subnet,
        hosts=hosts.look(lab, states),
        registry=images.told(directory),
    )


def grown(lab: Lab, wanted: int, containers: int) -> Lab:
    """The lab with at least `wanted` hosts, each with at least `containers` nodes; what has an address keeps it. Raises ActFailed."""
    subnet = IPv4Network(lab.subnet)
    machines = list(lab.hosts)
    used = {lab.gateway, *(host.address for host in lab.hosts), *(node.address for node in lab.nodes)}

    def take(first: int) -> str:
        used.add(address := subnets.allocate(subnet, first, used))
        return address

    for number in range(len(machines) + 1, wanted + 1):
        machines.append(Host(f"host{number:02}", take(subnets.FIRST_HOST)))
    nodes = {node.name: node for node in lab.nodes}
    for host in machines:
        for number in range(1, containers + 1):
            name = f"{host.name}c{number:02}"
            if name not in nodes:
                nodes[name] = Node(name, host.name, take(subnets.FIRST_NODE))
    return replace(lab, hosts=tuple(machines), nodes=tuple(sorted(nodes.values(), key=lambda node: node.name)))


def _dismantle(directory: Path, here: Places, lab: Lab) -> None:
    others = False
    images.remove(directory)
    if lab.subnet or not lab.private or daemon.running(here):  # no engine is started for a lab that never had anything
        with _engine_of(lab, here) as engine:
            hosts.take_down(engine, lab.id)
            for network in engine.networks(lab.id):
                engine.remove_network(network)
            others = any(box.lab != lab.id and box.state == "running" for box in engine.boxes())
    if lab.private:
        if lab.subnet:
            forwarding.close_way(lab)
        with state.locked(here.lock, what="the lab engine", wait=True):
            daemon.leave(here, lab.id, others=others)
    site.remove(directory, lab)
    (directory / state.STATE).unlink(missing_ok=True)


@contextmanager
def _engine_of(lab: Lab, here: Places) -> Iterator[Engine]:
    """The lab's engine; the private one is started when it does not run."""
    if lab.private:
        with state.locked(here.lock, what="the lab engine", wait=True):
            daemon.join(here, lab.id)
    with Engine(lab.socket) as engine:
        yield engine


def _fresh(directory: Path, here: Places) -> Lab:
    socket = running_engine()
    return Lab(id=state.lab_id(directory), private=socket is None, socket=socket or str(here.socket), subnet="")


def _lost(directory: Path, here: Places) -> Lab | None:
    """The lab of this directory as its engine knows it, when its file is gone; its files in the site are those that bear its mark."""
    lab_id = state.lab_id(directory)
    for socket, private in ((running_engine(), False), (str(here.socket), True)):
        if socket is None or not Path(socket).exists():
            continue
        found = Lab(lab_id, private, socket, "", files=site.marked(directory, lab_id))
        try:
            with Engine(socket, timeout_s=10) as engine:
                networks, boxes = engine.networks(lab_id), engine.boxes(lab_id)
        except Unreachable:
            continue
        if networks or boxes or (private and daemon.uses(here, lab_id)):
            return replace(found, subnet=next(iter(networks.values()), ""))
    return None


def _refuse_unless_possible() -> None:
    """Raises InvalidInput when this machine cannot run a lab. Where an engine runs, root is not asked for: the image may be there."""
    machine = Machine(debian=lambda: True)  # takes a second, and is found out where the image is looked for
    for_images = ("root", "debootstrap", "apt-get")
    lacking = [line for line in missing_prerequisites(machine) if os.geteuid() == 0 or not line.startswith(for_images)]
    if os.geteuid() != 0 and running_engine() is None:
        lacking.insert(0, f"root, or a running Docker engine that you may use ({hint('dockerd')})")
    if lacking:
        raise InvalidInput(f"this machine cannot run a lab yet, it lacks: {'; '.join(lacking)}")


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    path = directory / state.STATE.parent / "lab.lock"
    with state.locked(path, what=f'the lab in "{directory}"', wait=False):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()
