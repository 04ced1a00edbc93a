"""`package.present` with package managers of the tests' own: real scripts, made-up packages."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes.desk import FolderDesk
from tests.fakes.packages import APT, RPM, Machine, apt_machine, dnf_machine, machine
from tests.fakes.target import tools
from xcatflow.errors import ActFailed, CannotTell, CannotUndo, InvalidInput
from xcatflow.steps.package_present import PackagePresent
from xcatflow.steps.packages.params import PackageParams

STEP = PackagePresent()


@pytest.fixture
def apt(tmp_path: Path) -> Machine:
    return apt_machine(tmp_path)


@pytest.fixture
def dnf(tmp_path: Path) -> Machine:
    return dnf_machine(tmp_path)


def want(*names: str, **params: Any) -> PackageParams:
    return PackageParams.model_validate({"names": list(names), "refresh": "never", "upgrade": "none", **params})


def listed(tmp_path: Path, text: str, kind: str = "pkglist", **params: Any) -> PackageParams:
    (tmp_path / "list").write_text(text)
    given = {kind: "list", "refresh": "never", "upgrade": "none", **params}
    return STEP.prepare(PackageParams.model_validate(given), FolderDesk(tmp_path))


def test_apt_installs_all_in_one_call(apt: Machine) -> None:
    (change,) = apt.converge(STEP, want("a", "b=1.5"))
    assert str(change) == "install 2 packages: a 1, b 1.5; 10.5 kB to fetch, 20 kB more on disk"
    assert change.diff == "+a 1\n+b 1.5\n"
    assert apt.installed == {"a": "1", "b": "1.5"}
    assert apt.log == ["install --allow-downgrades -- a b=1.5"]
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
    apt.put("known", c="1")
    changes = apt.converge(STEP, want("a=1", "b", "-c"))
    assert [change.verb for change in changes] == ["install", "update", "remove"]
    assert str(changes[1]) == "update package: a 9 -> 1"
    assert str(changes[2]) == "remove package c"
    assert changes[0].diff == "-a 9\n+a 1\n+b 2\n"
    assert apt.installed == {"a": "1", "b": "2"}


def test_listed_packages_are_upgraded_unless_told_otherwise(apt: Machine) -> None:
    apt.put("installed", a="0.9", b="2")
    assert apt.converge(STEP, want("a", "b")) == ()
    usual = PackageParams.model_validate({"names": "a, b", "refresh": "never"})
    (change,) = apt.converge(STEP, usual)
    assert str(change) == "update package: a 0.9 -> 1; 10.5 kB to fetch, 20 kB more on disk"
    assert apt.installed == {"a": "1", "b": "2"}


def test_everything_is_upgraded_where_asked(apt: Machine) -> None:
    apt.put("installed", a="0.9", b="1")
    everything = PackageParams.model_validate({"upgrade": "all", "refresh": "never"})
    (change,) = apt.converge(STEP, everything)
    assert change.what == "2 packages"
    assert change.after == "a 0.9 -> 1, b 1 -> 2; 10.5 kB to fetch, 20 kB more on disk"
    assert apt.installed == {"a": "1", "b": "2"}
    with pytest.raises(CannotUndo):
        STEP.undo(apt, everything, apt.look(STEP, everything), change)


def test_an_unknown_package_is_named_before_anything_is_installed(apt: Machine, tmp_path: Path) -> None:
    apt.put("known", docker="1", openssh="1")
    wanted = listed(tmp_path, "a\nopensh\na=9.1\n".replace("a=9.1\n", "b=9.1\n"))
    seen = apt.look(STEP, wanted)
    with pytest.raises(InvalidInput) as caught:
        STEP.plan(seen, wanted)
    assert str(caught.value) == (
        'list:2: the package sources have no "opensh", did you mean "openssh"?\n'
        'list:3: the package sources have "b" in no version "9.1", found 2'
    )
    assert apt.installed == {}
    assert apt.log == []


def test_an_index_that_cannot_be_fetched_is_no_proof(apt: Machine, tmp_path: Path) -> None:
    (tmp_path / "offline").touch()
    wanted = want("zzz", refresh="auto", index_age="1 h")
    with pytest.raises(InvalidInput, match='index does not know "zzz"; its index could not be fetched: E: no route'):
        STEP.plan(apt.look(STEP, wanted), wanted)


def test_a_look_fetches_an_index_of_its_own_where_a_package_is_not_known(apt: Machine) -> None:
    apt.put("fresh", new="3")
    wanted = want("a", "new", refresh="auto", index_age="1 h")
    (change,) = STEP.plan(apt.look(STEP, wanted), wanted)
    assert change.after == "a 1, new 3; 10.5 kB to fetch, 20 kB more on disk"
    assert apt.own_indexes == 1
    assert apt.log == []
    assert (apt.root / "fresh" / "new").exists()
    apt.converge(STEP, wanted)
    assert apt.installed == {"a": "1", "new": "3"}
    assert apt.log == [
        "install --allow-downgrades -- a new",
        "update",
        "install --allow-downgrades -- a new",
    ]


def test_a_look_leaves_nothing_behind(apt: Machine) -> None:
    before = set(Path("/var/tmp").glob("xcatflow.*"))
    apt.put("", age="7200")
    apt.look(STEP, want("a", refresh="auto", index_age="1 h"))
    assert apt.own_indexes == 1
    assert set(Path("/var/tmp").glob("xcatflow.*")) <= before


def test_what_is_well_asks_for_no_outlook(apt: Machine) -> None:
    apt.put("installed", a="1")
    apt.put("", age="7200")
    wanted = PackageParams.model_validate({"names": "a", "index_age": "1 h"})
    answers = apt.answer(STEP.ask(wanted))
    assert STEP.ask_more(answers, wanted) == ()
    assert apt.own_indexes == 0


def test_an_old_index_is_a_difference_where_it_has_to_be_new(apt: Machine) -> None:
    apt.put("installed", a="1", b="2")
    apt.put("fresh", a="2")
    wanted = PackageParams.model_validate({"names": "a, b", "refresh": "always", "index_age": "1 h"})
    assert STEP.plan(apt.look(STEP, wanted), wanted) == ()
    apt.put("", age="7200")
    seen = apt.look(STEP, wanted)
    (change,) = STEP.plan(seen, wanted)
    assert str(change) == (
        "update package index (it is 2 h old; listed packages that turn out to be outdated are upgraded)"
    )
    STEP.apply(apt, wanted, seen, change)
    assert apt.installed == {"a": "2", "b": "2"}
    apt.put("", age="1")
    assert STEP.plan(apt.look(STEP, wanted), wanted) == ()


def test_a_package_manager_that_refuses_is_told_beforehand(apt: Machine, tmp_path: Path) -> None:
    (tmp_path / "refuse").write_text(" a : Depends: x but it is not installable\nE: Unable to correct problems\n")
    wanted = want("a")
    with pytest.raises(ActFailed, match="refuses: a : Depends: x but it is not installable; E: Unable to correct"):
        STEP.plan(apt.look(STEP, wanted), wanted)


def test_what_does_not_fit_is_refused(apt: Machine, tmp_path: Path) -> None:
    (tmp_path / "size").write_text("900 TB\n")
    wanted = want("a")
    with pytest.raises(ActFailed, match=r'^900 TB are needed in ".*", .* are free: make room first$'):
        STEP.plan(apt.look(STEP, wanted), wanted)


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


def test_an_installation_that_was_left_half_done_is_finished_first(apt: Machine, tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("x")
    (tmp_path / "trouble").write_text("Unmet dependencies. Try 'apt --fix-broken install' with no packages\nfine\n")
    wanted = want("a")
    seen = apt.look(STEP, wanted)
    (change,) = STEP.plan(seen, wanted)
    assert str(change) == "install package a (an installation was left half-done: it is finished first)"
    STEP.apply(apt, wanted, seen, change)
    install = "install --allow-downgrades -- a"
    assert apt.log == [install, "install", install]
    assert apt.installed == {"a": "1"}


def test_a_full_disk_is_told(apt: Machine, tmp_path: Path) -> None:
    words = "dpkg: error processing archive x.deb (--unpack): cannot copy: failed to write (No space left on device)"
    (tmp_path / "trouble").write_text(f"{words}\n")
    with pytest.raises(ActFailed, match="cannot install a on host01: its disk is full: make room and run this again"):
        apt.converge(STEP, want("a"))
    assert apt.log[-1] == "clean"
    assert "--configure -a" in (tmp_path / "mended").read_text()


def test_the_environment_reaches_the_package_manager(apt: Machine, tmp_path: Path) -> None:
    seen = f'[ "$1" = -s ] || echo "$MY_VAR $DEBIAN_FRONTEND" >{tmp_path}/seen\n'
    tools(tmp_path / "bin", apt_get=seen + APT.replace("ROOT", str(tmp_path)))
    apt.converge(STEP, want("a", environment={"MY_VAR": "it's"}))
    assert (tmp_path / "seen").read_text() == "it's noninteractive\n"


@pytest.mark.parametrize("name", ["A-B", "x;reboot;y", "", "1A", "A\n"])
def test_what_no_shell_takes_for_a_variable_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match='expected names of letters, digits and "_", found'):
        want("a", environment={name: "1"})


def test_lists_of_other_packages_are_done_one_after_the_other(apt: Machine, tmp_path: Path) -> None:
    apt.put("installed", c="1", d="1")
    apt.put("known", c="1", d="1")
    wanted = listed(tmp_path, "-c\na\n--d\n#NEW_INSTALL_LIST#\n#ENV:X=1#\nb\n", "otherpkglist")
    changes = apt.converge(STEP, wanted)
    assert [str(change).partition(";")[0] for change in changes] == [
        "remove package c (before the others are installed)",
        "install package a: a 1",
        "remove package d",
        "install package b of list 2: b 2",
    ]
    assert apt.log == [
        "remove c",
        "install --allow-downgrades -- a",
        "remove d",
        "install --allow-downgrades -- b",
    ]
    assert apt.installed == {"a": "1", "b": "2"}


def test_what_is_held_stays(apt: Machine) -> None:
    apt.put("installed", b="1")
    changes = apt.converge(STEP, want("a", "b", hold=True, upgrade="listed"))
    assert [change.what for change in changes] == ["package a", "package", "2 packages"]
    assert (changes[-1].field, changes[-1].after) == ("hold", "a, b")
    apt.put("known", a="7")
    assert apt.converge(STEP, want("a", "b", upgrade="listed")) == ()
    (change,) = apt.converge(STEP, want("a", "b", hold=True, upgrade="listed"))
    assert str(change).startswith("update package: a 1 -> 7")
    (change,) = apt.converge(STEP, want("a=5", "b", hold=True))
    assert str(change).startswith("update package: a 7 -> 5")
    assert "--allow-change-held-packages" in apt.log[-1]
    assert (apt.root / "held" / "a").exists()
    (change,) = apt.converge(STEP, want("a", "b", hold=False))
    assert (change.field, change.before) == ("hold", "a, b")
    assert list((apt.root / "held").iterdir()) == []


def test_what_is_kept_is_left_by_upgrades_and_by_a_fresh_index(apt: Machine) -> None:
    apt.put("installed", a="1", b="2")
    apt.put("fresh", a="7", b="8")
    (apt.root / "age").write_text("100000")
    wanted = want("a", "b", keep="a", upgrade="listed", refresh="always")
    seen = apt.look(STEP, wanted)
    (change,) = STEP.plan(seen, wanted)
    assert str(change).startswith("update package index")
    STEP.apply(apt, wanted, seen, change)
    assert apt.installed == {"a": "1", "b": "8"}
    assert apt.log[-1] == "install --allow-downgrades -- b"
    apt.converge(STEP, want("a=5", "b", keep="a,b"))
    assert apt.installed == {"a": "5", "b": "8"}


def test_another_package_may_stand_for_one(apt: Machine) -> None:
    apt.put("installed", b="2")
    assert apt.converge(STEP, want("a", instead={"a": "b"})) == ()
    assert apt.converge(STEP, want("a", instead={"a": "c"})) != ()
    assert apt.installed == {"a": "1", "b": "2"}


def test_dnf_holds(dnf: Machine) -> None:
    dnf.put("installed", a="1-1")
    (change,) = dnf.converge(STEP, want("a", hold=True))
    assert (change.field, change.after) == ("hold", "a")
    assert len(dnf.converge(STEP, want("a=2-0", hold=True))) == 1
    assert dnf.log == ["versionlock add a", "versionlock delete a", "install a-2-0", "versionlock add a"]


def test_undo(apt: Machine) -> None:
    apt.put("installed", a="1")
    wanted = want("b", "-a")
    seen = apt.look(STEP, wanted)
    for change in reversed(apt.converge(STEP, wanted)):
        STEP.undo(apt, wanted, seen, change)
    assert apt.installed == {"a": "1"}
    update = want("a=2")
    seen = apt.look(STEP, update)
    (change,) = STEP.plan(seen, update)
    with pytest.raises(CannotUndo):
        STEP.undo(apt, update, seen, change)


def test_dnf(dnf: Machine, tmp_path: Path) -> None:
    dnf.put("installed", c="1-1")
    dnf.put("known", c="1-1")
    dnf.put("fresh", d="4-1")
    changes = dnf.converge(STEP, want("a", "b=2-0", "d", "-c", refresh="auto"))
    assert [change.verb for change in changes] == ["install", "remove"]
    assert "12 kB to fetch, 24 kB more on disk" in str(changes[0])
    assert dnf.installed == {"a": "1-1", "b": "2-0", "d": "4-1"}
    assert dnf.log == ["install a b-2-0 d", "clean expire-cache", "install a b-2-0 d", "remove c"]
    wanted = want("nope")
    with pytest.raises(InvalidInput, match='have no "nope"'):
        STEP.plan(dnf.look(STEP, wanted), wanted)
    assert "--setopt=gpgcheck=1" in (tmp_path / "log").read_text()


def test_no_package_manager(tmp_path: Path) -> None:
    at = machine(tmp_path, rpm=RPM)
    with pytest.raises(CannotTell, match="there is neither apt nor dnf nor zypper"):
        at.look(STEP, want("a"))


def test_apt_has_no_groups(apt: Machine, tmp_path: Path) -> None:
    wanted = listed(tmp_path, "a\n@Development Tools\n")
    with pytest.raises(InvalidInput, match='list:2: "@Development Tools" is a group of packages, and apt has none'):
        STEP.plan(apt.look(STEP, wanted), wanted)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, 'expected "names", "pkglist" or "otherpkglist", found none'),
        ({"names": ["a b"]}, 'expected the name of a package, perhaps with "=version", found "a b"'),
        ({"names": ["--a"]}, 'for lists of other packages only: write "-a"'),
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
    (found,) = ready.lists  # type: ignore[attr-defined]
    assert [str(entry) for entry in found.install] == ["vim", "chrony", "curl=7*"]
    assert [str(entry) for entry in found.after] == ["snapd"]
    assert found.environment == (("A", "1"), ("B", "2"))
    assert STEP.prepare(ready, FolderDesk(tmp_path)) is ready
    with pytest.raises(InvalidInput, match=r'base\.pkglist:3: "snapd" is listed both'):
        STEP.prepare(PackageParams.model_validate({"names": "snapd", "pkglist": "base.pkglist"}), FolderDesk(tmp_path))
    nothing = PackageParams.model_validate({"pkglist": ""})
    assert STEP.ask(STEP.prepare(nothing, FolderDesk(tmp_path))) == ()
