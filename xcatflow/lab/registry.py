"""A lab's own image registry: Debian's docker-registry as a process of the machine, at the lab's gateway, with TLS by the site's CA.

It lets in one user with a password of the lab's own, which the site finds as the secret `registry`. The program is taken out of Debian's
package without installing it, so that no service of the machine is begun. All that belongs to a registry is in one directory of its site.

Source: docker-registry 2.8, configuration.md (htpasswd takes bcrypt only; the access log, Apache's combined form, is its standard output).
"""

import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from xcatflow.errors import ActFailed, InvalidInput
from xcatflow.lab import busybox, process
from xcatflow.lab.commands import hint, run, tail
from xcatflow.lab.places import Places
from xcatflow.lab.push import Address, push
from xcatflow.lab.state import STATE, Lab
from xcatflow.transport.pki import SiteAuthority

SECRET = Path("secrets") / "registry"
USER = "lab"
PORTS = range(5000, 5100)
PACKAGE = "docker-registry"
DAYS = 365
FETCH_S = 300
START_S = 20
STOP_S = 10
_CONFIG = """\
version: 0.1
log: {{level: info, accesslog: {{disabled: false}}}}
storage: {{filesystem: {{rootdirectory: {data}}}, delete: {{enabled: true}}}}
http: {{addr: "{address}", secret: {secret}, tls: {{certificate: {certificate}, key: {key}}}}}
auth: {{htpasswd: {{realm: lab, path: {users}}}}}
"""


@dataclass(frozen=True, slots=True)
class Record:
    """Where the registry listens (`address:port`), the digest of its password, and its process; `pid` 0 for none."""

    address: str
    password: str
    pid: int = 0
    started: int = 0


def claim(directory: Path) -> None:
    """Raises InvalidInput when a secret stands in the registry's place that is not the lab's."""
    if _record(directory) is None and (directory / SECRET).exists():
        raise InvalidInput(
            f'"{directory / SECRET}" exists and is not the lab\'s: move it away, or bring the lab up in another directory'
        )


def ensure(directory: Path, lab: Lab, here: Places, say: Callable[[str], None]) -> None:
    """Start the registry of the site's lab where it does not run, and put the lab's busybox in. Raises ActFailed."""
    if running(directory):
        return
    program = _program(here, say)
    record = _record(directory) or _made(directory, lab)
    say(f"starting the registry at {record.address}")
    _start(directory, program, record)
    push(address(directory), busybox.archive(), busybox.REFERENCE)


def address(directory: Path) -> Address:
    """How to talk to the registry of the site's lab. Raises InvalidInput when it has none."""
    record = _record(directory)
    if record is None:
        raise InvalidInput(f'the lab in "{directory}" has no registry: xcatflow lab.up --registry makes one')
    password = (directory / SECRET).read_text().strip()
    return Address(record.address, USER, password, directory / STATE.parent / "pki" / "ca.pem")


def running(directory: Path) -> bool:
    """Does the registry of the site's lab run?"""
    record = _record(directory)
    return record is not None and _alive(directory, record)


def exists(directory: Path) -> bool:
    """Has the site's lab a registry, running or not?"""
    return _record(directory) is not None


def told(directory: Path) -> str:
    """The registry in a line; empty where there is none."""
    record = _record(directory)
    if record is None:
        return ""
    state = "running" if _alive(directory, record) else "not running"
    return f"registry  {record.address}  {state}  user {USER}, password in {SECRET}, requests in {access_log(Path())}"


def access_log(directory: Path) -> Path:
    """Every request that it answered, one line each."""
    return _place(directory) / "access.log"


def stop(directory: Path) -> None:
    """End the registry's process; what it holds stays. Raises ActFailed when it does not end."""
    record = _record(directory)
    if record is not None and _alive(directory, record) and not process.end(record.pid, STOP_S):
        raise ActFailed(f"the lab's registry, process {record.pid}, did not end within {STOP_S} s")


def remove(directory: Path) -> None:
    """End the registry and remove all that belongs to it; well when there is none. Raises ActFailed."""
    stop(directory)
    record, secret = _record(directory), directory / SECRET
    if record is not None and secret.is_file() and _digest(secret.read_text().strip()) == record.password:
        secret.unlink()
        with suppress(OSError):
            secret.parent.rmdir()
    shutil.rmtree(_place(directory), ignore_errors=True)


