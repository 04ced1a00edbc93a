"""The remote end of an SSH session: one POSIX shell that reads its work as shell commands, and the frames in which it answers. Pure.

The shell is started once per channel as `sh -s` and reads commands from its standard input, so that feeding it a script costs no process
on the machine. Each job runs in the background while the shell goes on reading: the end of its input (the controller closed the channel,
or died) ends the job, first with TERM, then with KILL. Looks run as subshells of the shell itself, one fork each. An act runs in a session
and process group of its own under `timeout`, which is its deadline on the machine. Scripts travel as quoted words, an act's standard input
as base64 through a builtin, or as it is where there is much of it: neither ever appears in an argument list or a file.

Input that travels as it is follows the command on the shell's own standard input, once the shell has said `go`: until then it may read
ahead, and what it read would be lost. It does not go on reading before all of it was passed on, and ends where that went wrong, so that
nothing of it can ever be taken for a command.

Answers: a reply's content as it comes, then the session's random marker. On standard output a note follows the marker (`STATUS` or
`STATUS left`, the latter when processes of the act are still there), then a line break; standard error has the marker and a line break
alone. Until the first marker everything is noise of the login shell.

Source: POSIX.1-2017 (XCU 2, sh, kill, wait), setsid(1), timeout(1); tried with dash 0.5.12, bash 5.2 and busybox 1.35.
"""

import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

GRACE_S = 2
"""Seconds between TERM and KILL."""

ENDED = frozenset({124, 137, 143})
"""What `timeout` and a shell ended by it exit with; means the deadline only when the deadline has passed."""

_AGENT = """
LC_ALL=C LANG=C IFS=' \t
' PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL LANG PATH
unset ENV BASH_ENV CDPATH
umask 022
cd /
exec 5<&0
xf_look() {
  [ -z "$xf_job" ] || wait "$xf_job"
  xf_fenced=
  (
    for xf_s do
      ( set --; eval "$xf_s" )
      xf_end "$?"
    done
  ) </dev/null 5<&- &
  xf_job=$!
}
xf_act() {
  [ -z "$xf_job" ] || wait "$xf_job"
  trap '' TERM
  if [ "$3" ]; then
    printf %s "$3" | base64 -d | xf_run "$1" "$2" 4</dev/fd/0 &
  else
    xf_run "$1" "$2" 4</dev/null &
  fi
  xf_job=$! xf_fenced=1
  trap - TERM
}
xf_pass() {
  [ -z "$xf_job" ] || wait "$xf_job"
  xf_end go
  trap '' TERM
  xf_fed=
  { head -c "$3" <&5 && kill -USR1 "$$"; } | { xf_drain=yes; xf_run "$1" "$2" 4<&0; } &
  xf_job=$! xf_fenced=1
  trap - TERM
  while [ -z "$xf_fed" ] && kill -0 "$xf_job" 2>/dev/null; do wait "$xf_job"; done
  [ "$xf_fed" ] || exit 1
  kill -0 "$xf_job" 2>/dev/null || xf_job=
}
xf_run() {
  xf_t= xf_stopped=
  trap xf_stop TERM
  printf 'exec 3<&-;%s\\n' "$2" 2>/dev/null | setsid timeout -k GRACE "$1" sh -c '. /dev/fd/3' sh 3</dev/fd/0 <&4 4<&- 5<&- &
  xf_t=$!
  wait "$xf_t" 2>/dev/null
  xf_c=$?
  while [ "$xf_c" -gt 128 ] && kill -0 "$xf_t"; do
    wait "$xf_t"
    xf_c=$?
  done 2>/dev/null
  case $xf_stopped$xf_c in
    124|137|143|yes*) kill -KILL "-$xf_t" ;;
    *) kill -0 "-$xf_t" && xf_c="$xf_c left" ;;
  esac 2>/dev/null
  [ -z "$xf_drain" ] || cat <&4 >/dev/null
  xf_end "$xf_c"
}
xf_stop() {
  [ "$xf_t" ] || return
  trap '' TERM
  xf_stopped=yes
  kill -TERM "-$xf_t" 2>/dev/null || kill -TERM "$xf_t" 2>/dev/null
  ( sleep GRACE; kill -KILL "-$xf_t" || kill -KILL "$xf_t" ) >/dev/null 2>&1 &
}
xf_finish() {
  trap '' TERM
  if [ "$xf_fenced" ]; then
    ( while kill -TERM "$xf_job"; do sleep 1; done ) >/dev/null 2>&1 &
  else
    kill -TERM 0
    ( sleep GRACE; kill -KILL 0 ) >/dev/null 2>&1 &
  fi
  [ -z "$xf_job" ] || wait "$xf_job"
  kill -KILL 0
}
xf_take() {
  IFS= read -r -N "$1" xf_s && eval "$xf_s"
}
xf_end() {
  printf '%s%s%s\\n' "$xf_a" "$xf_b" "$1"
  printf '%s%s\\n' "$xf_a" "$xf_b" >&2
}
xf_hello() {
  xf_c=hello
  for xf_s in setsid timeout base64; do
    command -v "$xf_s" >/dev/null || xf_c="$xf_c $xf_s"
  done
  xf_fed=
  kill -USR1 "$$"
  [ "$xf_fed" ] && [ "$(printf ab | head -c 1)" = a ] && xf_c="$xf_c passes"
  xf_end "${BASH_VERSION:+bash }$xf_c"
}
""".replace("GRACE", str(GRACE_S))


