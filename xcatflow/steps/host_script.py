"""`host.script`: a script of the site's own runs on the machine, in the way and with the environment of xCAT's postscripts.

It runs when it has not run yet as it is now: when it, its arguments or its environment differ from those of its last run that succeeded,
which a record on the machine tells.

Source: xCAT 2, how postscripts are run on a node: as root, in /xcatpost, one after the other, with start and end told.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shlex import quote
from typing import Any, ClassVar

from pydantic import Field

from xcatflow.contract import Desk, Params, Step, Target
from xcatflow.errors import ActFailed, CannotTell, InvalidInput
from xcatflow.model.change import Change, Verb
from xcatflow.model.duration import Duration
from xcatflow.model.question import Answers, Question, Reply, Shell
from xcatflow.model.script_environment import environment_of
from xcatflow.model.scripts import ScriptLine
from xcatflow.steps.guard import last_words
from xcatflow.steps.scripts.lists import list_variables
from xcatflow.steps.scripts.tree import LOOK, PLACE, Tree, put_tree, read_tree, scripts_folder

LOG = "/var/log/xcat/xcat.log"
RECORDS = "/var/lib/xcatflow/scripts"
_FILES = "files"
_OWN = ("UPDATENODE",)
"""Variables that tell how a script is run, not what for."""
_SHELL = re.compile(rb"#!\s*(\S*/)?(env\s+(-S\s*)?)?(ba|da|a|k)?sh(\s|$)")
_VARIABLE = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
_WHOLE = frozenset(("env", "printenv", "environ", "ENV", "source"))
"""Words of scripts that look at their whole environment, or hand it on to others whose text is not known."""
_RECORDED = Shell(f"cd {RECORDS} 2>/dev/null || exit 0\ngrep -s . /dev/null *\n:")
"""Prints `NAME:DIGEST DIGEST` for each record."""


class ScriptParams(Params):
    """A line as in a list of `postscripts`."""

    script: str = Field(
        min_length=1,
        description='The script, relative to the site\'s `postscripts/`, and its arguments, such as "tune/disks fast".',
    )
    always: bool = Field(False, description="Run it every time; every run then reports a change.")
    updating: bool = Field(False, description="Tell the script that the machine is installed already: `UPDATENODE=1`.")
    boot: bool = Field(False, description="It is a post-boot script: so the log on the machine calls it.")
    timeout: Duration | None = Field(
        None, description="Longest time it may take, such as `5 min`; the step's own `timeout` when left out."
    )
    tree: Tree | None = Field(None, exclude=True, description="The site's scripts.")
    digest: str = Field("", exclude=True, description="Of the script's content.")
    environment: dict[str, str] = Field(
        default_factory=dict, exclude=True, repr=False, description="The script's environment."
    )
    reads: tuple[str, ...] = Field((), exclude=True, description="The variables of it that the script names.")
    traced: bool = Field(False, exclude=True, description="Is every command of it to be told?")

    @property
    def line(self) -> ScriptLine:
        return ScriptLine(self.script.strip())

    @property
    def word(self) -> str:
        return "postbootscript" if self.boot and not self.updating else "postscript"


@dataclass(frozen=True, slots=True)
class Ran:
    """What the record tells of the last run that succeeded, digests of the script and of its environment, empty where there was none; are
    the site's scripts on the machine, None where nobody has to know."""

    script: str = ""
    environment: str = ""
    files: bool | None = None


class HostScript(Step[ScriptParams, Ran]):
    """The files are looked at only where the script has to run."""

    kind = "host.script"
    params: ClassVar[type[Params]] = ScriptParams

    def prepare(self, want: ScriptParams, desk: Desk) -> ScriptParams:
        """Raises InvalidInput where there is no such script, or its environment cannot be made."""
        root = desk.once("folder of scripts", lambda: scripts_folder(desk))
        if not want.line.words:
            raise InvalidInput(f'expected the name of a script below "{root}", found only blanks')
        name, *_ = want.line.words
        path = root / name
        if ".." in path.parts or name.startswith("/") or not path.is_file():
            raise InvalidInput(f"The postscript {root}/{name} does not exist.")
        tree, digests = desk.once(("scripts", root), lambda: _read(root))
        if not (digest := digests.get(name.removeprefix("./"))):
            raise InvalidInput(f'the script "{path}" is hidden, or behind a link: give it a plain name')
        traced = desk.definitions.site.get("xcatdebugmode") in ("1", "2")
        environment = desk.once(("environment of scripts", desk.node, want.updating), lambda: _environment(desk, want))
        words = desk.once(("words of a script", path), lambda: _words(path.read_bytes()))
        return want.model_copy(
            update={
                "tree": tree,
                "digest": digest,
                "environment": environment,
                "reads": _read_by(words, environment),
                "traced": traced and _is_for_shells(path.read_bytes()),
            }
        )

    def ask(self, want: ScriptParams) -> tuple[Question[Any], ...]:
        return (LOOK,) if want.always else (_RECORDED,)

    def ask_more(self, answers: Answers, want: ScriptParams) -> tuple[Question[Any], ...]:
        return () if want.always or _is_done(_recorded(answers, want), want) else (LOOK,)

    def seen(self, answers: Answers, want: ScriptParams) -> Ran:
        ran = Ran() if want.always else _recorded(answers, want)
        if not want.always and _is_done(ran, want):
            return ran
        assert want.tree
        return Ran(ran.script, ran.environment, want.tree.is_there(answers[LOOK]))

    def plan(self, seen: Ran | None, want: ScriptParams) -> tuple[Change, ...]:
        assert seen is not None
        if not want.always and _is_done(seen, want):
            return ()
        changes = [Change(Verb.RUN, f"{want.word} {want.script.strip()}", why=_why(seen, want))]
        if not seen.files:
            changes.insert(0, Change(Verb.UPDATE, f"scripts in {PLACE}", _FILES))
        return tuple(changes)

    def apply(self, at: Target, want: ScriptParams, seen: Ran | None, change: Change) -> Mapping[str, str] | None:
        """What the script printed becomes the output `stdout`, what it ended with `code`."""
        if change.field == _FILES:
            assert want.tree
            put_tree(at, want.tree)
            return None
        name, *_ = want.line.words
        reply = at.run(_script(want), stdin=_exports(want), timeout_s=want.timeout, check=False)
        if reply.code:
            raise ActFailed(f"{want.word} {name} exited with code {reply.code}: {last_words(reply)}", _said(reply))
        return {"stdout": _said(reply), "code": "0"}

    def verifies(self, want: ScriptParams) -> bool:
        return not want.always


