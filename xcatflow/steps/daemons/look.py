"""A Docker daemon as its machine shows it: its unit's files, its configuration, and which of its files it has not read yet.

A configuration that it was told to read again is noted in /run with the start of its process, since the file is newer than that.

Source: systemctl(1) `show`; proc(5): field 22 of /proc/PID/stat is a process's start in clock ticks since boot, /proc/uptime the time
since then, and /proc/PID/exe says "(deleted)" of a program that was replaced.
"""

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote

from xcatflow.errors import ActFailed, CannotTell
from xcatflow.model.links import chapters
from xcatflow.model.question import FileFacts, Reply, Shell
from xcatflow.steps.daemons.config import CONFIG, DROP_IN
from xcatflow.steps.daemons.info import ASK_ENGINE, EngineInfo, read_info
from xcatflow.steps.sorts import need_file

TLS_FILES = ("ca.pem", "cert.pem", "key.pem")
LOADED = "/run/xcatflow/docker.loaded"
_CLOCK_GRAIN_S = 0.02
_RUNNING = ("active", "reloading", "refreshing")


@dataclass(frozen=True, slots=True)
class DaemonState:
    """`load` and `active` are LoadState and ActiveState of docker.service, `units` its files (path and text, ours left out) in the order
    in which systemd reads them. `newer` are the files that were written after the running daemon was started, `missing` the TLS files
    that are not there, `bridges` are those asked about that are there. `loaded` is the `daemon.json` that the running daemon has read,
    None where that is not known; `replaced` tells that its program was replaced since it was started; `kept` is the number of containers
    in its data root while it does not run; `info` is what it says of itself, None where it does not answer."""

    load: str
    active: str = "inactive"
    units: tuple[tuple[str, str], ...] = ()
    config: FileFacts | None = None
    drop_in: FileFacts | None = None
    newer: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    bridges: tuple[str, ...] = ()
    loaded: bytes | None = None
    replaced: bool = False
    kept: int = 0
    info: EngineInfo | None = None

    @property
    def running(self) -> bool:
        return self.active in _RUNNING


def tls_paths(directory: str) -> tuple[str, ...]:
    """The CA's certificate, the machine's, and its key."""
    return tuple(f"{directory}/{name}" for name in TLS_FILES)


def question(tls_directory: str, bridges: Sequence[str]) -> Shell:
    """What is looked at besides the two files."""
    paths = " ".join(map(quote, (*tls_paths(tls_directory), CONFIG, DROP_IN)))
    return Shell(f"b={quote(' '.join(bridges))} c={CONFIG} l={LOADED}\nset -- {paths}\n{ASK_ENGINE}{_LOOK}")


def read_state(reply: Reply, config: FileFacts | None, drop_in: FileFacts | None, *, tls_directory: str) -> DaemonState:
    """The state from the answers. Raises CannotTell."""
    parts = chapters(reply.text)
    if reply.code or "unit" not in parts:
        reason = (
            "it has no systemd" if reply.code == 127 else reply.complaint.partition("\n")[0] or f"status {reply.code}"
        )
        raise CannotTell(f"cannot look at docker.service of the machine: {reason}")
    unit = dict(line.partition("=")[::2] for line in parts["unit"].splitlines())
    try:
        times = {path: float(mtime) for mtime, _, path in (line.partition(" ") for line in parts["times"].splitlines())}
        newer = tuple(path for path, mtime in times.items() if _unread(mtime, parts["clock"]))
        known, loaded = _loaded(parts.get("loaded", ""), parts["clock"])
    except (ValueError, LookupError):
        raise CannotTell(
            "cannot tell when docker was started: /proc/uptime, date or stat gave no usable answer"
        ) from None
    now = (config and config.content) or b""
    if known:
        newer = tuple(path for path in newer if path != CONFIG) + ((CONFIG,) if loaded != now else ())
    elif CONFIG not in newer:
        loaded = now
    return DaemonState(
        load=unit.get("LoadState", ""),
        active=unit.get("ActiveState", ""),
        units=tuple(_texts(unit, parts["files"])),
        config=config,
        drop_in=drop_in,
        newer=newer,
        missing=tuple(path for path in tls_paths(tls_directory) if path not in times),
        bridges=tuple(parts["bridges"].split()),
        loaded=loaded,
        replaced=parts.get("exe", "").endswith("(deleted)"),
        kept=int(parts.get("kept", "") or 0),
        info=read_info(parts),
    )


