"""Texts added to files that a machine has of its own: `APPEND:` and `MERGE:` of a synclist.

Before the first time the file is saved, and what is appended to is what was saved: appending again does not append twice. Of what is
merged, entries of the same name take the place of those there, and others come at the end. Contents travel as standard input only, and
digests come back.

Source: xCAT's documentation of the synclist; passwd(5), shadow(5), group(5): the name is what stands before the first colon; lckpwdf(3)
and shadow-utils: `FILE.lock` holds the number of the process that changes FILE.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from shlex import quote
from types import MappingProxyType
from typing import Literal

from xcatflow.contract import Target
from xcatflow.errors import ActFailed, CannotTell, InvalidInput
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Shell
from xcatflow.steps.place import checked
from xcatflow.steps.syncing.items import Item

Sort = Literal["append", "merge"]


@dataclass(frozen=True, slots=True)
class Text:
    """What is added to the file `item.dest`; `saved` is where its original is kept."""

    sort: Sort
    item: Item
    saved: str

    @property
    def entries(self) -> Mapping[str, str]:
        """The lines to merge, by name."""
        lines = [line for line in self.item.read().decode(errors="surrogateescape").splitlines() if line.strip()]
        return {line.partition(":")[0]: line for line in lines}


def check_entries(text: Text) -> None:
    """Raise InvalidInput where a line to merge is none of its file: a broken entry, of root above all, would let nobody in any more."""
    fields = _FIELDS[text.item.dest.rpartition("/")[2]]
    try:
        entries = text.entries
    except ActFailed as error:
        raise InvalidInput(str(error)) from None
    for name, line in entries.items():
        numbers = [part for part in line.split(":")[2:3] if fields < 9 and not part.isdigit()]
        if not name.startswith(("+", "-")) and (line.count(":") + 1 != fields or not name.strip() or numbers):
            raise InvalidInput(
                f'expected {fields} fields with ":" between them in each line of "{text.item.source}", as "{text.item.dest}" has them, '
                f'found another line for "{name}"'
            )


_FIELDS: Mapping[str, int] = MappingProxyType({"passwd": 7, "shadow": 9, "group": 4})

_ORIGINAL = """\
[ -f "$f" ] || { echo "there is no file \\"$f\\" on this machine" >&2; exit 1; }
o=$f; [ ! -f "$s" ] || o=$s
first() { cat -- "$o" && { [ -z "$(tail -c 1 -- "$o")" ] || echo; }; }
"""
_LOOK_APPEND = """\
n=$(first | wc -c)
if [ -f "$s" ] && [ "$(head -c "$n" -- "$f" | sha256sum)" = "$(first | sha256sum)" ]
then tail -c +$((n + 1)) -- "$f" | sha256sum
else echo other; fi
[ ! -f "$s" ] || echo saved
"""
_LOOK_MERGE = """\
while IFS= read -r line || [ "$line" ]; do
  name=${line%%:*}
  case "$names" in *":$name:"*) printf '%s' "$line" | sha256sum | { read -r sum rest; echo "$sum $name"; };; esac
