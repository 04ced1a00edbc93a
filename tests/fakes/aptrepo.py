"""Packages and a signed repository of the tests' own, made with dpkg-deb and gpg."""

import hashlib
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def deb(folder: Path, name: str, version: str = "1.0", *, size: int = 1000, control: str = "") -> Path:
    """A package with one file of `size` random bytes in /opt/NAME; `control` are further fields of its description."""
    tree = folder / f".{name}-{version}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "opt" / name).mkdir(parents=True)
    (tree / "opt" / name / "data").write_bytes(os.urandom(size))
    (tree / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: lab <lab@example.org>\nDescription: for tests\n{control}"
    )
    made = folder / f"{name}_{version}_all.deb"
    _run("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(made))
    return made


class Signer:
    """A key of its own, in a directory with a short path, since gpg's agent has a socket there."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(mode=0o700)
        self._gpg("--quick-gen-key", "lab <lab@example.org>", "ed25519", "sign", "never")

    def key(self) -> bytes:
        return self._gpg("--armor", "--export")

    def clearsign(self, text: str) -> bytes:
        return self._gpg("--clearsign", stdin=text.encode())

    def end(self) -> None:
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=False, capture_output=True)

    def _gpg(self, *words: str, stdin: bytes = b"") -> bytes:
        command = [
            "gpg",
            "--homedir",
            str(self.home),
            "--batch",
            "--passphrase",
            "",
            "--pinentry-mode",
            "loopback",
            *words,
        ]
        return subprocess.run(command, input=stdin, capture_output=True, check=True, timeout=60).stdout


def repository(root: Path, signer: Signer) -> None:
    """Index and sign the packages in `root`/pool: suite `stable`, component `main`."""
    stanzas = []
    for path in sorted((root / "pool").glob("*.deb")):
        data = path.read_bytes()
        fields = _run("dpkg-deb", "-f", str(path)).strip()
        digest = hashlib.sha256(data).hexdigest()
        stanzas.append(f"{fields}\nFilename: pool/{path.name}\nSize: {len(data)}\nSHA256: {digest}\n")
    index = "\n".join(stanzas).encode()
    suite = root / "dists" / "stable"
    lines = []
    for architecture in ("amd64", "arm64"):
        place = suite / "main" / f"binary-{architecture}"
        place.mkdir(parents=True, exist_ok=True)
        (place / "Packages").write_bytes(index)
        lines.append(f" {hashlib.sha256(index).hexdigest()} {len(index)} main/binary-{architecture}/Packages")
    release = (
        "Origin: lab\nSuite: stable\nCodename: stable\nComponents: main\nArchitectures: amd64 arm64\n"
        f"Date: {_run('date', '-R', '-u').strip()}\nSHA256:\n" + "\n".join(lines) + "\n"
    )
    (suite / "InRelease").write_bytes(signer.clearsign(release))


@contextmanager
def served(root: Path, address: str) -> Iterator[str]:
    """The URL of a directory, served by HTTP at an address of this machine."""
    server = ThreadingHTTPServer((address, 0), partial(_Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{address}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