def refuse(seen: DaemonState, bridges: Sequence[str]) -> None:
    """Raise ActFailed for what keeps the daemon from being set up."""
    match seen.load:
        case "loaded":
            pass
        case "not-found":
            raise ActFailed(
                "docker is not installed, systemd knows no docker.service: install it first: "
                "name it in a package list of the osimage, or by package.present"
            )
        case "masked":
            raise ActFailed('docker.service is masked: "systemctl unmask docker.service" first')
        case other:
            raise ActFailed(f'systemd cannot load docker.service ({other}): see "systemctl status docker.service"')
    for path, facts in ((CONFIG, seen.config), (DROP_IN, seen.drop_in)):
        need_file(path, facts)
        if facts and facts.content is None:
            raise ActFailed(f'"{path}" is too large to be read ({facts.size_bytes} bytes): move it out of the way')
    if lacking := [name for name in bridges if name not in seen.bridges]:
        raise ActFailed(f'there is no bridge "{lacking[0]}" on the machine: make it first (network.bridge)')
    if seen.missing:
        raise ActFailed(f'"{seen.missing[0]}" is missing: make it first (tls.host_certificate)')


def _unread(mtime: float, clock: str) -> bool:
    """Was the file written after the daemon was started? A time still to come tells nothing: the clock was set back."""
    if not clock:
        return False
    times, stat = clock.splitlines()
    uptime, now, ticks_per_s = map(float, times.split())
    ticks = float(stat.rpartition(")")[2].split()[19])
    return now - uptime + ticks / ticks_per_s + _CLOCK_GRAIN_S < mtime <= now


def _loaded(noted: str, clock: str) -> tuple[bool, bytes | None]:
    """Is it noted what the daemon has read, and what. What a former process read tells nothing. Raises LookupError."""
    start, _, content = noted.partition("\n")
    if not clock or not start or start != clock.splitlines()[1].rpartition(")")[2].split()[19]:
        return False, None
    try:
        return True, b64decode("".join(content.split()), validate=True)
    except binascii.Error:
        return False, None


def _texts(unit: Mapping[str, str], listing: str) -> Iterator[tuple[str, str]]:
    lines = listing.splitlines()
    for path in (unit.get("FragmentPath", ""), *unit.get("DropInPaths", "").split()):
        if path and path != DROP_IN:
            start = f"{path}:"
            yield path, "\n".join(line.removeprefix(start) for line in lines if line.startswith(start))


# The clock is read after the uptime: a delay in between makes the daemon look younger, and no file newer than it is.
_LOOK = """\
u=$(systemctl show -p LoadState,ActiveState,MainPID,FragmentPath,DropInPaths docker.service) || exit
printf '#unit\\n%s\\n#files\\n' "$u"
pid=0 f= d=
while IFS== read -r k v; do
  case $k in MainPID) pid=$v;; FragmentPath) f=$v;; DropInPaths) d=$v;; esac
done <<END
$u
END
[ -z "$f$d" ] || grep -aH '' -- $f $d
echo '#clock'
if [ "$pid" -gt 0 ]; then
  read -r up rest </proc/uptime
  echo "$up $(date +%s.%N) $(getconf CLK_TCK 2>/dev/null || echo 100)"
  cat "/proc/$pid/stat"
fi
echo '#times'; stat -c '%.Y %n' -- "$@" 2>/dev/null
echo '#bridges'; for i in $b; do [ ! -d "/sys/class/net/$i/bridge" ] || echo "$i"; done
if [ "$pid" -gt 0 ]; then
  echo '#exe'; readlink "/proc/$pid/exe"
  echo '#loaded'; cat "$l" 2>/dev/null
  engine
else
  r=$(sed -n 's/.*"data-root"[[:space:]]*:[[:space:]]*"\\([^"]*\\)".*/\\1/p' "$c" 2>/dev/null)
  set -- "${r:-/var/lib/docker}"/containers/*/
  echo '#kept'; [ ! -d "$1" ] || echo $#
fi
:
"""
