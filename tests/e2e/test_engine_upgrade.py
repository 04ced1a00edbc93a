"""The Docker engine upgraded on two real hosts, under containers that run. Each test goes on where the one before left off.

The newer versions are Debian's own package under other version numbers.
"""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import ssh
from tests.e2e.test_engine import HAS, STARTED, everywhere, running_site
from tests.e2e.test_site import Cli, changed

pytestmark = pytest.mark.lab

HOSTS = ("host01", "host02")
REPACKED = """\
set -eu
mkdir -p /srv/engine; cd /srv/engine
f=$(ls docker.io_*.deb 2>/dev/null) || { apt-get -qq download docker.io; f=$(ls docker.io_*.deb); }
[ -d tree ] || { dpkg-deb -R "$f" tree; rm "$f"; }
sed -i "s/^Version: .*/Version: $1/" tree/DEBIAN/control
dpkg-deb -Znone --root-owner-group -b tree new.deb >/dev/null
{ dpkg-deb -f new.deb; echo "Filename: ./new.deb"; echo "Size: $(stat -c %s new.deb)"
  echo "SHA256: $(sha256sum new.deb | cut -d ' ' -f 1)"; } >Packages
echo "deb [trusted=yes] file:/srv/engine ./" >/etc/apt/sources.list.d/engine.list
apt-get -qq update
"""


@pytest.fixture(scope="module")
def cli(lab_possible: None) -> Iterator[Cli]:
    with running_site(2) as made:
        yield made


def test_an_upgrade_under_running_containers(cli: Cli) -> None:
    everywhere(cli, len(HOSTS), f"sh -s {HAS}+z1", REPACKED.encode())
    started = {host: cli.ssh(host, STARTED) for host in HOSTS}
    assert "docker.io 20.10.24" in cli("plan", "upgrade-engine").stdout
    events = cli.events("apply", "upgrade-engine", "-i", "version=latest")
    assert [(node, step) for node, step in changed(events) if step in ("package", "engine")] == [
        (host, step) for host in HOSTS for step in ("engine", "package")
    ]
    for host in HOSTS:
        assert cli.ssh(host, STARTED) == started[host]
        assert cli.ssh(host, "dpkg-query -W -f '${db:Status-Abbrev}${Version}' docker.io") == f"hi {HAS}+z1"
        assert "(deleted)" not in cli.ssh(host, "readlink /proc/$(pidof dockerd)/exe")
    assert changed(cli.events("apply", "upgrade-engine")) == []


def test_a_release_line_is_left_only_when_that_is_said(cli: Cli) -> None:
    everywhere(cli, len(HOSTS), "sh -s 23.0.1+z1", REPACKED.encode())
    started = cli.ssh("host01", STARTED)
    done = cli("apply", "upgrade-engine", "-n", "host01", code=1)
    assert "2 containers (job, web) cannot run on through the upgrade: from 20.10 to 23.0" in done.stdout
    assert cli.ssh("host01", STARTED) == started
    events = cli.events("apply", "upgrade-engine", "-n", "host01", "-i", "containers=auto")
    assert {step for _, step in changed(events)} >= {"drained", "package", "engine", "running"}
    assert cli.ssh("host01", STARTED) != started
    assert cli.ssh("host01", "docker ps --format '{{.Names}}' | sort").split() == ["job", "web"]


def test_an_upgrade_that_goes_wrong_stays_with_one_host(cli: Cli) -> None:
    broken = "cd /srv/engine/tree/DEBIAN; printf '#!/bin/sh\\nexit 1\\n' >preinst; chmod 755 preinst\n"
    ssh(cli.site, "host01", "sh -s 23.0.2+z1", stdin=(broken + REPACKED).encode())
    events = cli.events("apply", "upgrade-engine", "-i", "containers=stop", code=1)
    assert cli.ssh("host01", "docker ps --format '{{.Names}}' | sort").split() == ["job", "web"], "they run again"
    assert not [node for node, _ in changed(events) if node == "host02"]
    assert cli.ssh("host02", "dpkg-query -W -f '${Version}' docker.io") == f"{HAS}+z1"
