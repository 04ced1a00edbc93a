"""Packages on a real host with apt: a signed repository of the tests' own, lists of an osimage, what goes wrong. Each test goes on where
the one before left off."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import directory
from tests.e2e.test_site import Cli, changed, ended, looked_once
from tests.fakes.aptrepo import Signer, deb, repository, served
from xcatflow import lab
from xcatflow.lab.state import load
from xcatflow.load.shipped import make_site

pytestmark = pytest.mark.lab

WORKFLOW = """\
schema: 1
name: packages
summary: The packages of the host's osimage
nodes: host01
steps:
  - {id: scripts, use: host.scripts, with: {scripts: "ospkgs,otherpkgs"}}
"""
IMAGE = """\
lab:
    objtype=osimage
    imagetype=linux
    osvers=debian12
    provmethod=install
    pkglist=lists/base.pkglist
    otherpkglist=lists/other.pkglist
    otherpkgdir=OTHERPKGDIR
    environvar=WHERE=more
"""
SNAPSHOT = (
    "dpkg -l; find /etc/apt /var/lib/apt /var/lib/xcatflow /opt /var/tmp/* -printf '%p %T@ %m\\n' 2>/dev/null | sort"
)


class Store:
    """The site and the repository that its host installs from."""

    def __init__(self, site: Path, url: str, root: Path, signer: Signer) -> None:
        self.site, self.url, self.root, self.signer = site, url, root, signer
        self.cli = Cli(site)

    def image(self, otherpkgdir: str) -> None:
        (self.site / "inventory" / "images.stanza").write_text(IMAGE.replace("OTHERPKGDIR", otherpkgdir))

    def lists(self, **texts: str) -> None:
        (self.site / "lists").mkdir(exist_ok=True)
        for name, text in texts.items():
            (self.site / "lists" / f"{name}.pkglist").write_text(text)

    def publish(self, *packages: tuple[str, str], size: int = 1000, control: str = "") -> None:
        for name, version in packages:
            deb(self.root / "pool", name, version, size=size, control=control)
        repository(self.root, self.signer)

    def plan(self) -> str:
        return self.cli("plan", "packages").stdout

    def apply(self) -> str:
        return self.cli("apply", "packages").stdout

    def refused(self, *, code: int) -> str:
        """What a plan says that fails, and leaves the host as it was."""
        before = self.cli.ssh("host01", SNAPSHOT)
        done = self.cli("plan", "packages", code=code)
        assert self.cli.ssh("host01", SNAPSHOT) == before
        return " ".join((done.stdout + done.stderr).split())


@pytest.fixture(scope="module")
def store(lab_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    root = tmp_path_factory.mktemp("repository")
    (root / "pool").mkdir()
    with directory() as site:
        for _ in make_site(site, inventory=False):
            pass
        lab.up(site, hosts=1, say=print)
        state = load(site)
        assert state
        signer = Signer(site / "gpg")
        try:
            with served(root, state.gateway) as url:
                made = Store(site, url, root, signer)
                (site / "keys").mkdir()
                (site / "keys" / "lab.asc").write_bytes(signer.key())
                (site / "workflows" / "packages.yaml").write_text(WORKFLOW)
                made.image(f"{url} stable main")
                made.lists(base="#INCLUDE:$WHERE.pkglist#\n", more="procps\n", other="lab-tool\n")
                made.cli("chdef", "-t", "node", "host01", "provmethod=lab")
                made.publish(("lab-tool", "1.0"), ("lab-lib", "1.0"), ("lab-old", "1.0"))
                yield made
        finally:
            signer.end()


@pytest.fixture
def entry(store: Store) -> str:
    return f"[signed-by=keys/lab.asc] {store.url} stable main"


def test_a_repository_without_a_key_is_refused(store: Store) -> None:
    said = store.refused(code=2)
    assert (
        f'"{store.url} stable main" has no key, and what is not signed is not installed: write "[signed-by=KEY]' in said
    )


def test_a_list_that_includes_itself_is_refused(store: Store, entry: str) -> None:
    store.image(entry)
    store.lists(more="#INCLUDE:base.pkglist#\n")
    said = store.refused(code=2)
    assert 'lists/more.pkglist:1: "base.pkglist" includes itself: base.pkglist -> more.pkglist -> base.pkglist' in said
    store.lists(more="procps\n")


def test_a_plan_tells_the_key(store: Store) -> None:
    said = store.plan()
    assert "create repository" in said
    assert "signed by " in said


def test_packages_of_a_signed_repository(store: Store) -> None:
    store.apply()
    assert store.cli.ssh("host01", "dpkg-query -W -f '${Version}' lab-tool") == "1.0"
    events = store.cli.events("apply", "packages")
    assert changed(events) == []
    looked_once(events)


def test_a_key_that_did_not_sign_is_refused(store: Store, tmp_path: Path) -> None:
    key = (store.site / "keys" / "lab.asc").read_bytes()
    stranger = Signer(store.site / "other-gpg")
    try:
        (store.site / "keys" / "lab.asc").write_bytes(stranger.key())
        done = store.cli("apply", "packages", code=1)
        assert "cannot fetch the index of repository" in done.stdout
    finally:
        stranger.end()
        (store.site / "keys" / "lab.asc").write_bytes(key)
    assert changed(store.cli.events("apply", "packages")) == []
    store.cli.ssh("host01", "apt-get update")


def test_an_unknown_package_is_refused_in_the_plan(store: Store) -> None:
    store.lists(base="procsp\n", other="lab-tool\nlab-lib=7.0\n")
    said = store.refused(code=1)
    assert 'lists/base.pkglist:1: the package sources have no "procsp", did you mean "procps"?' in said
    assert 'lists/other.pkglist:2: the package sources have "lab-lib" in no version "7.0", found 1.0' in said
    store.lists(base="procps\n", other="lab-tool\n")


def test_a_plan_tells_versions_and_sizes(store: Store) -> None:
    """What is published since the host last fetched its index is known as well, and the host's index stays as it is."""
    control = "Depends: lab-lib\nConflicts: lab-old\nInstalled-Size: 1200\n"
    store.cli.ssh("host01", "apt-get install -qq lab-old")
    store.publish(("lab-next", "2.0"), control=control)
    store.lists(other="lab-tool\nlab-next\n")
    before = store.cli.ssh("host01", SNAPSHOT)
    said = " ".join(store.plan().split())
    assert "install package lab-next: lab-next 2.0;" in said
    assert "more on disk; removes lab-old 1.0; with it lab-lib 1.0" in said
    assert store.cli.ssh("host01", SNAPSHOT) == before
    store.apply()
    assert store.cli.ssh("host01", "dpkg-query -W -f '${Version}' lab-next lab-lib") == "1.02.0"


