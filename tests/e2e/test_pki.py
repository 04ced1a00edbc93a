"""Certificates on three real Docker hosts with running containers: made, renewed, revoked, rotated. Each test goes on where the one before
left off."""

import hashlib
import json
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.conftest import directory, power_cut, ssh
from tests.e2e.test_site import Cli, changed
from tests.fakes.peer import Peer, reply
from xcatflow import lab
from xcatflow.errors import Unreachable
from xcatflow.load.shipped import make_site
from xcatflow.model.endpoint import Endpoint
from xcatflow.transport.docker import DockerDaemon
from xcatflow.transport.pki import SiteAuthority
from xcatflow.transport.pki_records import Subject
from xcatflow.transport.protocols import Traffic
from xcatflow.transport.tls import TlsFiles, find_tls_files

pytestmark = pytest.mark.lab

HOSTS = ("host01", "host02", "host03")
PORT = 2375
PACKAGES = """\
schema: 1
name: packages
summary: An engine
nodes: dockerhost
limits: {step_timeout: 10 min}
steps:
  - {id: packages, use: package.present, with: {names: [docker.io]}}
"""
ENGINE = """\
schema: 1
name: engine
summary: It has certificates, and no more than that
nodes: dockerhost
steps:
  - id: certificate
    use: tls.host_certificate
    with: {common_name: "${node.name}", names: ["${node.name}", localhost], addresses: ["${node.ip}", 127.0.0.1]}
  - {id: daemon, use: docker.daemon, with: {tcp_port: 2375}}
  - {id: service, use: service.state, with: {name: docker.service, state: running, enabled: true}}
"""
START = "touch /run/watched.start; setsid sh /run/watch.sh </dev/null >/dev/null 2>&1 &"
WATCH = """\
end=$(($(date +%s) + 60))
while [ ! -e /run/watched.stop ] && [ "$(date +%s)" -lt "$end" ]; do
  cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null
  find / -xdev -newer /run/watched.start -type f -perm /077 -size -8k -exec grep -l 'PRIVATE KE[Y]' {} + 2>/dev/null | sed 's/^/OPEN /'
  sleep 0.05
done | tr '\\0' '\\n' | sort -u > /run/watched
"""


@pytest.fixture(scope="module")
def cli(lab_possible: None) -> Iterator[Cli]:
    """Three hosts with engines, on each of them two containers."""
    with directory() as site:
        for _ in make_site(site, inventory=False):
            pass
        lab.up(site, hosts=len(HOSTS), containers=0, say=print)
        for name, text in (("packages", PACKAGES), ("engine", ENGINE)):
            (site / "workflows" / f"{name}.yaml").write_text(text)
        cli = Cli(site)
        cli("apply", "packages")
        ssh(site, "host01", f"cat >/run/watch.sh; {START}", WATCH.encode())
        cli("apply", "engine")
        ssh(site, "host01", "touch /run/watched.stop")
        image = (site / "images" / "busybox.tar").read_bytes()
        for host in HOSTS:
            ssh(site, host, "docker load", image)
            for name in ("one", "two"):
                ssh(site, host, f"docker run -d --restart always --name {name} busybox sleep 1000000")
        yield cli


def lives(cli: Cli) -> dict[str, str]:
    """The containers' processes and when they were started, by host."""
    command = (
        "docker inspect -f '{{.Name}} {{.State.Pid}} {{.State.StartedAt}} {{.RestartCount}}' $(docker ps -q) | sort"
    )
    found = {host: cli.ssh(host, command) for host in HOSTS}
    assert all(len(text.splitlines()) == 2 for text in found.values())
    return found


def serials(cli: Cli) -> dict[str, str]:
    command = "openssl x509 -noout -serial -in /etc/docker/tls/cert.pem"
    return {host: cli.ssh(host, command).strip() for host in HOSTS}


def files(cli: Cli) -> dict[str, str]:
    command = "sha256sum /etc/docker/tls/*; ls -la --time-style=full-iso /etc/docker/tls; systemctl show -p MainPID docker.service"
    return {host: cli.ssh(host, command) for host in HOSTS}


def state(cli: Cli) -> dict[str, str]:
    folder = cli.site / ".xcatflow" / "pki"
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def address(cli: Cli, host: str) -> str:
    rows = json.loads(cli("nodes", host, "--json").stdout)
    return str(rows[0]["ip"])


