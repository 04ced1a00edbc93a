"""`package.present` and `package.repository` with package managers of the tests' own: real scripts, made-up packages."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes.desk import FolderDesk
from tests.fakes.target import LocalTarget, tools
from xcatflow.errors import ActFailed, CannotTell, CannotUndo, InvalidInput
from xcatflow.model.question import Reply
from xcatflow.steps.package_manager import newest
from xcatflow.steps.package_present import PackageParams, PackagePresent
from xcatflow.steps.package_repository import PackageRepository, RepositoryFiles, RepositoryParams

STEP, REPOSITORY = PackagePresent(), PackageRepository()
LINKS = (
    "sh",
    "cat",
    "date",
    "find",
    "touch",
    "grep",
    "rm",
    "mkdir",
    "sed",
    "sleep",
    "mktemp",
    "sha256sum",
    "chmod",
    "sync",
    "mv",
    "stat",
    "head",
    "base64",
)

# Packages are files: known/NAME holds the newest version, installed/NAME the installed one. `update` moves fresh/* to known/.
APT = """
cd ROOT; echo "apt-get $*" >>log
while :; do case $1 in -o) shift 2;; -*) shift;; *) break;; esac; done
verb=$1; shift
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
  done;;
remove) for a do rm "installed/$a"; done;;
esac
"""
DPKG_QUERY = """
cd ROOT; shift 4
for n do
  if [ -e "installed/$n" ]; then echo "$n all install ok installed $(cat "installed/$n")"
  else echo "dpkg-query: no packages found matching $n" >&2; fi
done
"""
APT_CACHE = """
cd ROOT; shift 2
for n do
  [ ! -e "known/$n" ] || printf '%s:\\n  Installed: (none)\\n  Candidate: %s\\n  Version table:\\n' "$n" "$(cat "known/$n")"