@dataclass(frozen=True, slots=True)
class Hello:
    """What the agent says of itself: is its shell bash, can it pass input on as it is, and which programs an act needs are missing."""

    bash: bool
    passes: bool
    missing: tuple[str, ...]


def new_marker() -> bytes:
    """What no output holds by accident or on purpose: 128 random bits."""
    return secrets.token_hex(16).encode()


def agent_text(marker: bytes) -> bytes:
    """The first thing the shell reads. The marker is given in two halves, so that a script that prints all variables does not print it."""
    first, second = marker[:16], marker[16:]
    names = b"xf_a=%b xf_b=%b xf_job= xf_fenced= xf_drain=" % (first, second)
    return names + _AGENT.encode() + b"trap xf_finish EXIT\ntrap xf_fed=yes USR1\nxf_hello\n"


def look_frame(scripts: Sequence[str]) -> bytes:
    """A command that runs each script in a subshell of its own and gives one reply for each. Raises ValueError at a NUL in a script."""
    return b"xf_look %b\n" % b" ".join(map(quoted, scripts))


def act_frame(script: str, stdin: bytes, timeout_s: float) -> bytes:
    """A command that runs one script fenced, with `stdin` as its standard input. Raises ValueError at a NUL in the script."""
    return b"xf_act %.3f %b '%b'\n" % (timeout_s, quoted(script), b64encode(stdin))


def pass_frame(script: str, size: int, timeout_s: float) -> bytes:
    """The same for an act whose standard input are the `size` bytes that follow as they are, once the note `go` has come. Raises ValueError
    at a NUL in the script."""
    return b"xf_pass %.3f %b %d\n" % (timeout_s, quoted(script), size)


def taken(frame: bytes) -> bytes:
    """The same command for bash, which reads its input byte by byte unless it is told how many are coming."""
    return b"xf_take %d\n%b" % (len(frame), frame)


def quoted(text: str) -> bytes:
    """One word of the shell that means `text`."""
    raw = text.encode("utf-8", "surrogateescape")
    if b"\0" in raw:
        raise ValueError("a script cannot hold a NUL character")
    return b"'%b'" % raw.replace(b"'", b"'\\''")


def read_hello(note: bytes) -> Hello:
    """The agent's first note."""
    words = note.decode(errors="replace").split()
    known = ("bash", "hello", "passes")
    return Hello("bash" in words, "passes" in words, tuple(word for word in words if word not in known))


class Frames:
    """Cuts one stream at the markers. Linear in what is fed, however large a reply is."""

    def __init__(self, marker: bytes) -> None:
        self._marker = marker
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def take(self) -> tuple[bytes, bytes] | None:
        """The next reply's content and the note after its marker; None while it is not complete."""
        buffer, marker = self._buffer, self._marker
        at = buffer.find(marker, self._searched)
        if at < 0:
            self._searched = max(0, len(buffer) - len(marker) + 1)
            return None
        end = buffer.find(b"\n", at)
        if end < 0:
            self._searched = at
            return None
        with memoryview(buffer) as view:
            content, note = bytes(view[:at]), bytes(view[at + len(marker) : end])
        del buffer[: end + 1]
        self._searched = 0
        return content, note

    def drop(self) -> bytes:
        """Forget what belongs to no reply; returns it."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._searched = 0
        return rest
