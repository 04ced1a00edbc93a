"""The controller's side of a site: its files, its secrets, its certificates."""

import socket
from pathlib import Path

import pytest

from tests.fakes.peer import Peer, reply
from tests.fakes.running import nodes
from xcatflow.engine.scope import Scope
from xcatflow.engine.secrets import Redactor
from xcatflow.errors import DeadlineExceeded, InvalidInput, Unreachable
from xcatflow.model.definitions import Definitions
from xcatflow.model.objects import make
from xcatflow.model.placed import Inputs
from xcatflow.wiring import STATE, SiteDesk, Wiring


@pytest.fixture
def wiring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wiring:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DOCKER_CERT_PATH", raising=False)
    root = tmp_path / "site"
    root.mkdir()
    return Wiring(root, nodes("host01", ip="127.0.0.1"), Redactor())


def desk(wiring: Wiring) -> SiteDesk:
    return wiring.desk(Scope(wiring.definitions, "host01", Inputs()))


def test_secrets_come_from_the_environment_then_from_private_files(
    wiring: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wiring.secret("db-password") is None
    file = wiring.root / "secrets" / "db-password"
    file.parent.mkdir()
    file.touch(0o600)
    file.write_text("from the file\n")
    assert wiring.secret("db-password") == "from the file"
    file.chmod(0o644)
    with pytest.raises(InvalidInput, match=r'"secrets/db-password" can be read by others: chmod 600 it'):
        wiring.secret("db-password")
    file.chmod(0o600)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match=r'cannot read the secret file "secrets/db-password": it is no utf-8 text'):
        wiring.secret("db-password")
    monkeypatch.setenv("XCATFLOW_SECRET_DB_PASSWORD", "from outside")
    assert wiring.secret("db-password") == "from outside"
    assert wiring.redactor.text("it is from outside, or from the file") == "it is (secret), or (secret)"


def test_files_are_those_of_the_site(wiring: Wiring) -> None:
    (wiring.root / "list").write_text("one\n")
    (wiring.root / "picture").write_bytes(b"\xff")
    (wiring.root / "t").mkdir()
    (wiring.root / "t" / "motd.j2").write_text("{{ node.name }} at {{ node.ip }}{{ more }}")
    here = desk(wiring)
    assert here.read("list") == "one\n"
    assert here.path("/etc/hosts") == Path("/etc/hosts")
    assert here.render("t/motd.j2", {"more": "!"}) == "host01 at 127.0.0.1!"
    for name, message in {
        "../outside": '"../outside" leaves the site',
        "absent": 'cannot read the file "absent" of the site: No such file',
        "picture": 'the file "picture" of the site is no UTF-8 text',
    }.items():
        with pytest.raises(InvalidInput, match=message):
            here.read(name)
    with pytest.raises(InvalidInput, match=r'no template "absent\.j2" in the site'):
        here.render("absent.j2", {})
    with pytest.raises(InvalidInput, match=r"^t/motd\.j2:1: template: 'more' is undefined"):
        here.render("t/motd.j2", {})


def test_a_rehearsal_makes_up_an_authority_and_leaves_nothing(wiring: Wiring) -> None:
    wiring.rehearse = True
    assert wiring.authority().certificate.startswith("-----BEGIN CERTIFICATE-----")
    assert wiring.authority() is wiring.authority()
    passing = wiring._passing
    assert passing
    wiring.close()
    assert not Path(passing.name).exists()
    assert not (wiring.root / STATE).exists()


def test_the_authority_is_the_sites_and_stays(wiring: Wiring) -> None:
    identity = wiring.authority().identity
    assert (wiring.root / STATE / "pki" / "ca.pem").exists()
    again = Wiring(wiring.root, wiring.definitions, Redactor(), rehearse=True)
    assert again.authority().identity == identity
    assert desk(again).authority.identity == identity


def test_daemons_are_met_at_the_nodes_address_with_the_sites_certificates(wiring: Wiring) -> None:
    with pytest.raises(
        InvalidInput, match=r"Cannot read TLS file .*/\.xcatflow/ca\.pem; .* the site has no certificates of its own"
    ):
        wiring.docker("host01:1")
    assert not (wiring.root / STATE).exists()
    assert wiring.authority()
    with pytest.raises(Unreachable, match=r"cannot connect to docker host host01:1 \(127.0.0.1\): connection refused"):
        wiring.docker("host01:1").containers()


def test_certificates_named_by_the_user_come_before_those_of_the_site(
    wiring: Wiring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wiring.authority()
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path / "mine"))
    with pytest.raises(InvalidInput, match=r"Cannot read TLS file .*/mine/ca\.pem"):
        wiring.docker("host01:1")


def test_limits_of_time_and_names_in_certificates_are_the_sites_choice(tmp_path: Path) -> None:
    def wired(**site: str) -> Wiring:
        return Wiring(tmp_path, Definitions([make("site", "clustersite", site)]), Redactor())

    with socket.create_server(("127.0.0.1", 0)) as silent:
        docker = wired(dockertimeout="0.2 s").docker(f"tcp+plain://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(DeadlineExceeded, match=r"timeout after 0\.2 s: GET /version"):
            docker.containers()
    with pytest.raises(InvalidInput, match='"dockertimeout" of the site: expected a time such as'):
        wired(dockertimeout="soon").docker("tcp+plain://127.0.0.1:1")


def test_the_users_client_files_serve_a_site_without_an_authority(wiring: Wiring, tmp_path: Path) -> None:
    home = tmp_path / "home" / ".xcat"
    home.mkdir(parents=True)
    (home / "ca.pem").write_text("no certificate")
    with pytest.raises(InvalidInput, match="Cannot read TLS file"):
        wiring.docker("host01:1").containers()
    (home / "client-cred.pem").write_text("no certificate either")
    with pytest.raises(Unreachable, match=r'cannot read TLS file ".*ca\.pem": no certificate in it'):
        wiring.docker("host01:1").containers()
    assert not (wiring.root / STATE).exists()


def test_shells_share_what_ssh_is_configured_with(wiring: Wiring) -> None:
    (wiring.root / "ssh").mkdir()
    (wiring.root / "ssh" / "config").write_text("Host *\n  Port 1\n")
    one, other = wiring.shell("host01"), wiring.shell("elsewhere")
    assert one._connector is other._connector  # type: ignore[attr-defined]
    with pytest.raises(
        Unreachable, match=r'cannot connect to "host01" \(\[127.0.0.1\]:1\) over SSH: connection refused'
    ):
        one.ask(["true"], timeout_s=5)
    wiring.close()


def test_the_environment_pins_the_version_of_dockers_api(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_API_VERSION", "newest")
    with pytest.raises(InvalidInput, match=r'^DOCKER_API_VERSION="newest" is no version: expected 1\.21 to '):
        wiring.docker("unix:///run/docker.sock")
    with Peer(lambda _request: reply([])) as peer:
        monkeypatch.setenv("DOCKER_API_VERSION", "1.30")
        daemon = wiring.docker(f"tcp+plain://127.0.0.1:{peer.port}")
        daemon.networks()
        daemon.close()
        assert peer.paths == ["GET /v1.30/networks"]
