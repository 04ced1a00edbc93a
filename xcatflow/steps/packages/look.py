"""Looks at a machine's packages beyond what is installed: what its index knows, what is held, and what an act would do.

The first look (`state_question`) reads what is on the machine. The second (`outlook_question`), for machines where something is to be done,
has the package manager work out what that would be. Where the index does not know an entry, or is old, that is done with a copy of it
in a directory of its own, which is fetched anew: the machine's own index changes only in an act.

Source: apt-get(8) on -s and --print-uris, apt-cache(8), dnf(8) on -C and --assumeno, zypper(8) on --dry-run and --xmlout.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote

from xcatflow.errors import CannotTell
from xcatflow.model.question import Reply, Shell
from xcatflow.steps.packages.manager import UPGRADE_WORDS, install_words, remove_words
from xcatflow.steps.packages.pkglist import Entry
from xcatflow.steps.packages.ways import INDEX_AGE, WAY

_SECTION = """\
echo "== manager 0"; echo "$way $(index_age)"
section() { # NAME COMMAND...: what it prints, after a line with the name and its status
  name=$1; shift
  said=$("$@" 2>&1 </dev/null); code=$?; echo "== $name $code"; printf '%s\\n' "$said"
}
"""
_STATE = """\
newest() {
  case $way in
  apt) apt-cache policy -- NAMES;;
  dnf) [ -z "$(index_age)" ] || { $dnf -q -C $unlock check-update NAMES; code=$?; [ $code = 100 ] || return $code; };;
  zypper) zypper --no-refresh -n -x list-updates;;
  esac
}
held() {
  case $way in
  apt) dpkg-query -W -f '${db:Status-Want} ${Package}\\n' | sed -n 's/^hold //p';;
  dnf) $dnf -q -C versionlock list;;
  zypper) zypper --no-refresh -n -x locks;;
  esac
}
groups() {
  case $way in
  apt) echo none;;
  dnf)
    # As words: of the options with these names only one is allowed.
    list=$($dnf -q -C group list hidden installed ids 2>&1); code=$?
    case $list in *"No group data"*|*"no cache for"*) ;; *) printf '%s\\n' "$list"; return $code;; esac;;
  zypper) zypper --no-refresh -n -x search -t pattern -i; code=$?; [ $code = 104 ] || return $code;;
  esac
}
"""
_TRY = """\
weak=WEAK despite=DESPITE may=MAY t= idx= last= unknown=
renew() { # a copy of the index in a directory of its own, fetched anew
  may=0; t=$(mktemp -d /var/tmp/xcatflow.XXXXXX) || { t=; echo "== index 1"; echo "no room for it in /var/tmp"; return; }
  trap 'rm -rf -- "$t"' EXIT
  trap 'exit 1' HUP INT TERM
  chmod 755 "$t"
  case $way in
  apt)
    mkdir -p "$t/lists/partial"; cp -p /var/lib/apt/lists/*_* "$t/lists" 2>/dev/null
    idx="-o Dir::State::Lists=$t/lists -o Dir::Cache::pkgcache=$t/pkg.bin -o Dir::Cache::srcpkgcache=$t/src.bin";;
  dnf) idx="--setopt=cachedir=$t";;
  zypper) idx="--cache-dir $t";;
  esac
  section index fetch_own
  [ $code = 0 ] || idx=
}
fetch_own() {
  case $way in
  apt) apt-get -q $idx -o APT::Update::Error-Mode=any -o Acquire::Retries=0 -o Acquire::http::Timeout=15 \\
    -o Acquire::https::Timeout=15 update;;
  dnf) $dnf -q $idx makecache;;
  zypper) zypper -n $idx refresh;;
  esac
}
try_out() { # WORDS: what would be done
  case $way in
  apt)
    set -- -y -q $idx -o Debug::NoLocking=1 -o APT::Install-Recommends=$weak "$@"
    apt-get -s "$@" && apt-get --print-uris "$@" | grep -e '^Need to get' -e '^After this operation';;
  dnf) $dnf $idx -C $unlock --assumeno --setopt=best=1 --setopt=install_weak_deps=$weak "$@";;
  zypper) set -- -x $idx "$@"; zyp_dry "$@";;
  esac
}
zyp_dry() { # OPTIONS... VERB ARGUMENTS...: --dry-run belongs behind the verb
  options=
  while :; do case $1 in --cache-dir) options="$options $1 $2"; shift 2;; -*) options="$options $1"; shift;; *) break;; esac; done
  verb=$1; shift
  zypper --no-refresh -n $options "$verb" --dry-run "$@"
}
tried() { # NAME WORDS...: once more with an index of its own where the machine's does not know all
  tried=$1; shift
  try "$@"
  if [ $unknown$may = 11 ]; then renew; [ -z "$idx" ] || try "$@"; fi
  echo "== $tried $status"; printf '%s\\n' "$last"
}
try() {
  last=$(try_out "$@" 2>&1 </dev/null); status=$? unknown=0
  case $last in
    *"Unable to locate package"*|*"no installation candidate"*|*"was not found"*|*"Unable to find a match"*|*"No match for argument"*|\\
    *"No provider of"*|*"no cache for"*|*"not found"*) unknown=1;;
  esac
}
"""
_NEAR = """\
near() { # HALF HALF LENGTH: names of packages about as long, with one of these halves in them
  case $way in
  apt) apt-cache $idx pkgnames;;
  dnf) $dnf -q $idx -C repoquery --qf '%{name}' 2>/dev/null;;
  zypper) zypper --no-refresh -x -n $idx search --match-substrings "$1" "$2" | sed -n 's/.* name="\\([^"]*\\)".*/\\1/p';;
  esac | grep -E "$3" | grep -F -e "$1" -e "$2" | sort -u | head -n 1000
}
versions() { # NAME
  case $way in
  apt) apt-cache $idx madison -- "$1" | cut -d '|' -f 2;;
  dnf) $dnf -q $idx -C repoquery --qf '%{evr}' "$1" 2>/dev/null;;
  zypper) zypper --no-refresh -x -n $idx search -s --match-exact "$1" | sed -n 's/.* edition="\\([^"]*\\)".*/\\1/p';;
  esac | tr -d ' ' | sort -u | tail -n 20
}
"""


@dataclass(frozen=True, slots=True)
class Section:
    """What one command said, with its exit status."""

    code: int
    text: str


def sections(reply: Reply) -> dict[str, Section]:
    """The sections of a look by name. Raises CannotTell where the machine has no package manager, or gave no answer."""
    found: dict[str, Section] = {}
    name, code, lines = "", 0, list[str]()
    for line in [*reply.out.decode(errors="replace").splitlines(), "== end 0"]:
        words = line.split(" ")
        if words[0] == "==" and len(words) >= 3 and words[-1].isdigit():
            if name:
                found[name] = Section(code, "\n".join(lines).strip("\n"))
            name, code, lines = " ".join(words[1:-1]), int(words[-1]), []
        else:
            lines.append(line)
    if not found:
        raise CannotTell(f"cannot tell about packages: {reply.complaint or f'status {reply.code}'}")
    return found


@dataclass(frozen=True, slots=True)
class StateLook:
    """What of a machine's packages is looked at first, beside what is installed."""

    newest: tuple[str, ...] = ()
    held: bool = False
    groups: bool = False
    everything: bool = False
    recommends: bool = False

    @property
    def question(self) -> Shell:
        script = (
            WAY + INDEX_AGE + _SECTION + _unlock(self.held) + _STATE.replace("NAMES", " ".join(map(quote, self.newest)))
        )
        script += "section newest newest\n" if self.newest else ""
        # Only apt names what is held among what is newer.
        script += (
            "section held held\n" if self.held else "[ $way != apt ] || section held held\n" if self.newest else ""
        )
        script += "section groups groups\n" if self.groups else ""
        if self.everything:
            script += _script(recommends=self.recommends, may_fetch=False) + UPGRADE_WORDS + 'tried upgrade "$@"\n'
        return Shell(script)