def _place(directory: Path) -> Path:
    return directory / STATE.parent / "registry"


def _record(directory: Path) -> Record | None:
    try:
        return Record(**json.loads((_place(directory) / "record.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _write(directory: Path, record: Record) -> None:
    fresh = _place(directory) / "record.new"
    fresh.write_text(json.dumps(asdict(record)) + "\n")
    fresh.replace(fresh.with_suffix(".json"))


def _alive(directory: Path, record: Record) -> bool:
    return (
        record.pid != 0
        and process.start_time(record.pid) == record.started
        and process.called_with(record.pid, str(_config(directory)))
    )


def _config(directory: Path) -> Path:
    return _place(directory).resolve() / "config.yml"


def _program(here: Places, say: Callable[[str], None]) -> Path:
    """Where docker-registry is: on the machine, else in the cache, fetched as apt on this machine fetches. Raises ActFailed."""
    if installed := shutil.which(PACKAGE):
        return Path(installed)
    kept = here.cache / "registry" / PACKAGE
    if not kept.exists():
        say("fetching the registry (once)")
        work = kept.parent / f"new-{os.getpid()}"
        work.mkdir(parents=True, exist_ok=True)
        try:
            run(["sh", "-c", f'cd "$0" && apt-get -q download {PACKAGE}', str(work)], timeout_s=FETCH_S)
            (package,) = work.glob("*.deb")
            run(["dpkg-deb", "-x", str(package), str(work)])
            (work / "usr" / "bin" / PACKAGE).replace(kept)
        except (ActFailed, ValueError, OSError) as error:
            why = getattr(error, "detail", "") or str(error)
            raise ActFailed(f"cannot fetch {PACKAGE} ({why.splitlines()[-1]}): {hint(PACKAGE)}", why) from None
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return kept


def _made(directory: Path, lab: Lab) -> Record:
    """A registry's directory with all but its process."""
    claim(directory)
    place, secret = _place(directory), directory / SECRET
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    host, password = lab.gateway, secrets.token_urlsafe(12)
    record = Record(f"{host}:{_free_port(host)}", _digest(password))
    issued = SiteAuthority(directory / STATE.parent / "pki").issue_server(record.address, [], [host], DAYS)
    names = {name: str(place.resolve() / name) for name in ("certificate", "key", "users", "data")}
    config = _CONFIG.format(address=record.address, secret=secrets.token_hex(16), **names)
    _private(place / "config.yml", config)
    _private(place / "certificate", issued.certificate)
    _private(place / "key", issued.key)
    _private(place / "users", f"{USER}:{_bcrypt(password)}\n")
    _write(directory, record)
    secret.parent.mkdir(mode=0o700, exist_ok=True)
    _private(secret, f"{password}\n")
    return record


def _start(directory: Path, program: Path, record: Record) -> None:
    place, config = _place(directory), _config(directory)
    with access_log(directory).open("ab") as said, (place / "registry.log").open("wb") as log:
        started = subprocess.Popen(
            [str(program), "serve", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
    record = Record(record.address, record.password, started.pid, process.start_time(started.pid) or 0)
    _write(directory, record)
    host, _, port = record.address.rpartition(":")
    deadline = time.monotonic() + START_S
    while not _listens(host, int(port)):
        if process.gone(record.pid) or time.monotonic() > deadline:
            process.end(record.pid, STOP_S)
            said_last = tail(place / "registry.log")
            raise ActFailed(f"the lab's registry does not run: {said_last.rpartition(chr(10))[2]}", said_last)
        time.sleep(0.05)


def _listens(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def _free_port(host: str) -> int:
    for port in PORTS:
        with suppress(OSError), socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
            return port
    raise ActFailed(f"no port from {PORTS.start} to {PORTS.stop - 1} is free at {host}")


def _bcrypt(password: str) -> str:
    """The password as htpasswd files have it; the system's own crypt(3) makes it, by way of Perl, which every Debian has."""
    given = {"SECRET": password, "SALT": f"$2b$05${secrets.token_hex(11)}"}
    return run(["perl", "-e", "print crypt($ENV{SECRET}, $ENV{SALT})"], env=given)


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
