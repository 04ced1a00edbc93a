"""What a lab is, as written in its site's `.xcatflow/lab.json`, and what is known of it right now."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from ipaddress import IPv4Network
from pathlib import Path

from xcatflow.errors import InvalidInput, Locked

STATE = Path(".xcatflow") / "lab.json"
LABEL = "xcatflow.lab"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Host:
    """A throw-away machine: its name and its address in the lab's subnet."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Node:
    """A container node that the site defines; making it is what the site's workflows are for."""

    name: str
    host: str
    address: str


@dataclass(frozen=True, slots=True)
class Lab:
    """One lab. `files` are those written into the site, relative to it; `private` says whether the engine is one of our own."""

    id: str
    private: bool
    socket: str
    subnet: str
    image: str = ""
    hosts: tuple[Host, ...] = ()
    nodes: tuple[Node, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def network(self) -> str:
        return f"xcatflow-{self.id}"

    @property
    def bridge(self) -> str:
        """The bridge's name on the machine; the kernel allows 15 characters."""
        return f"xlab{self.id}"

    @property
    def gateway(self) -> str:
        return str(IPv4Network(self.subnet)[1])

    def container(self, host: str) -> str:
        """The name of a host's container: an engine may serve several labs."""
        return f"{self.network}-{host}"


@dataclass(frozen=True, slots=True)
class HostStatus:
    """One host as it is. `state` is the engine's word (`running`, `exited`, `restarting`, …), `missing` where there is no container, or
    `unknown` where the engine gives no answer; `answers` says whether its sshd greets."""

    name: str
    address: str
    state: str
    answers: bool


@dataclass(frozen=True, slots=True)
class LabStatus:
    """One lab as it is. `engine` describes where its hosts run, `registry` its image registry, empty where it has none; without a lab
    everything is empty and `exists` False."""

    directory: Path
    exists: bool
    id: str = ""
    engine: str = ""
    subnet: str = ""
    hosts: tuple[HostStatus, ...] = ()
    registry: str = ""

    @property
    def ready(self) -> bool:
        """Does every host answer?"""
        return self.exists and all(host.answers for host in self.hosts)


def lab_id(directory: Path) -> str:
    """The id of a lab in that directory: always the same, so that a lab can be found again without its state file."""
    return hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:8]


def load(directory: Path) -> Lab | None:
    """The lab of a site; None when it has none. Raises InvalidInput when the file cannot be used."""
    path = directory / STATE
    try:
        data = json.loads(path.read_text())
        if data.pop("format") != FORMAT:
            raise InvalidInput(f'"{path}" was written by another version of xcatflow: take the lab down with that one')
        return Lab(
            **{
                **data,
                "hosts": tuple(Host(**host) for host in data["hosts"]),
                "nodes": tuple(Node(**node) for node in data["nodes"]),
                "files": tuple(data["files"]),
            }
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f'"{path}" is no lab file ({error}): remove it and run lab.down, which finds the lab by its labels'
        ) from None


def save(directory: Path, lab: Lab) -> None:
    """Write the lab's file, at once or not at all."""
    path = directory / STATE
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"format": FORMAT, **asdict(lab)}, indent=2) + "\n")
    fresh.replace(path)


@contextmanager
def locked(path: Path, *, what: str, wait: bool) -> Iterator[None]:
    """Hold an advisory lock on a file. Raises Locked when somebody else has it and `wait` is off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        held = False
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise Locked(f"{what} is being worked on by another process: wait until it is done") from None
            # Who held it before may have removed the file: then this is a lock on nothing.
            with suppress(FileNotFoundError):
                if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                    held = True
            if held:
                yield
                return