def test_listed_packages_are_upgraded_once_the_host_knows(store: Store) -> None:
    store.publish(("lab-tool", "1.1"))
    assert changed(store.cli.events("plan", "packages"), "would-change") == []
    store.cli.ssh("host01", "apt-get update")
    assert "lab-tool 1.0 -> 1.1" in store.plan()
    store.lists(other="lab-tool=1.0\nlab-next\n")
    assert changed(store.cli.events("plan", "packages"), "would-change") == []


def test_parts_of_a_list_and_removals(store: Store) -> None:
    store.lists(other="-lab-next\nlab-tool\n--lab-lib\n#NEW_INSTALL_LIST#\nlab-old\n")
    said = store.apply()
    assert "remove package lab-next (before the others are installed)" in said
    assert "install package lab-old of list 2" in said
    found = store.cli.ssh("host01", "dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\\n' 'lab-*'")
    assert [line for line in found.splitlines() if line.endswith(" installed")] == [
        "lab-old 1.0 installed",
        "lab-tool 1.1 installed",
    ]
    assert changed(store.cli.events("apply", "packages")) == []


def test_what_does_not_fit_is_refused(store: Store) -> None:
    store.publish(("lab-huge", "1.0"), control="Installed-Size: 999999999999\n")
    store.lists(other="lab-huge\n")
    said = store.refused(code=1)
    assert "1.02e+03 TB are needed" in said or "1020 TB are needed" in said
    assert "make room first" in said


