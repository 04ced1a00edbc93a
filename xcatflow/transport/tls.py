"""Which files a TLS client uses, and where users keep them.

Source: the historic client files `~/.xcat/ca.pem` and `~/.xcat/client-cred.pem` (certificate and key in one), and the Docker CLI's
`DOCKER_CERT_PATH` with `ca.pem`, `cert.pem` and `key.pem`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xcatflow.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the authority that signed the daemon's certificate, our certificate, and its key (may be the certificate's file). `former`
    holds our certificate and key from before, for daemons that were not told yet of the new one."""

    ca: Path
    certificate: Path
    key: Path
    former: Path | None = None

    def check(self) -> None:
        """Raises InvalidInput naming the first file that cannot be read."""
        for path in (self.ca, self.certificate, self.key):
            if not path.is_file() or not os.access(path, os.R_OK):
                raise InvalidInput(f"Cannot read TLS file {path}")


def find_tls_files(directory: Path | None, *, environ: Mapping[str, str], home: Path) -> TlsFiles:
    """The user's client files: from `directory` when given, else from `DOCKER_CERT_PATH`, else from the first of `~/.xcatflow`, `~/.xcat`
    and `~/.docker` that has a `ca.pem`.

    Raises InvalidInput naming the file that is missing; a directory asked for by name is never passed over.
    """
    named = directory or (Path(path) if (path := environ.get("DOCKER_CERT_PATH")) else None)
    usual = tuple(home / name for name in (".xcatflow", ".xcat", ".docker"))
    chosen = named or next((place for place in usual if (place / "ca.pem").is_file()), None)
    if chosen is None:
        others = ", ".join(f'"{place}"' for place in usual[1:])
        raise InvalidInput(
            f"Cannot read TLS file {usual[0] / 'ca.pem'}; {others} have none either, and the site has no certificates of its own "
            "(provision-dockerhost makes them)"
        )
    files = _files_in(chosen)
    files.check()
    return files


def _files_in(directory: Path) -> TlsFiles:
    ca, both = directory / "ca.pem", directory / "client-cred.pem"
    if both.is_file() and not (directory / "cert.pem").is_file():
        return TlsFiles(ca, both, both)
    return TlsFiles(ca, directory / "cert.pem", directory / "key.pem")