done <"$f"
"""
_SAVE = """\
set -eu; umask 077
d=${f%/*}; [ "$d" ] || d=/
if [ ! -f "$s" ]; then
  mkdir -p -- "${s%/*}"
  cp -p -- "$f" "$s.new"; sync "$s.new" 2>/dev/null || sync
  mv -f -- "$s.new" "$s"
fi
t= i= l=
trap 'rm -f -- "$t" "$i" ${l:+"$l"}' EXIT
trap 'exit 1' HUP INT TERM
i=$(mktemp "$d/.xcatflow.XXXXXX")
cat >"$i"
t=$(mktemp "$d/.xcatflow.XXXXXX")
[ "$(sha256sum <"$i")" = "$h  -" ] || { echo "the content did not arrive whole" >&2; exit 1; }
"""
_PUT = """\
# What is mounted there by itself, as a container's /etc/hosts is, can be written only where it stands.
put() { if grep -qsF " $f " /proc/self/mountinfo; then cat -- "$t" >"$f"; rm -f -- "$t"; else mv -f -- "$t" "$f"; fi; }
"""
_PLACE = f"""\
{_PUT}sync "$t" 2>/dev/null || sync
put
if command -v restorecon >/dev/null; then restorecon -- "$f" || echo "restorecon failed" >&2; fi
"""
_APPEND = 'cp -p -- "$f" "$t"\n{ first; cat -- "$i"; } >"$t"\n'
_MERGE = """\
echo $$ >"$t"
n=0
until ln -- "$t" "$f.lock" 2>/dev/null; do
  p=$(tr -cd 0-9 <"$f.lock" 2>/dev/null) || p=
  [ -z "$p" ] || kill -0 "$p" 2>/dev/null || { rm -f -- "$f.lock"; continue; }
  n=$((n + 1)); [ $n -le 20 ] || { echo "\\"$f\\" is being changed by process ${p:-unknown}, which holds \\"$f.lock\\"" >&2; exit 1; }
  sleep 0.5
done
l=$f.lock
rm -f -- "$t"
cp -p -- "$f" "$t"
merged() { awk -F: '
  FNR == 1 { part++ }
  part == 1 { if ($0 ~ /[^ \\t]/) { if (!($1 in new)) order[++n] = $1; new[$1] = $0 }; next }
  $1 in new { if (!($1 in done)) print new[$1]; done[$1] = 1; next }
  { print }
  END { for (i = 1; i <= n; i++) if (!(order[i] in done)) print new[order[i]] }
' "$i" "$f"; }
merged >"$t"
[ "$(merged | sha256sum)" = "$(sha256sum <"$t")" ] || { echo "what was merged could not be written whole" >&2; exit 1; }
"""
"""Who else changes these files, by shadow-utils or vipw, waits for the same lock."""


def text_question(text: Text) -> Shell:
    head = f"f={quote(text.item.dest)} s={quote(text.saved)}\n{_ORIGINAL}"
    if text.sort == "append":
        return Shell(head + _LOOK_APPEND)
    return Shell(f"names={quote(':' + ':'.join(text.entries) + ':')}\n{head}{_LOOK_MERGE}")


def read_text(text: Text, answers: Answers) -> str:
    """Empty where the file has the text; `first` where it has not, and nothing was saved yet; `other` where it has not. Raises
    CannotTell."""
    reply = answers[text_question(text)]
    if reply.code:
        raise CannotTell(f'cannot look at "{text.item.dest}": {reply.complaint or f"status {reply.code}"}')
    lines = reply.text.splitlines()
    if text.sort == "append":
        if lines[:1] == [f"{text.item.sha256}  -"]:
            return ""
        return "other" if "saved" in lines else "first"
    wanted = sorted(f"{_sum(line)} {name}" for name, line in text.entries.items())
    return "" if sorted(lines) == wanted else "other"


def _sum(line: str) -> str:
    return sha256(line.encode(errors="surrogateescape")).hexdigest()


def text_changes(texts: Iterable[Text], seen: Mapping[str, str]) -> list[Change]:
    """What is to be added, a change for each file."""
    changes = []
    for text in texts:
        if seen.get(text.item.dest):
            into = "appended" if text.sort == "append" else f"merged ({len(text.entries)} entries)"
            changes.append(Change(Verb.UPDATE, f"file {text.item.dest}", text.sort, None, f"{text.item.source} {into}"))
    return changes


def add_text(at: Target, text: Text) -> None:
    """Save the original where that was not done yet, and add the text. Raises ActFailed; then the file is as it was."""
    content = text.item.read()
    values = {"f": text.item.dest, "s": text.saved, "h": sha256(content).hexdigest()}
    words = " ".join(f"{name}={quote(value)}" for name, value in values.items())
    way = _APPEND if text.sort == "append" else _MERGE
    failure = f'cannot {text.sort} "{text.item.source}" to "{text.item.dest}"'
    checked(at, f"{words}\n{_ORIGINAL}{_SAVE}{way}{_PLACE}", failure, stdin=content)


def take_text_out(at: Target, text: Text) -> None:
    """Put the original back. Raises ActFailed."""
    values = f"f={quote(text.item.dest)} s={quote(text.saved)}"
    checked(
        at,
        f'{values}\n{_PUT}set -eu; d=${{f%/*}}; t=$(mktemp "$d/.xcatflow.XXXXXX"); cp -p -- "$s" "$t"; put; rm -f -- "$s"',
        f'cannot restore "{text.item.dest}"',
    )
