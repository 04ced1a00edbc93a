"""Machines with package managers of the tests' own: real scripts, made-up packages.

Packages are files: known/NAME holds the newest version, installed/NAME the installed one, held/NAME that it is held. `update` moves fresh/*
to known/; an index in a directory of its own knows fresh/* as well. The age of the index in seconds is in the file `age`.
"""

from pathlib import Path

from tests.fakes.target import LocalTarget, tools

LINKS = (
    "sh cat date find touch grep rm mkdir sed sleep mktemp sha256sum chmod sync mv head base64 sort tail cut tr cp df"
).split()  # fmt: skip
VERBS = ("install", "remove", "update", "upgrade", "clean", "makecache", "versionlock")

APT = """
cd ROOT; all="$*" sim=
while :; do case $1 in -o) shift 2;; -s) sim=say; shift;; --print-uris) sim=sizes; shift;; -*) shift;; *) break;; esac; done
verb=$1; shift
own=; case $all in *State::Lists*) own=1;; esac
has() { [ -e "known/$1" ] || { [ -n "$own" ] && [ -e "fresh/$1" ]; }; }
newest() { cat "fresh/$1" 2>/dev/null || cat "known/$1"; }
if [ -n "$own" ] && [ $verb = update ]; then echo "own $verb" >>looks; [ ! -e offline ] || { echo "E: no route"; exit 100; }; exit 0; fi
if [ -n "$sim" ]; then
  [ ! -s broken ] || { echo "E: Unmet dependencies. Try 'apt --fix-broken install' with no packages"; exit 100; }
  [ ! -s refuse ] || { cat refuse; exit 100; }
  bad=
  for a do
    case $a in -*) continue;; esac; n=${a%%=*}
    has $n || { bad=1; echo "E: Unable to locate package $n"; continue; }
    v=$(newest $n); case $a in *=*) v=${a#*=}; case $v in 9*) bad=1; echo "E: Version '$v' for '$n' was not found";; esac;; esac
    case $sim$verb in
    sayinstall) echo "Inst $n $([ ! -e installed/$n ] || echo "[$(cat installed/$n)] ")($v made-up [all])";;
    sayremove) echo "Remv $n [$(cat installed/$n)]";;
    esac
  done
  [ -z "$bad" ] || exit 100
  case $sim$verb in
  sayupgrade)
    for f in installed/*; do n=${f##*/}; v=$(cat known/$n); [ "$v" = "$(cat $f)" ] || echo "Inst $n [$(cat $f)] ($v made-up [all])"; done;;
  sizes*)
    echo "Need to get 10.5 kB of archives."
    echo "After this operation, $(cat size 2>/dev/null || echo 20 kB) of additional disk space will be used.";;
  esac
  exit 0
fi
echo "apt-get $all" >>log
if [ -s trouble ]; then
  read -r line <trouble; sed -i 1d trouble
  [ "$line" = fine ] || { echo "E: $line"; exit 100; }
fi
case $verb in
update) for f in fresh/*; do [ ! -e "$f" ] || mv "$f" known/; done; exit 0;;
install)
  for a do case $a in -*) continue;; esac; n=${a%%=*}; [ -e "known/$n" ] || { echo "E: Unable to locate package $n"; exit 100; }; done
  for a do
    case $a in -*) continue;; *=*) echo "${a#*=}" >"installed/${a%%=*}";; *) cat "known/$a" >"installed/$a";; esac
    rm -f "held/${a%%=*}"
  done;;
upgrade) for f in installed/*; do cat known/${f##*/} >$f; done;;
remove) for a do rm "installed/$a"; done;;
esac
"""
DPKG_QUERY = """
cd ROOT
case $* in *Status-Status*) exit 0;; esac
case $* in *Status-Want*) for f in held/*; do [ ! -e $f ] || echo "hold ${f##*/}"; done; exit 0;; esac
shift 4
for n do
  if [ -e "installed/$n" ]; then echo "$n all install ok installed $(cat "installed/$n")"
  else echo "dpkg-query: no packages found matching $n" >&2; fi
done
"""
APT_CACHE = """
cd ROOT
while :; do case $1 in -o) shift 2;; *) break;; esac; done
verb=$1; shift
case $verb in
pkgnames) ls known; exit;;
madison) shift; echo "$1 | $(cat known/$1) | made-up"; exit;;
esac
shift
for n do
  [ ! -e "known/$n" ] || printf '%s:\\n  Installed: (none)\\n  Candidate: %s\\n  Version table:\\n' "$n" "$(cat "known/$n")"
done
"""
STAT = """
case $* in
*/var/lib/apt/lists*) echo $(($(date +%s) - $(cat ROOT/age 2>/dev/null || echo 60)));;
*/var/cache/dnf/*) ;;
*) exec /usr/bin/stat "$@";;
esac
"""
LS = """
case $* in */var/lib/apt/lists*) ;; *) exec /bin/ls "$@";; esac
"""
APT_MARK = """
cd ROOT; verb=$1; shift; mkdir -p held
for n do case $verb in hold) touch held/$n;; unhold) rm held/$n;; esac; done
"""
DNF = """
cd ROOT; all="$*" sim= own= cached=
while :; do
  case $1 in -C) cached=1; shift;; --assumeno) sim=1; shift;; --setopt=cachedir=*) own=1; shift;; -*) shift;; *) break;; esac
done
verb=$1; shift
has() { n=${1%%-[0-9]*}; [ -e "known/$n" ] || { [ -n "$own" ] && [ -e "fresh/$n" ]; }; }
if [ -n "$sim" ]; then
  unknown=; for a do has "$a" || unknown="$unknown $a"; done
  if [ $verb = install ] && [ -n "$unknown" ]; then echo "Error: Unable to find a match:$unknown"; exit 1; fi
  case $verb in install) echo "Installing:";; remove) echo "Removing:";; esac
  for a do n=${a%%-[0-9]*}; echo " $n  noarch  $(cat known/$n fresh/$n 2>/dev/null | head -n 1)  made-up  6.0 k"; done
  echo "Total download size: 12 k"; echo "Installed size: 24 k"; echo "Operation aborted."; exit 1
fi
[ -n "$own$cached" ] || echo "dnf $all" >>log
case $verb in
clean) for f in fresh/*; do [ ! -e "$f" ] || mv "$f" known/; done;;
install)
  for a do [ -e "known/${a%%-[0-9]*}" ] || { echo "No match for argument: $a"; echo "Error: Unable to find a match: $a"; exit 1; }; done
  for a do n=${a%%-[0-9]*}; cat "known/$n" >"installed/$n"; [ "$n" = "$a" ] || echo "${a#"$n"-}" >"installed/$n"; done;;
remove) for a do rm "installed/$a"; done;;
check-update) for n do [ ! -e "known/$n" ] || echo "$n.noarch   $(cat "known/$n")   base"; done; exit 100;;
makecache) [ ! -e trouble ] || { echo "Error: no route" >&2; exit 1; };;
repoquery) ls known;;
versionlock)
  verb=$1; shift; mkdir -p held
  case $verb in
  list) for f in held/*; do [ ! -e $f ] || echo "${f##*/}-0:$(cat $f).*"; done;;
  add) for n do cat installed/$n >held/$n; done;;
  delete) for n do rm held/$n; done;;
  esac;;
esac
"""
RPM = """
cd ROOT; shift 4
for n do
  if [ -e "installed/$n" ]; then v=$(cat "installed/$n"); echo "$n ${v%-*} ${v#*-} noarch "; else echo "package $n is not installed"; fi
done
"""