def _read(root: Path) -> tuple[Tree, Mapping[str, str]]:
    """The site's scripts, and the digests of the files by name. Raises InvalidInput."""
    tree = read_tree(root)
    return tree, dict(tree.files)


def _environment(desk: Desk, want: ScriptParams) -> dict[str, str]:
    """Raises InvalidInput."""
    return {**environment_of(desk.definitions, desk.node, updating=want.updating), **list_variables(desk)}


def _words(content: bytes) -> frozenset[str] | None:
    """Every word of a script that may be the name of a variable; None for a program, which may read any."""
    return None if b"\0" in content else frozenset(word.decode() for word in _VARIABLE.findall(content))


def _read_by(words: frozenset[str] | None, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that a script names, also by what numbers (`OTHERPKGS1`) or names (`ROUTE_lan`) are put behind; all of them where it
    looks at its whole environment. What it does not name cannot make it do something else, and no reason to run it again."""
    names = sorted(name for name in environment if name not in _OWN)
    if words is None or words & _WHOLE:
        return tuple(names)
    return tuple(name for name in names if {name, name.rstrip("0123456789"), f"{name.partition('_')[0]}_"} & words)


def _recorded(answers: Answers, want: ScriptParams) -> Ran:
    reply = answers[_RECORDED]
    if reply.code:
        raise CannotTell(f'cannot read "{RECORDS}": {reply.complaint}')
    for line in reply.text.splitlines():
        key, _, digests = line.partition(":")
        if key == _key(want) and len(found := digests.split()) == 2:
            return Ran(found[0], found[1])
    return Ran()


def _is_done(seen: Ran, want: ScriptParams) -> bool:
    return (seen.script, seen.environment) == (want.digest, _digest_of_environment(want))


def _why(seen: Ran, want: ScriptParams) -> str:
    if want.always:
        return "always"
    if not seen.script:
        return "it has not run yet"
    if seen.script != want.digest:
        return "the script has changed"
    return (
        f"what it reads of its environment has changed: {', '.join(want.reads)}"
        if want.reads
        else "it has run otherwise"
    )


def _key(want: ScriptParams) -> str:
    """The name of the record of a script with these arguments."""
    return sha256("\0".join(want.line.words).encode()).hexdigest()[:32]


def _digest_of_environment(want: ScriptParams) -> str:
    items = [(name, want.environment[name]) for name in want.reads]
    return sha256(repr(items).encode()).hexdigest()


def _exports(want: ScriptParams) -> bytes:
    """The environment as commands of the shell; it travels as standard input, which no list of processes shows."""
    return "".join(f"export {name}={quote(value)}\n" for name, value in want.environment.items()).encode()


def _said(reply: Reply) -> str:
    return "\n".join(text for text in (reply.text, reply.complaint) if text)


def _is_for_shells(content: bytes) -> bool:
    """Does its first line name a shell that bash can stand in for, or nothing? Programs have none."""
    first = content.partition(b"\n")[0]
    return _SHELL.match(first) is not None if first.startswith(b"#!") else b"\0" not in content[:512]


def _script(want: ScriptParams) -> str:
    name, *arguments = want.line.words
    values = {
        "d": PLACE,
        "l": LOG,
        "w": want.word,
        "n": name,
        "k": f"{RECORDS}/{_key(want)}",
        "r": f"{want.digest} {_digest_of_environment(want)}",
        "x": "1" if want.traced else "",
    }
    given = " ".join(f"{each}={quote(value)}" for each, value in values.items())
    return f"{given}\nset -- {' '.join(map(quote, arguments))}\n{_RUN}"


_RUN = """\
set -u
e=$(cat)
umask 077
mkdir -p "${l%/*}" "${k%/*}" || exit 1
rm -f -- "$k"
: >>"$l" || exit 1
umask 022
cd "$d" || exit 1
[ -f "$n" ] || { echo "$(date) $w $n does NOT exist." | tee -a "$l"; exit 127; }
printf '%s Running %s: %s\\n%s start..: %s\\n' "$(date)" "$w" "$n" "$w" "$n" >>"$l"
b=$(wc -c <"$l") c=0
( set +u
  [ "$x" ] && command -v bash >/dev/null || x=
  set -- "$x" "$d" "./$n" "$@"
  eval "$e"
  PATH=$2:$PATH; export PATH
  if [ "$1" ]; then shift 2; exec bash -x "$@"; fi
  shift 2; exec "$@" ) >>"$l" 2>&1 </dev/null || c=$?
tail -c "+$((b + 1))" "$l"
printf '%s end....: %s exited with code %s\\n' "$w" "$n" "$c" >>"$l"
if [ "$c" = 0 ]; then umask 077; printf '%s\\n' "$r" >"$k" || exit 1; fi
exit "$c"
"""
