"""Texts added to files that a machine has of its own: `APPEND:` and `MERGE:` of a synclist.

Before the first time the file is saved, and what is appended to is what was saved: appending again does not append twice. Of what is
merged, entries of the same name take the place of those there, and others come at the end. Contents travel as standard input only, and
digests come back.

Source: xCAT's documentation of the synclist; passwd(5), shadow(5), group(5): the name is what stands before the first colon.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from shlex import quote
from typing import Literal

from xcatflow.contract import Target
from xcatflow.errors import ActFailed, CannotTell
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Shell
from xcatflow.steps.place import checked
from xcatflow.steps.sync_items import Item

Sort = Literal["append", "merge"]


@dataclass(frozen=True, slots=True)
class Text:
    """What is added to the file `item.dest`; `saved` is where its original is kept."""

    sort: Sort
    item: Item
    saved: str

    @property
    def entries(self) -> Mapping[str, str]:
        """The lines to merge, by name. Raises ActFailed where a line has none."""
        lines = [line for line in self.item.read().decode(errors="surrogateescape").splitlines() if line.strip()]
        found = {line.partition(":")[0]: line for line in lines}
        if wrong := next((line for line in lines if ":" not in line or not line.partition(":")[0]), None):
            shown = wrong.partition(":")[0]
            raise ActFailed(f'expected "name:..." in each line of "{self.item.source}", found "{shown}"')
        return found


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
t=$(mktemp "$d/.xcatflow.XXXXXX")
trap 'rm -f -- "$t" "$t.in"' EXIT
trap 'exit 1' HUP INT TERM
cp -p -- "$f" "$t"
cat >"$t.in"
[ "$(sha256sum <"$t.in")" = "$h  -" ] || { echo "the content did not arrive whole" >&2; exit 1; }
"""
_PLACE = """\
sync "$t" 2>/dev/null || sync
mv -f -- "$t" "$f"
rm -f -- "$t.in"
trap - EXIT
if command -v restorecon >/dev/null; then restorecon -- "$f" || echo "restorecon failed" >&2; fi
"""
_APPEND = '{ first; cat -- "$t.in"; } >"$t"\n'
_MERGE = """\
awk -F: '
  FNR == 1 { part++ }
  part == 1 { if ($0 ~ /[^ \\t]/) { if (!($1 in new)) order[++n] = $1; new[$1] = $0 }; next }
  $1 in new { if (!($1 in done)) print new[$1]; done[$1] = 1; next }
  { print }
  END { for (i = 1; i <= n; i++) if (!(order[i] in done)) print new[order[i]] }
' "$t.in" "$f" >"$t"
"""


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
        f'{values}\nset -eu; cp -p -- "$s" "$f.new"; mv -f -- "$f.new" "$f"; rm -f -- "$s"',
        f'cannot restore "{text.item.dest}"',
    )
