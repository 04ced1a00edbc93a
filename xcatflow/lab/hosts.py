"""The hosts of a lab: containers that boot systemd and sshd, and behave like machines.

Source: systemd's container interface (stop signal SIGRTMIN+3, tmpfs on /run); an engine inside needs /var/lib/docker on a real file system
(overlay does not stack); cgroup v1 is shown as it is, with cgroup v2 the host has a namespace of its own.
"""

import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from xcatflow.errors import ActFailed
from xcatflow.lab import capabilities
from xcatflow.lab.commands import run
from xcatflow.lab.engine import Engine
from xcatflow.lab.state import LABEL, Host, HostStatus, Lab

AT_ONCE = 8
ANSWER_S = 90
GREETING_S = 2.0
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"


def bring_up(engine: Engine, lab: Lab, public_key: str, say: Callable[[str], None]) -> None:
    """Make and start the hosts that are missing or off, and wait until all greet. Raises ActFailed with the console's last lines."""
    states = {box.name: box.state for box in engine.boxes(lab.id)}
    extra = confinement(engine.cgroup_version(), capabilities.missing())
    stop = threading.Event()

    def boot(host: Host) -> None:
        name = lab.container(host.name)
        match states.get(name):
            case "running" | "restarting":
                return
            case "paused":
                engine.unpause(name)
                return
            case "exited":
                pass
            case unfinished:
                if unfinished is not None:
                    engine.remove(name)
                create(engine, name, body(lab, host, extra))
                engine.put(name, _identity(host, public_key))
        engine.start(name)

    def wait(host: Host) -> None:
        _await_greeting(engine, lab, host, stop)

    if off := [host for host in lab.hosts if states.get(lab.container(host.name)) not in ("running", "restarting")]:
        say(f"starting {named(off)}")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            list(pool.map(boot, lab.hosts))
            list(pool.map(wait, lab.hosts))
        except BaseException:
            stop.set()  # leaving the pool waits for what still runs in it
            raise
    if not lab.private:
        refuse_reflection(lab)


def create(engine: Engine, name: str, wanted: dict[str, Any]) -> None:
    """Create a host's container. A capability that the engine has never heard of need not be dropped: its "ALL" does not hold it.
    Raises ActFailed."""
    while True:
        try:
            return engine.create(name, wanted)
        except ActFailed as error:
            unknown = re.search(r'unknown capability: "(?:CAP_)?(\w+)"', str(error))
            dropped = wanted["HostConfig"].get("CapDrop", ())
            if unknown is None or unknown[1] not in dropped:
                raise
            left = [name for name in dropped if name != unknown[1]]
            wanted = {**wanted, "HostConfig": {**wanted["HostConfig"], "CapDrop": left}}


def body(lab: Lab, host: Host, extra: Mapping[str, Any]) -> dict[str, Any]:
    """The request body of the Engine API that makes a host; `extra` is what goes into its HostConfig besides."""
    return {
        "Image": lab.image,
        "Hostname": host.name,
        "Labels": {LABEL: lab.id, f"{LABEL}.host": host.name},
        "StopSignal": "SIGRTMIN+3",
        "Volumes": {"/var/lib/docker": {}},
        "HostConfig": {
            "NetworkMode": lab.network,
            "RestartPolicy": {"Name": "unless-stopped"},
            "Sysctls": {"net.ipv4.ip_forward": "0"},  # as on a machine that nobody has set up
            "Tmpfs": {"/run": "rw,nosuid,nodev,exec,mode=755", "/run/lock": "rw,nosuid,nodev,noexec,mode=1777"},
            **extra,
        },
        "NetworkingConfig": {
            "EndpointsConfig": {lab.network: {"IPAMConfig": {"IPv4Address": host.address}, "Aliases": [host.name]}}
        },
    }


def known_hosts(engine: Engine, lab: Lab) -> str:
    """The hosts' keys as a known_hosts file, each under name and address; read from the hosts' own disks, not from the network."""
    lines = []
    for host in lab.hosts:
        key = engine.get(lab.container(host.name), f"{HOST_KEY}.pub").decode()
        lines.append(f"{host.name},{host.address} {' '.join(key.split()[:2])}\n")
    return "".join(lines)