class Machine(LocalTarget):
    """A machine with made-up packages."""

    root: Path

    def put(self, folder: str, **versions: str) -> None:
        (self.root / folder).mkdir(exist_ok=True)
        for name, version in versions.items():
            (self.root / folder / name).write_text(version + "\n")

    @property
    def installed(self) -> dict[str, str]:
        return {path.name: path.read_text().strip() for path in sorted((self.root / "installed").iterdir())}

    @property
    def log(self) -> list[str]:
        """What the package manager was called for in acts, without its options."""
        lines = (
            (self.root / "log").read_text().replace("\n", " \n").splitlines() if (self.root / "log").exists() else []
        )
        return [line[line.index(f" {verb} ") + 1 :].strip() for line in lines for verb in VERBS if f" {verb} " in line]

    @property
    def own_indexes(self) -> int:
        """How often a look fetched an index of its own."""
        looks = self.root / "looks"
        return looks.read_text().count("own update") if looks.exists() else 0


def machine(tmp_path: Path, **programs: str) -> Machine:
    for folder in ("known", "installed", "fresh", "dpkg"):
        (tmp_path / folder).mkdir()
    (tmp_path / "dpkg" / "status").write_text("x")
    made = {
        name: script.replace("ROOT", str(tmp_path)) for name, script in {"stat": STAT, "ls": LS, **programs}.items()
    }
    found = Machine(
        path=tools(tmp_path / "bin", LINKS, **{"sleep": f"echo sleep >>{tmp_path}/slept", **made}),
        environment={"DPKG_ADMINDIR": str(tmp_path / "dpkg")},
    )
    found.root = tmp_path
    found.put("known", a="1", b="2")
    return found


def apt_machine(tmp_path: Path) -> Machine:
    dpkg = f'echo "dpkg $*" >>{tmp_path}/mended'
    return machine(tmp_path, apt_get=APT, dpkg_query=DPKG_QUERY, apt_cache=APT_CACHE, apt_mark=APT_MARK, dpkg=dpkg)


def dnf_machine(tmp_path: Path) -> Machine:
    found = machine(tmp_path, dnf=DNF, rpm=RPM)
    found.put("known", a="1-1", b="2-1")
    return found