done
"""
DNF = """
cd ROOT; echo "dnf $*" >>log
while :; do case $1 in -*) shift;; *) break;; esac; done
verb=$1; shift
case $verb in
clean) for f in fresh/*; do [ ! -e "$f" ] || mv "$f" known/; done;;
install)
  for a do [ -e "known/${a%%-[0-9]*}" ] || { echo "No match for argument: $a"; echo "Error: Unable to find a match: $a"; exit 1; }; done
  for a do n=${a%%-[0-9]*}; cat "known/$n" >"installed/$n"; [ "$n" = "$a" ] || echo "${a#"$n"-}" >"installed/$n"; done;;
remove) for a do rm "installed/$a"; done;;
check-update) for n do [ ! -e "known/$n" ] || echo "$n.noarch   $(cat "known/$n")   base"; done; exit 100;;
makecache) [ ! -e trouble ] || { echo "Error: no route" >&2; exit 1; };;
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
        for name, version in versions.items():
            (self.root / folder / name).write_text(version + "\n")

    @property
    def installed(self) -> dict[str, str]:
        return {path.name: path.read_text().strip() for path in sorted((self.root / "installed").iterdir())}

    @property
    def log(self) -> list[str]:
        """What the package manager was called for, without its options."""
        lines = (self.root / "log").read_text().replace("\n", " \n").splitlines()
        return [line[line.index(f" {verb} ") + 1 :].strip() for line in lines for verb in VERBS if f" {verb} " in line]


VERBS = ("install", "remove", "update", "clean", "makecache")


def machine(tmp_path: Path, **programs: str) -> Machine:
    for folder in ("known", "installed", "fresh", "dpkg"):
        (tmp_path / folder).mkdir()
    (tmp_path / "dpkg" / "status").write_text("x")
    made = {name: script.replace("ROOT", str(tmp_path)) for name, script in programs.items()}
    found = Machine(
        path=tools(tmp_path / "bin", LINKS, **{"sleep": f"echo sleep >>{tmp_path}/slept", **made}),
        environment={"DPKG_ADMINDIR": str(tmp_path / "dpkg")},
    )
    found.root = tmp_path
    found.put("known", a="1", b="2")
    return found


@pytest.fixture
def apt(tmp_path: Path) -> Machine:
    dpkg = f'echo "dpkg $*" >>{tmp_path}/mended'
    return machine(tmp_path, apt_get=APT, dpkg_query=DPKG_QUERY, apt_cache=APT_CACHE, dpkg=dpkg)


@pytest.fixture
def dnf(tmp_path: Path) -> Machine:
    found = machine(tmp_path, dnf=DNF, rpm=RPM)
    found.put("known", a="1-1", b="2-1")
    return found


def want(*names: str, **params: Any) -> PackageParams:
    return PackageParams.model_validate({"names": list(names), "refresh": "never", **params})


def test_apt_installs_all_in_one_call(apt: Machine) -> None:
    (change,) = apt.converge(STEP, want("a", "b=1.5"))
    assert str(change) == "install 2 packages: a, b=1.5"
    assert apt.installed == {"a": "1", "b": "1.5"}
    assert apt.log == ["install --allow-downgrades a b=1.5"]
    assert apt.converge(STEP, want("a", "b=1.5")) == ()
    assert STEP.outputs(apt.look(STEP, want("a", "b")), want("a", "b")) == {"versions": "a=1, b=1.5"}


def test_apt_asks_nothing_and_keeps_configuration(apt: Machine, tmp_path: Path) -> None:
    apt.converge(STEP, want("a", lock_timeout="7 s"))
    options = (tmp_path / "log").read_text().split(" install ")[0]
    assert options == (
        "apt-get -y -q -o DPkg::Lock::Timeout=7 -o APT::Get::AllowUnauthenticated=false"
        " -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o APT::Install-Recommends=false"
        " -o APT::Update::Error-Mode=any -o Acquire::Retries=2"
    )


def test_apt_removes_and_changes_versions(apt: Machine) -> None:
    apt.put("installed", a="9", c="1")
    changes = apt.converge(STEP, want("a=1", "b", "-c"))
    assert [str(change) for change in changes] == ["install package b", "update package: a 9 -> 1", "remove package c"]
    assert apt.installed == {"a": "1", "b": "2"}


def test_apt_upgrades_where_asked(apt: Machine) -> None:
    apt.put("installed", a="0.9", b="2")
    wanted = want("a", "b", upgrade="listed")
    (change,) = apt.converge(STEP, wanted)
    assert str(change) == "update package: a 0.9 -> 1"
    assert apt.installed == {"a": "1", "b": "2"}


def test_an_unknown_package_is_named(apt: Machine) -> None:
    with pytest.raises(ActFailed) as caught:
        apt.converge(STEP, want("a", "nope"))
    assert str(caught.value) == (
        'the package sources of host01 have no "nope": check the name and version, or add a source'
    )
    assert apt.installed == {}


def test_the_index_is_fetched_when_a_package_is_not_found(apt: Machine) -> None:
    apt.put("fresh", new="3")
    apt.converge(STEP, want("a", "new", refresh="auto", index_age="99999 d"))
    assert apt.installed == {"a": "1", "new": "3"}
    assert apt.log == ["install --allow-downgrades a new", "update", "install --allow-downgrades a new"]


@pytest.mark.parametrize(("refresh", "fetched"), [("always", True), ("never", False)])
def test_the_index_is_fetched_as_told(apt: Machine, refresh: str, fetched: bool) -> None:
    apt.converge(STEP, want("a", refresh=refresh))
    assert ("update" in apt.log) is fetched


def test_a_failed_refresh_counts_only_where_it_was_asked_for(apt: Machine, tmp_path: Path) -> None:
    (tmp_path / "trouble").write_text("Failed to fetch http://x\n")
    with pytest.raises(ActFailed, match="cannot install a on host01: E: Failed to fetch http://x"):
        apt.converge(STEP, want("a", refresh="always"))
    assert apt.installed == {}


def test_a_locked_package_manager_is_waited_for(apt: Machine, tmp_path: Path) -> None:
    (tmp_path / "trouble").write_text("Could not get lock /var/lib/dpkg/lock\nUnable to lock directory /var\n")
    apt.converge(STEP, want("a"))
    assert (tmp_path / "slept").read_text() == "sleep\nsleep\n"
    (tmp_path / "trouble").write_text("Could not get lock /var/lib/dpkg/lock\n" * 9)
    with pytest.raises(ActFailed, match="Could not get lock"):
        apt.converge(STEP, want("b", lock_timeout=0))


def test_an_interrupted_dpkg_is_helped_up_once(apt: Machine, tmp_path: Path) -> None:
    line = "dpkg was interrupted, you must manually run 'dpkg --configure -a'\n"
    (tmp_path / "trouble").write_text(line)
    apt.converge(STEP, want("a"))
    assert (tmp_path / "mended").read_text() == "dpkg --force-confdef --force-confold --configure -a\n"
    (tmp_path / "trouble").write_text(line * 3)
    with pytest.raises(ActFailed, match="dpkg was interrupted"):
        apt.converge(STEP, want("b"))


def test_the_environment_reaches_the_package_manager(apt: Machine, tmp_path: Path) -> None:
    seen = f'echo "$MY_VAR $DEBIAN_FRONTEND" >{tmp_path}/seen'
    tools(tmp_path / "bin", apt_get=seen + APT.replace("ROOT", str(tmp_path)))
    apt.converge(STEP, want("a", environment={"MY_VAR": "it's"}))
    assert (tmp_path / "seen").read_text() == "it's noninteractive\n"


def test_undo(apt: Machine) -> None:
    apt.put("installed", a="1")
    wanted = want("b", "-a")
    seen = apt.look(STEP, wanted)
    for change in reversed(apt.converge(STEP, wanted)):
        STEP.undo(apt, wanted, seen, change)
    assert apt.installed == {"a": "1"}
    update = want("a=2")
    (change,) = STEP.plan(apt.look(STEP, update), update)
    with pytest.raises(CannotUndo):
        STEP.undo(apt, update, apt.look(STEP, update), change)


def test_dnf(dnf: Machine, tmp_path: Path) -> None:
    dnf.put("installed", c="1-1")
    dnf.put("fresh", d="4-1")
    changes = dnf.converge(STEP, want("a", "b=2-0", "d", "-c", refresh="auto"))
    assert [change.verb for change in changes] == ["install", "remove"]
    assert dnf.installed == {"a": "1-1", "b": "2-0", "d": "4-1"}
    assert dnf.log == ["install a b-2-0 d", "clean expire-cache", "install a b-2-0 d", "remove c"]
    (change,) = dnf.converge(STEP, want("b", upgrade="listed"))
    assert str(change) == "update package: b 2-0 -> 2-1"
    with pytest.raises(ActFailed, match='have no "nope"'):
        dnf.converge(STEP, want("nope", refresh="always"))
    assert "--setopt=gpgcheck=1" in (tmp_path / "log").read_text()


def test_neither_apt_nor_dnf(tmp_path: Path) -> None:
    at = machine(tmp_path, rpm=RPM)
    with pytest.raises(ActFailed, match="there is neither apt nor dnf"):
        at.converge(STEP, want("a"))
    with pytest.raises(CannotTell, match="there is neither apt nor dnf"):
        at.look(STEP, want("a", upgrade="listed"))
    with pytest.raises(CannotTell, match="broken"):
        newest(Reply(1, b"apt\n", b"broken"))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, 'expected "names" or "pkglist", found neither'),
        ({"names": ["a b"]}, 'expected the name of a package, perhaps with "=version", found "a b"'),
        ({"names": ["@Development Tools"]}, "package groups are not supported"),
        ({"names": ["a", "-a"]}, '"a" is listed both to be installed and to be removed'),
        ({"names": ["-a=1"]}, "a package is removed without naming its version"),
    ],
)
def test_params_that_make_no_sense(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PackageParams.model_validate(params)


def test_lists_are_read_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "base.pkglist").write_text("#ENV:A=1 B=2#\nchrony, curl=7*\n-snapd\n")
    given = PackageParams.model_validate({"names": "vim", "pkglist": "base.pkglist", "environment": {"B": "3"}})
    ready = STEP.prepare(given, FolderDesk(tmp_path))
    assert ready.names == ("vim", "chrony", "curl=7*", "-snapd")
    assert ready.pkglist == ()
    assert ready.environment == {"A": "1", "B": "3"}
    assert STEP.prepare(ready, FolderDesk(tmp_path)) is ready
    with pytest.raises(InvalidInput, match='"snapd" is listed both'):
        STEP.prepare(PackageParams.model_validate({"names": "snapd", "pkglist": "base.pkglist"}), FolderDesk(tmp_path))
    nothing = PackageParams.model_validate({"pkglist": ""})
    assert STEP.ask(STEP.prepare(nothing, FolderDesk(tmp_path))) == ()


# --- repositories ---


def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **params: Any) -> RepositoryParams:
    """One whose files are below `tmp_path`."""
    import xcatflow.steps.package_repository as module

    for name in ("_source_path", "_key_path"):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda want, real=real: f"{tmp_path}/etc{real(want)}")
    for folder in ("etc/apt/sources.list.d", "etc/yum.repos.d"):
        (tmp_path / "etc" / folder).mkdir(parents=True)
    (tmp_path / "key.asc").write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n")
    given = {"name": "docker", "urls": "https://repo.example/x", "key": "key.asc", **params}
    return REPOSITORY.prepare(RepositoryParams.model_validate(given), FolderDesk(tmp_path))


APT_PARAMS = {"family": "apt", "suites": "bookworm", "components": "stable"}


def test_a_repository_for_apt(apt: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = repository(tmp_path, monkeypatch, **APT_PARAMS)
    assert len(apt.converge(REPOSITORY, wanted)) == 1
    assert apt.converge(REPOSITORY, wanted) == ()
    key = tmp_path / "etc/etc/apt/keyrings/docker.asc"
    assert key.read_text() == (tmp_path / "key.asc").read_text()
    assert f"Signed-By: {key}\n" in (tmp_path / "etc/etc/apt/sources.list.d/docker.sources").read_text()
    assert len(apt.log) == 1


def test_a_repository_that_cannot_be_fetched_does_not_stay(
    apt: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = repository(tmp_path, monkeypatch, **APT_PARAMS)
    source = tmp_path / "etc/etc/apt/sources.list.d/docker.sources"
    for old in (None, "Types: deb\n"):
        if old:
            source.write_text(old)
        (tmp_path / "trouble").write_text("GPG error: no public key\n")
        with pytest.raises(ActFailed, match='cannot fetch the index of repository "docker" on host01'):
            apt.converge(REPOSITORY, wanted)
        assert (source.read_text() if source.exists() else None) == old


def test_a_repository_for_dnf(dnf: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = repository(tmp_path, monkeypatch, family="dnf")
    (tmp_path / "trouble").write_text("")
    with pytest.raises(ActFailed, match="Error: no route"):
        dnf.converge(REPOSITORY, wanted)
    (tmp_path / "trouble").unlink()
    dnf.converge(REPOSITORY, wanted)
    assert dnf.converge(REPOSITORY, wanted) == ()
    assert "gpgcheck=1" in (tmp_path / "etc/etc/yum.repos.d/docker.repo").read_text()


def test_a_changed_key_comes_back_on_undo(apt: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = repository(tmp_path, monkeypatch, **APT_PARAMS)
    apt.converge(REPOSITORY, wanted)
    key = tmp_path / "etc/etc/apt/keyrings/docker.asc"
    key.write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\nold\n")
    seen = apt.look(REPOSITORY, wanted)
    assert isinstance(seen, RepositoryFiles)
    (change,) = apt.converge(REPOSITORY, wanted)
    assert change.why == "its key differs"
    REPOSITORY.undo(apt, wanted, seen, change)
    assert "old" in key.read_text()


def test_keys_are_read_from_the_site(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "binary.gpg").write_bytes(b"\x99\x01")
    base = {"name": "x", "family": "apt", "urls": "https://u", "suites": "./"}
    ready = REPOSITORY.prepare(RepositoryParams.model_validate({**base, "key": "binary.gpg"}), FolderDesk(tmp_path))
    assert ready.key_base64 == "mQE="
    assert REPOSITORY.prepare(ready, FolderDesk(tmp_path)) is ready
    with pytest.raises(InvalidInput, match='expected an OpenPGP public key in "text", found something else'):
        REPOSITORY.prepare(RepositoryParams.model_validate({**base, "key": "text"}), FolderDesk(tmp_path))
    with pytest.raises(InvalidInput, match='cannot read the key "no"'):
        REPOSITORY.prepare(RepositoryParams.model_validate({**base, "key": "no"}), FolderDesk(tmp_path))
    with pytest.raises(InvalidInput, match="was not prepared"):
        REPOSITORY.ask(RepositoryParams.model_validate({**base, "key": "no"}))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, 'exactly one of "key" and "key_base64": only signed repositories are used'),
        ({"key": "k", "key_base64": "mQE="}, "exactly one of"),
        ({"key_base64": "?"}, "is no base64"),
        ({"key": "k", "suites": ()}, '"suites" is missing'),
        ({"key": "k", "components": ()}, 'expected "components" for named suites'),
        ({"key": "k", "suites": "./"}, 'none for suites that end in "/"'),
        ({"key": "k", "family": "dnf"}, 'are for the family "apt"'),
        ({"key": "k", "name": "A b"}, "expected small letters"),
        ({"key": "k", "urls": ["a b"]}, 'expected no blanks and no "#"'),
        ({"key": "k", "title": "a\nb"}, "expected one line"),
    ],
)
def test_repositories_that_make_no_sense(params: dict[str, Any], message: str) -> None:
    base = {"name": "x", "family": "apt", "urls": "https://u", "suites": "s", "components": "c"}
    with pytest.raises(ValidationError, match=message):
        RepositoryParams.model_validate({**base, **params})
