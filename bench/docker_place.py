"""Engines of the benchmark's own, where they listen, and a site whose nodes are containers of them."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.archive import busybox, write_archive
from tests.fakes.dockerd import Engine, NoEngine, engine
from xcatflow.model.site import STATE
from xcatflow.transport.pki import SiteAuthority

IMAGE = "bench/busybox:1"
GROUP = "bench"
_HEARS = ("/bin/sh", "-c", "trap 'exit 0' TERM; sleep 86400 & wait")
_DEAF = ("/bin/sleep", "86400")
"""As process 1 it has no ear for the signal to stop: it is killed after ten seconds."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a daemon listens: at a socket of this machine, or with TLS on a port of it. `certificates` has ca.pem, cert.pem, key.pem."""

    socket: str = ""
    port: int = 0
    certificates: Path = Path()

    @property
    def url(self) -> str:
        return f"tcp://localhost:{self.port}" if self.port else f"unix://{self.socket}"

    @property
    def dockerhost(self) -> str:
        """As nodes have it."""
        return f"localhost:{self.port}" if self.port else f"unix://{self.socket}"

    def environ(self) -> dict[str, str]:
        """What tells everybody's programs where it is."""
        tls = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(self.certificates)} if self.port else {}
        return {"DOCKER_HOST": self.url, **tls}


@contextmanager
def engines(root: Path, count: int, *, tls: bool) -> Iterator[tuple[Place, ...]]:
    """Run so many engines under `root`, a short path; they have one CA. Raises SystemExit where none can be run."""
    if busybox() is None:
        raise SystemExit("no static busybox on this machine: install busybox-static")
    pki = _certificates(root / "pki")
    directories = [root / f"e{number}" for number in range(count)]
    for directory in directories:
        directory.mkdir()
        (directory / "pki").symlink_to(pki)
    try:
        with ExitStack() as stack:
            with ThreadPoolExecutor(count) as pool:
                started = [pool.submit(stack.enter_context, engine(directory)) for directory in directories]
            running = [future.result() for future in started]
            yield tuple(_place(one, pki, tls=tls) for one in running)
    except NoEngine as error:
        raise SystemExit(str(error)) from None


def _certificates(directory: Path) -> Path:
    """A CA with a client's certificate and key, in a directory as everybody's programs want it."""
    files = SiteAuthority(directory).client_files()
    for name, path in (("cert.pem", files.certificate), ("key.pem", files.key)):
        (directory / name).symlink_to(path)
    return directory


def _place(running: Engine, pki: Path, *, tls: bool) -> Place:
    if tls:
        return Place(port=running.tls.port, certificates=pki)
    return Place(socket=running.socket.path, certificates=pki)


def image_archive(directory: Path, *, deaf: bool = False) -> bytes:
    """An image of busybox for the engines to load; its containers end at once when they are told to, `deaf` ones are killed in the end."""
    path = directory / "image.tar"
    write_archive(path, IMAGE, command=_DEAF if deaf else _HEARS)
    return path.read_bytes()


def nodes_on(places: Sequence[Place], count: int) -> dict[str, Place]:
    """So many nodes, each with its daemon: all of the first one first."""
    each = -(-count // len(places))
    return {f"c{number:04}": places[number // each] for number in range(count)}


def make_site(root: Path, nodes: Mapping[str, Place]) -> Path:
    """A site at `root` with these container nodes, and the CA of their engines."""
    (root / "inventory").mkdir(parents=True)
    (root / STATE).mkdir()
    (root / STATE / "pki").symlink_to(next(iter(nodes.values())).certificates)
    lines = ["# <xCAT data object stanza file>", "", "localhost:", "    objtype=node", "    groups=hosts", ""]
    for node, place in nodes.items():
        lines += [f"{node}:", "    objtype=node", f"    groups={GROUP}", "    mgt=docker"]
        lines += [f"    dockerhost={place.dockerhost}", f"    provmethod={IMAGE}", ""]
    (root / "inventory" / "nodes.stanza").write_text("\n".join(lines))
    return root
