"""dnf and zypper for real: a host of the lab that gets both, and packages of its own making, signed. Debian has these programs; once
the database of dpkg is out of the way the host counts as one with rpm. Each test goes on where the one before left off."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import directory, ssh
from tests.e2e.test_site import Cli, changed, looked_once
from xcatflow import lab
from xcatflow.load.shipped import make_site

pytestmark = pytest.mark.lab

WORKFLOW = """\
schema: 1
name: packages
summary: A signed repository, and packages from it
nodes: host01
inputs:
  family: {}
steps:
  - id: repository
    use: package.repository
    with: {name: lab, family: "${input.family}", urls: "file:///srv/rpms", key: keys/lab.asc}
  - {id: packages, use: package.present, with: {pkglist: my.pkglist}}
"""
PREPARE = r"""
set -e; export LC_ALL=C DEBIAN_FRONTEND=noninteractive GNUPGHOME=/root/gpg
apt-get -qq update
apt-get -qq install -y --no-install-recommends dnf zypper rpm createrepo-c gpg gpg-agent >/dev/null 2>&1
mkdir -p /srv/rpms /srv/build /etc/rpm /etc/yum.repos.d /etc/zypp/repos.d; cd /srv/build
mkdir -m 700 /root/gpg
gpg --batch --passphrase '' --quick-gen-key 'lab <lab@example.org>' rsa2048 sign never 2>/dev/null
gpg --armor --export >/srv/lab.asc
make() {
  printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: for tests\nLicense: none\nBuildArch: noarch\n' $1 $2 >spec
  [ -z "$3" ] || echo "Requires: $3" >>spec
  printf '%%description\nx\n%%install\nmkdir -p %%{buildroot}/opt/%s\n%%files\n/opt/%s\n' $1 $1 >>spec
  rpmbuild -bb --define '_topdir /srv/build/top' spec >log 2>&1
}
make alpha 1.0 libalpha; make alpha 2.0 libalpha; make libalpha 1.0; make beta 1.0; make a-package-with-a-very-long-name-indeed 1.0
cp top/RPMS/noarch/*.rpm /srv/rpms
rpm --addsign --define '_gpg_name lab' --define '__gpg /usr/bin/gpg' /srv/rpms/*.rpm >/dev/null 2>&1
cat >/srv/rpms/comps.xml <<X
<?xml version="1.0" encoding="UTF-8"?>
<comps><group><id>tools</id><name>Lab Tools</name><description>d</description><default>true</default><uservisible>true</uservisible>
<packagelist><packagereq type="mandatory">beta</packagereq></packagelist></group></comps>
X
cd /srv/rpms; createrepo_c -q -g comps.xml .
gpg --batch --armor --detach-sign repodata/repomd.xml; cp /srv/lab.asc repodata/repomd.xml.key
# Debian's rpm keeps its database elsewhere than zypper looks for it.
echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros
mv /var/lib/dpkg/status /var/lib/dpkg/status.off
cat /srv/lab.asc
"""


class Rpm:
    """The site, and what its host has installed."""

    def __init__(self, site: Path, family: str) -> None:
        self.cli, self.site, self.family = Cli(site), site, family

    def lists(self, *entries: str) -> None:
        (self.site / "my.pkglist").write_text("".join(f"{entry}\n" for entry in entries))

    def run(self, verb: str, *entries: str, code: int = 0) -> str:
        self.lists(*entries)
        done = self.cli(verb, "packages", "-i", f"family={self.family}", code=code)
        return " ".join((done.stdout + done.stderr).split())

    def nothing_left(self) -> None:
        events = self.cli.events("apply", "packages", "-i", f"family={self.family}")
        assert changed(events) == []
        looked_once(events)

    @property
    def installed(self) -> set[str]:
        listed = self.cli.ssh("host01", "rpm -qa --qf '%{NAME}-%{VERSION}\\n' | grep -v gpg-pubkey || true")
        return set(listed.split())


@pytest.fixture(scope="module")
def site(lab_possible: None) -> Iterator[Path]:
    with directory() as made:
        for _ in make_site(made, inventory=False):
            pass
        lab.up(made, hosts=1, say=print)
        key = ssh(made, "host01", "sh -s", PREPARE.encode())
        (made / "keys").mkdir()
        (made / "keys" / "lab.asc").write_text(key[key.index("-----BEGIN") :])
        (made / "workflows" / "packages.yaml").write_text(WORKFLOW)
        yield made


@pytest.fixture(scope="module", params=["dnf", "zypper"])
def rpm(request: pytest.FixtureRequest, site: Path) -> Iterator[Rpm]:
    yield Rpm(site, request.param)
    ssh(
        site,
        "host01",
        "rpm -e a-package-with-a-very-long-name-indeed; rm -f /etc/yum.repos.d/lab.repo /etc/zypp/repos.d/lab.repo",
    )


def test_packages_of_a_signed_repository(rpm: Rpm) -> None:
    said = rpm.run("apply", "alpha=1.0", "a-package-with-a-very-long-name-indeed")
    assert "a-package-with-a-very-long-name-indeed 1.0-1, alpha 1.0-1" in said
    assert "with it libalpha 1.0-1" in said
    assert rpm.installed == {"alpha-1.0", "libalpha-1.0", "a-package-with-a-very-long-name-indeed-1.0"}
    rpm.nothing_left()


def test_what_is_not_known_is_refused_in_the_plan(rpm: Rpm) -> None:
    before = rpm.installed
    said = rpm.run("plan", "betta", "libalpha=9", code=1)
    assert 'my.pkglist:1: the package sources have no "betta", did you mean "beta"?' in said
    assert 'my.pkglist:2: the package sources have "libalpha" in no version "9", found 1.0-1' in said
    assert rpm.installed == before


def test_upgrades_and_downgrades(rpm: Rpm) -> None:
    assert "alpha 1.0-1 -> 2.0-1" in rpm.run("plan", "alpha")
    rpm.run("apply", "alpha")
    assert "alpha-2.0" in rpm.installed
    rpm.nothing_left()
    rpm.run("apply", "alpha=1.0")
    assert "alpha-1.0" in rpm.installed


def test_what_is_removed_along_is_told(rpm: Rpm) -> None:
    assert "remove package libalpha: libalpha; with it alpha" in rpm.run("plan", "-libalpha")
    rpm.run("apply", "-libalpha")
    assert rpm.installed == {"a-package-with-a-very-long-name-indeed-1.0"}


def test_groups(rpm: Rpm) -> None:
    if rpm.family == "zypper":
        assert 'my.pkglist:1: the package sources have no "@Lab Tools"' in rpm.run("plan", "@Lab Tools", code=1)
        return
    rpm.run("apply", "@^Lab Tools")
    assert "beta-1.0" in rpm.installed
    rpm.nothing_left()
    rpm.run("apply", "-@Lab Tools")
    assert "beta-1.0" not in rpm.installed
    rpm.run("apply", "@tools")
    rpm.nothing_left()
    rpm.run("apply", "-@tools")
    assert "beta-1.0" not in rpm.installed
    assert 'the package sources have no "@Lab Toys"' in rpm.run("plan", "@Lab Toys", code=1)