def let_in(cli: Cli, host: str, files: TlsFiles) -> str:
    """Empty where the host's daemon lets a client with these files in, else why not."""
    return asked(Endpoint("tcp", address(cli, host), PORT), files)


def asked(endpoint: Endpoint, files: TlsFiles) -> str:
    daemon = DockerDaemon(endpoint, traffic=Traffic(), tls=files)
    try:
        daemon.daemon()
    except Unreachable as error:
        return str(error)
    finally:
        daemon.close()
    return ""


def triple(folder: Path) -> TlsFiles:
    return find_tls_files(folder, environ={}, home=folder)


def test_keys_are_made_on_the_hosts_and_stay_there(cli: Cli) -> None:
    for _ in range(100):
        if "done" in cli.ssh("host01", "[ ! -s /run/watched ] || echo done"):
            break
        time.sleep(0.1)
    watched = cli.ssh("host01", "cat /run/watched; rm /run/watch*")
    assert "dockerd" in watched, "the watcher saw processes"
    for host in HOSTS:
        assert cli.ssh(host, "stat -c '%a %U' /etc/docker/tls /etc/docker/tls/key.pem") == "755 root\n600 root\n"
        assert cli.ssh(host, "grep -rl 'PRIVATE KEY' /tmp /run /var/tmp /root 2>/dev/null || :") == ""
        key = cli.ssh(host, "cat /etc/docker/tls/key.pem").splitlines()[1]
        assert len(key) == 64
        assert key not in watched
        for path in cli.site.rglob("*"):
            assert not path.is_file() or key.encode() not in path.read_bytes(), path
    assert "PRIVATE KEY" not in watched
    assert "OPEN" not in watched, "a key could be read by others for a moment"
    kept = [path for path in cli.site.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    assert {path.parent.name for path in kept} == {"pki", "admin", "ssh"}
    assert b"PRIVATE KEY" not in (cli.site / ".xcatflow" / "journal.sqlite").read_bytes()


def test_a_hosts_own_certificate_commands_no_daemon(cli: Cli, tmp_path: Path) -> None:
    """Not by its authority, and not by what it may be used for."""
    pki = cli.site / ".xcatflow" / "pki"
    server = "".join(cli.ssh("host01", f"cat /etc/docker/tls/{name}.pem") for name in ("cert", "key"))
    issuer = SiteAuthority(pki).epochs.issuer("admin")[1]
    by_clients_authority = issuer.issue(Subject("host01", ["host01"]), days=2, now=datetime.now(UTC))
    client = issuer.issue(Subject("host01", role="admin", server=False), days=2, now=datetime.now(UTC))
    for name, text, said in (
        ("server", server, "our client certificate was refused"),
        ("purpose", by_clients_authority.certificate + by_clients_authority.key, "our client certificate was refused"),
        ("client", client.certificate + client.key, ""),
    ):
        (tmp_path / name).write_text(text)
        assert said in let_in(cli, "host02", TlsFiles(pki / "ca.pem", tmp_path / name, tmp_path / name))
    assert let_in(cli, "host02", TlsFiles(pki / "ca.pem", tmp_path / "client", tmp_path / "client")) == ""


def test_what_there_is_and_what_hosts_have(cli: Cli) -> None:
    told = cli("pki", "status").stdout
    assert "xcatflow site CA" in told
    assert "admin 1" in told
    assert [line.split()[1] for line in told.splitlines() if line.startswith("host")] == list(HOSTS)
    seen = json.loads(cli("pki.status", "--hosts", "dockerhost", "--json").stdout)
    assert [(row["name"], row["days"], row["bad"]) for row in seen] == [(host, 824, False) for host in HOSTS]
    assert "nothing ends within 60 days" in cli("pki", "status", "--within", "60d").stdout
    due = cli("pki", "status", "--within", "900d", code=5).stdout
    assert "the certificate of host host03 ends: pki renew" in due


def test_a_rehearsal_changes_nothing(cli: Cli) -> None:
    before = lives(cli), files(cli), state(cli)
    now = datetime.now(UTC) + timedelta(minutes=1)
    events = cli.events("plan", "renew-certificates", "-i", f"since={now.isoformat()}")
    assert changed(events, "would-change") == [(host, "certificate") for host in HOSTS]
    assert changed(events, "deferred") == [(host, "engine") for host in HOSTS]
    assert (lives(cli), files(cli), state(cli)) == before
    assert changed(cli.events("apply", "renew-certificates")) == []
    assert (lives(cli), files(cli)) == before[:2]


def test_a_renewal_that_is_killed_goes_on_and_no_container_notices(cli: Cli) -> None:
    time.sleep(1.1)  # certificates tell seconds
    alive, old = lives(cli), serials(cli)
    process = subprocess.Popen(
        [sys.executable, "-m", "xcatflow", "--site", str(cli.site), "pki", "renew", "--all", "--batch", "1", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    for line in process.stdout:
        if json.loads(line)["event"] == "node-ended":
            break
    process.kill()
    process.wait()
    half = serials(cli)
    renewed = [host for host in HOSTS if half[host] != old[host]]
    assert "host01" in renewed
    assert "host03" not in renewed
    done = cli("pki", "renew", "--all", "--batch", "1")
    assert "going on with the renewal of all that was begun at" in done.stdout
    new = serials(cli)
    assert all(new[host] != old[host] for host in HOSTS)
    assert new["host01"] == half["host01"], "what was done is not done again"
    assert lives(cli) == alive
    assert changed(cli.events("apply", "renew-certificates")) == []
    assert not (cli.site / ".xcatflow" / "pki" / "renewal").exists()


def test_a_client_with_the_three_files_of_docker(cli: Cli, tmp_path: Path) -> None:
    said = cli("pki", "issue", "alice", "--days", "90").stdout
    assert "certificate of alice for the role admin" in said
    cli("pki", "issue", "bob", "--out", str(tmp_path / "bob"))
    alice = cli.site / ".xcatflow" / "pki" / "out" / "alice"
    assert {path.name: path.stat().st_mode & 0o777 for path in alice.iterdir()} == {
        "ca.pem": 0o644,
        "cert.pem": 0o644,
        "key.pem": 0o600,
    }
    assert [let_in(cli, host, triple(alice)) for host in HOSTS] == ["", "", ""]
    if docker := shutil.which("docker"):
        environment = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(alice)}
        command = [docker, "-H", f"tcp://{address(cli, 'host01')}:{PORT}", "version", "-f", "{{.Server.Version}}"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr


def test_a_revoked_client_is_refused_and_the_others_are_not(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> None:
    alive, old = lives(cli), serials(cli)
    pki = cli.site / ".xcatflow" / "pki"
    alice, bob = pki / "out" / "alice", next(tmp_path_factory.getbasetemp().rglob("bob"))
    controller = tmp_path_factory.mktemp("before") / "client-cred.pem"
    shutil.copy(pki / "client-cred.pem", controller)
    key = (bob / "key.pem").read_text()
    said = cli("pki", "revoke", "alice", "--batch", "50%").stdout
    assert "every host refuses alice" in said
    assert f'bob: new certificate in "{bob}", for the same key' in said
    for host in HOSTS:
        assert "our client certificate was refused" in let_in(cli, host, triple(alice))
        assert "our client certificate was refused" in let_in(
            cli, host, TlsFiles(pki / "ca.pem", controller, controller)
        )
        assert let_in(cli, host, triple(bob)) == ""
    assert (bob / "key.pem").read_text() == key
    assert lives(cli) == alive
    assert serials(cli) == old, "the hosts' own certificates stay"
    assert changed(cli.events("apply", "renew-certificates")) == []
    assert "revoked" in cli("pki", "status").stdout
    assert "did you mean" in cli("pki", "revoke", "alise", code=2).stderr


def test_a_host_that_is_off_goes_on_letting_in_who_was_revoked_until_it_is_told(cli: Cli, tmp_path: Path) -> None:
    alive = lives(cli)
    cli("pki", "issue", "erin", "--out", str(tmp_path / "erin"))
    with power_cut(cli.site, "host03"):
        done = cli("pki", "revoke", "erin", code=1)
        assert "host03" in done.stdout
        assert "erin is let in by hosts that were not told: xcatflow pki revoke erin goes on" in done.stdout
    lab.up(cli.site, hosts=len(HOSTS), containers=0, say=print)
    for _ in range(100):
        if "active" in cli.ssh("host03", "systemctl is-active docker || :").split():
            break
        time.sleep(0.1)
    assert let_in(cli, "host03", triple(tmp_path / "erin")) == ""
    assert "our client certificate was refused" in let_in(cli, "host01", triple(tmp_path / "erin"))
    looked = cli("plan", "renew-certificates", "-n", "host03")
    assert "clients of other authorities are to be let in" in looked.stdout
    seen = cli("pki", "status", "--hosts", "dockerhost", code=1).stdout
    assert "it does not let in all clients of the site" in seen
    assert "every host refuses erin" in cli("pki", "revoke", "erin").stdout
    assert "our client certificate was refused" in let_in(cli, "host03", triple(tmp_path / "erin"))
    assert {host: lives(cli)[host] for host in HOSTS[:2]} == {host: alive[host] for host in HOSTS[:2]}


def test_a_role_is_let_in_where_the_site_says(cli: Cli, tmp_path: Path) -> None:
    cli("chdef", "-t", "site", "clustersite", "tls_roles=web=host01")
    cli("pki", "issue", "carol", "--role", "web", "--out", str(tmp_path / "carol"))
    events = cli.events("apply", "renew-certificates")
    assert changed(events) == [("host01", "certificate"), ("host01", "engine")]
    assert let_in(cli, "host01", triple(tmp_path / "carol")) == ""
    assert "our client certificate was refused" in let_in(cli, "host02", triple(tmp_path / "carol"))


def test_after_a_rotation_old_server_certificates_are_refused(cli: Cli, tmp_path: Path) -> None:
    alive = lives(cli)
    old = "".join(cli.ssh("host01", f"cat /etc/docker/tls/{name}.pem") for name in ("cert", "key"))
    (tmp_path / "old.pem").write_text(old)
    assert "The former one is accepted until" in cli("pki", "rotate").stdout
    assert "former" in cli("pki", "status").stdout
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(tmp_path / "old.pem")
    pki = SiteAuthority(cli.site / ".xcatflow" / "pki")
    with Peer(lambda request: reply([]), tls=served) as peer:
        place = Endpoint("tcp", "localhost", peer.port)
        assert asked(place, pki.client_files()) == ""
        cli("pki", "rotate", "--finish")
        assert "is not signed by the site's CA" in asked(place, pki.client_files())
    assert lives(cli) == alive
    assert [row["bad"] for row in json.loads(cli("pki", "status", "--hosts", "dockerhost", "--json").stdout)] == [
        False
    ] * 3
    assert let_in(cli, "host02", pki.client_files()) == ""
    assert "there is no former CA" in cli("pki", "rotate", "--finish", code=2).stderr


def test_a_ca_that_expired(cli: Cli, tmp_path: Path) -> None:
    """A plan says so, nothing is touched, and the CA can be renewed with its key."""
    before = lives(cli), files(cli)
    site = tmp_path / "site"
    shutil.copytree(cli.site, site, ignore=shutil.ignore_patterns("*.sqlite*", "locks", "pki"))
    config = site / "ssh" / "config"
    config.write_text(config.read_text().replace(str(cli.site), str(site)))
    long_ago = datetime.now(UTC) - timedelta(days=4000)
    pki = SiteAuthority(site / ".xcatflow" / "pki", now=lambda: long_ago)
    identity = pki.identity
    copy = Cli(site)
    for words in (("plan", "renew-certificates"), ("apply", "renew-certificates"), ("apply", "engine")):
        done = copy(*words, code=2)
        assert f'CA certificate "{site}/.xcatflow/pki/ca.pem" has expired on' in done.stderr
        assert 'renew it with "xcatflow pki renew --ca"' in done.stderr
    assert "ended" in copy("pki", "status").stdout
    copy("pki", "status", "--within", "1d", code=5)
    assert "the CA is good until" in copy("pki", "renew", "--ca").stdout
    assert SiteAuthority(site / ".xcatflow" / "pki").identity == identity
    assert "is issued by another CA than this site's" in copy("plan", "renew-certificates", code=1).stdout
    assert (lives(cli), files(cli)) == before