def authorize(engine: Engine, lab: Lab, public_key: str) -> None:
    """Let this key in on all hosts, and no other."""
    for host in lab.hosts:
        engine.put(lab.container(host.name), {"/root/.ssh/authorized_keys": (0o600, public_key.encode())})


def take_down(engine: Engine, lab_id: str) -> None:
    """Kill and remove all containers of a lab with their disks. Raises ActFailed."""
    names = [box.name for box in engine.boxes(lab_id)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(engine.remove, names))
    if left := engine.boxes(lab_id):
        raise ActFailed(f"{len(left)} containers of the lab are still there: {', '.join(box.name for box in left)}")


def look(lab: Lab, states: Mapping[str, str] | None) -> tuple[HostStatus, ...]:
    """The hosts as they are; `states` is the engine's word by container name, None where it gives none."""

    def one(host: Host) -> HostStatus:
        state = "unknown" if states is None else states.get(lab.container(host.name), "missing")
        return HostStatus(host.name, host.address, state, answers=greets(host.address))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(one, lab.hosts))


def greets(address: str, port: int = 22) -> bool:
    """Does an SSH server greet at this address within two seconds?"""
    try:
        with socket.create_connection((address, port), timeout=GREETING_S) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def key_pair(comment: str) -> tuple[str, str]:
    """A fresh Ed25519 key pair in OpenSSH's form, private then public. Raises ActFailed."""
    with tempfile.TemporaryDirectory(prefix="xcatflow-") as directory:
        path = Path(directory) / "key"
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])
        return path.read_text(), path.with_suffix(".pub").read_text()


def _identity(host: Host, public_key: str) -> dict[str, tuple[int, bytes]]:
    private, public = key_pair(f"root@{host.name}")
    return {
        HOST_KEY: (0o600, private.encode()),
        f"{HOST_KEY}.pub": (0o644, public.encode()),
        "/root/.ssh/authorized_keys": (0o600, public_key.encode()),
    }


def confinement(cgroup_version: int, lacking: Iterable[str]) -> dict[str, Any]:
    """HostConfig of a container that may do what a machine may do. Raises ActFailed when the machine itself may not."""
    dropped = list(lacking)
    if vital := sorted(capabilities.NEEDED.intersection(dropped)):
        raise ActFailed(
            f"hosts need the capability {', '.join(vital)}, and this machine lacks it: give it to the container that this runs in"
        )
    bind = ["/sys/fs/cgroup:/sys/fs/cgroup:rw"]
    match cgroup_version, dropped:
        case 2, []:
            return {"Privileged": True, "CgroupnsMode": "private"}
        case _, []:
            return {"Privileged": True, "CgroupnsMode": "host", "Binds": bind}
        case _:
            return {
                "CapAdd": ["ALL"],
                "CapDrop": dropped,
                "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined", "label=disable"],
                "MaskedPaths": [],
                "ReadonlyPaths": [],
                "DeviceCgroupRules": ["a *:* rwm"],
                "CgroupnsMode": "host",
                "Binds": bind,
            }


def _await_greeting(engine: Engine, lab: Lab, host: Host, stop: threading.Event) -> None:
    deadline = time.monotonic() + ANSWER_S
    while not greets(host.address):
        if time.monotonic() > deadline:
            raise ActFailed(
                f'sshd of "{host.name}" did not answer at {host.address} within {ANSWER_S} s',
                engine.logs(lab.container(host.name)),
            )
        if stop.wait(0.1):
            return


def refuse_reflection(lab: Lab, links: Path = Path("/sys/class/net")) -> None:
    """Raise ActFailed where the machine's engine reflects what hosts send: a bridge on a host then takes its own containers for outside."""
    if any(port.read_text().strip() == "1" for port in links.glob(f"{lab.bridge}/brif/*/hairpin_mode")):
        raise ActFailed(
            f'the engine at "{lab.socket}" sends back to a host what the host sent, so that containers on its bridge are cut off: '
            'take "userland-proxy": false out of its daemon.json and restart it'
        )


def named(hosts: Sequence[Host]) -> str:
    """The hosts in words."""
    names = [host.name for host in hosts]
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}" if len(names) > 2 else " and ".join(names)