def test_a_disk_that_is_full_in_the_middle(store: Store) -> None:
    """The host stays usable, and the next run goes on from there."""
    store.publish(("lab-big", "1.0"), size=12_000_000)
    store.publish(("lab-after", "1.0"), control="Depends: lab-big\n")
    store.lists(other="lab-after\n")
    store.cli.ssh("host01", "mkdir -p /opt/lab-big && mount -t tmpfs -o size=4m tmpfs /opt/lab-big")
    done = store.cli("apply", "packages", code=1)
    assert "its disk is full: make room and run this again, it starts from there" in " ".join(done.stdout.split())
    assert store.cli.ssh("host01", "dpkg --audit; ls /var/cache/apt/archives/*.deb 2>/dev/null || true") == ""
    store.cli.ssh("host01", "apt-get check -qq && apt-get install -qq --reinstall lab-lib")
    store.cli.ssh("host01", "umount /opt/lab-big")
    store.apply()
    assert store.cli.ssh("host01", "stat -c %s /opt/lab-big/data").strip() == "12000000"
    assert changed(store.cli.events("apply", "packages")) == []


def test_an_interrupted_installation_is_finished_first(store: Store) -> None:
    """As a power cut leaves it: unpacked, not configured, and what it needs is not there."""
    store.publish(("lab-late", "1.0"))
    store.lists(other="lab-after\nlab-late\n")
    store.cli.ssh("host01", "dpkg --force-depends --purge lab-big 2>/dev/null; apt-get check -qq && exit 1; true")
    said = " ".join(store.apply().split())
    assert "an installation was left half-done: it is finished first" in said
    assert store.cli.ssh("host01", "apt-get check -qq; dpkg --audit") == ""
    assert store.cli.ssh("host01", "dpkg-query -W -f '${Version}' lab-late lab-big") == "1.01.0"


def test_packages_of_a_directory(store: Store, entry: str) -> None:
    (store.site / "other" / "tools").mkdir(parents=True)
    deb(store.site / "other", "lab-base", "3.0")
    deb(store.site / "other" / "tools", "lab-local", "3.0", control="Depends: lab-base (>= 3)\n")
    store.image(f"other,{entry}")
    store.lists(other="tools/lab-local\n")
    store.apply()
    assert store.cli.ssh("host01", "dpkg-query -W -f '${Version}' lab-local lab-base") == "3.03.0"
    assert changed(store.cli.events("apply", "packages")) == []
    deb(store.site / "other" / "tools", "lab-local", "3.1")
    store.apply()
    assert store.cli.ssh("host01", "dpkg-query -W -f '${Version}' lab-local") == "3.1"
    assert ended(store.cli.events("apply", "packages"))["exit_code"] == 0


def test_held_packages(store: Store) -> None:
    step = "  - {id: held, use: package.present, with: {names: lab-tool=1.0, hold: true}}\n"
    (store.site / "workflows" / "held.yaml").write_text(
        f"schema: 1\nname: held\nsummary: One version stays\nnodes: host01\nsteps:\n{step}"
    )
    store.cli("apply", "held")
    assert store.cli.ssh("host01", "apt-mark showhold").split() == ["lab-tool"]
    store.cli.ssh("host01", "apt-get upgrade -qq -y >/dev/null 2>&1")
    assert store.cli.ssh("host01", "dpkg-query -W -f '${Version}' lab-tool") == "1.0"
    assert changed(store.cli.events("apply", "held")) == []