@dataclass(frozen=True, slots=True)
class OutlookLook:
    """What an act would do: the entries to install and to remove of each list, by a name. The index is fetched into a directory of its own
    where `may_fetch` and it is older than `index_age_s`, or does not know an entry."""

    installs: Mapping[str, Sequence[Entry]] = field(default_factory=dict)
    removes: Mapping[str, Sequence[Entry]] = field(default_factory=dict)
    recommends: bool = False
    may_fetch: bool = True
    index_age_s: float = 86400.0
    despite_holds: bool = False

    @property
    def question(self) -> Shell:
        age = math.ceil(self.index_age_s)
        parts = [
            WAY + INDEX_AGE + _SECTION + _unlock(self.despite_holds),
            _script(recommends=self.recommends, may_fetch=self.may_fetch, despite_holds=self.despite_holds) + _NEAR,
            f'age=$(index_age); if [ $may = 1 ] && {{ [ -z "$age" ] || [ "$age" -gt {age} ]; }}; then renew; fi\n',
        ]
        for name, entries in self.installs.items():
            parts.append(install_words(entries) + f'tried "{name}" "$@"\n')
            parts += (_alike(entry) for entry in entries if not entry.group)
        for name, entries in self.removes.items():
            parts.append(remove_words(entries) + f'tried "{name}" "$@"\n')
        parts.append("section space df -Pk /usr /var/cache\n")
        return Shell("".join(parts))


def _unlock(held: bool) -> str:
    """What has dnf look at packages that are held as well."""
    return f"unlock={'--disableplugin=versionlock' if held else ''}\n"


def _script(*, recommends: bool, may_fetch: bool, despite_holds: bool = False) -> str:
    return (
        _TRY.replace("WEAK", str(recommends).lower(), 1)
        .replace("DESPITE", "--allow-change-held-packages" if despite_holds else "", 1)
        .replace("MAY", "1" if may_fetch else "0", 1)
    )


def _alike(entry: Entry) -> str:
    """Where the machine said that it does not know an entry: what there is instead, of about the same length. Who mistypes one letter
    leaves one half of the name as it is."""
    half, size = max(len(entry.name) // 2, 1), len(entry.name)
    length = quote(f"^.{{{max(size - 2, 1)},{size + 2}}}$")
    near = f"section near:{entry.name} near {quote(entry.name[:half])} {quote(entry.name[half:])} {length}"
    return (
        f"case $unknown$last in 1*{quote(entry.name)}*) {near}; "
        f"section versions:{entry.name} versions {quote(entry.name)};; esac\n"
    )
