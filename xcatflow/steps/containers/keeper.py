"""Addresses that are on record on a machine, so that the keeper there puts them back: records, and the keeper while there is one.

Source: systemctl(1). The keeper itself is `container_keeper_script`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from shlex import quote
from typing import Any

from xcatflow.contract import Target
from xcatflow.errors import CannotTell
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, File, FileFacts, Question, Unit, UnitFacts
from xcatflow.steps.containers import keeper_script as keeper
from xcatflow.steps.containers.link import Way
from xcatflow.steps.place import checked

SERVICE = f"service {keeper.UNIT.partition('.')[0]}"
"""What a change about the keeper names."""

_PROGRAM, _UNIT_FILE, _UNIT = File(keeper.PROGRAM_FILE), File(keeper.UNIT_FILE), Unit(keeper.UNIT)


@dataclass(frozen=True, slots=True)
class Kept:
    """What keeps an address: its record, and the keeper's program and unit. Of one that shall not be kept only the record matters."""

    record: FileFacts | None = None
    program: FileFacts | None = None
    unit_file: FileFacts | None = None
    unit: UnitFacts | None = None


def record_path(container: str, interface: str) -> str:
    """Where the address of a container's interface is on record."""
    return f"{keeper.RECORDS}/{container}@{interface}"


def record_text(way: Way, mode: str) -> bytes:
    """What stands there: a line for each word that is not empty. `mode` is the container's network mode: one that is made anew with another
    mode is not meant."""
    words = {**way.words, "network": mode}
    lines = [f"{word} {value}\n" for word, value in words.items() if value]
    return "".join(("# written by xcatflow (container.address)\n", *lines)).encode()


def questions(container: str, interface: str, way: Way | None) -> tuple[Question[Any], ...]:
    """What to look at to know whether `way` is kept; None: that nothing is."""
    if way is None:
        return (File(record_path(container, interface), digest=False),)
    return (File(record_path(container, interface)), _PROGRAM, _UNIT_FILE, _UNIT)


def seen(answers: Answers, container: str, interface: str, way: Way | None) -> Kept:
    """What the answers say. Raises CannotTell."""
    if way is None:
        return Kept(answers[File(record_path(container, interface), digest=False)])
    try:
        unit = answers[_UNIT]
    except CannotTell as error:
        advice = ', so the address cannot be kept over restarts: say "keep: false"' if "systemd" in str(error) else ""
        raise CannotTell(f"{error}{advice}") from error
    return Kept(answers[File(record_path(container, interface))], answers[_PROGRAM], answers[_UNIT_FILE], unit)


def changes(kept: Kept, container: str, interface: str, text: bytes | None) -> Iterator[Change]:
    """What is missing for the record `text` to be kept; None: what has to go so that nothing is."""
    path = record_path(container, interface)
    if text is None:
        if kept.record:
            yield Change(Verb.REMOVE, f"file {path}")
        return
    if kept.record is None:
        yield Change(Verb.CREATE, f"file {path}")
    elif kept.record.sort != "file" or kept.record.sha256 != sha256(text).hexdigest():
        yield Change(Verb.UPDATE, f"file {path}", "content", "other", "as wanted")
    yield from _keeper_changes(kept)


def _keeper_changes(kept: Kept) -> Iterator[Change]:
    files = [it.sha256 if it else None for it in (kept.program, kept.unit_file)]
    if None in files:
        yield Change(
            Verb.CREATE, SERVICE, why="it puts addresses back when a container, the daemon or the machine restarts"
        )
    elif files != [keeper.PROGRAM_SHA256, keeper.UNIT_SHA256]:
        yield Change(Verb.UPDATE, SERVICE, "files", "other", "this version's")
    elif kept.unit is None or kept.unit.active not in ("active", "reloading"):
        yield Change(Verb.START, SERVICE, "", kept.unit.active if kept.unit else "unknown to systemd", "running")
    elif kept.unit.enabled != "enabled":
        yield Change(Verb.ENABLE, SERVICE, "at boot", kept.unit.enabled or "no", "enabled")


def keep(at: Target, container: str, interface: str, text: bytes) -> None:
    """Write the record. Raises ActFailed."""
    script = f"f={quote(record_path(container, interface))}\n{_WRITE}"
    checked(at, script, f'cannot put the address of container "{container}" on record', stdin=text)


def forget(at: Target, container: str, interface: str, *, only_unused: bool = False) -> None:
    """Remove the record; with the last one goes the keeper. With `only_unused` no record goes, and the keeper where there is none. Raises
    ActFailed."""
    record = "" if only_unused else record_path(container, interface)
    checked(at, f"{_names(record)}\n{_FORGET}", "cannot remove the record of an address")


def run_keeper(at: Target) -> None:
    """Install the keeper, have it run, and start at boot; where all that is so nothing is done. Raises ActFailed."""
    head = f"{_names()} size={len(keeper.PROGRAM)} digests={quote(keeper.PROGRAM_SHA256 + ' ' + keeper.UNIT_SHA256)}"
    checked(at, f"{head}\n{_INSTALL}", "cannot install what keeps addresses", stdin=keeper.PROGRAM + keeper.UNIT_TEXT)


def _names(record: str = "") -> str:
    values = {
        "records": keeper.RECORDS,
        "p": keeper.PROGRAM_FILE,
        "u": keeper.UNIT_FILE,
        "unit": keeper.UNIT,
        "f": record,
    }
    return " ".join(f"{name}={quote(value)}" for name, value in values.items())


_WRITE = """\
set -eu; umask 022
mkdir -p "${f%/*}"
t=$(mktemp "${f%/*}/.xcatflow.XXXXXX")
trap 'rm -f -- "$t"' EXIT
cat >"$t"
chmod 0644 "$t"
[ ! -d "$f" ] || rmdir -- "$f"
mv -f -- "$t" "$f"
"""

_INSTALL = """\
set -eu; umask 022
sum() { sha256sum <"$1" 2>/dev/null | cut -d ' ' -f 1; }
right() { [ -f "$p" ] && [ -f "$u" ] && [ "$(sum "$p") $(sum "$u")" = "$digests" ]; }
up() { systemctl -q is-active "$unit" && systemctl -q is-enabled "$unit"; }
if right && up; then exit 0; fi
[ -d /run/systemd/system ] || { echo 'systemd does not run here: say "keep: false"' >&2; exit 1; }
if ! right; then
  mkdir -p "${p%/*}"
  t=$(mktemp "${p%/*}/.xcatflow.XXXXXX")
  trap 'rm -f -- "$t" "$t.u"' EXIT
  cat >"$t.u"
  head -c "$size" "$t.u" >"$t"
  chmod 0755 "$t"
  mv -f -- "$t" "$p"
  tail -c "+$((size + 1))" "$t.u" >"$t"
  chmod 0644 "$t"
  mv -f -- "$t" "$u"
  right || { echo "its files did not arrive whole" >&2; exit 1; }
fi
systemctl daemon-reload
systemctl -q enable "$unit"
systemctl restart "$unit"
systemctl -q is-active "$unit"
"""

_FORGET = """\
set -eu
rm -f -- "$f"
[ -z "$(ls "$records" 2>/dev/null)" ] || exit 0
if [ -e "$u" ]; then
  systemctl -q disable --now "$unit"
  rm -f -- "$u"
  systemctl daemon-reload
fi
rm -f -- "$p"
rmdir -- "$records" "${records%/*}" "${p%/*}" 2>/dev/null || :
"""
