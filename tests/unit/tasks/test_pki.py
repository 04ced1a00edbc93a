"""The tasks about certificates, as far as they need no host."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.tasks.site import Cli
from xcatflow.errors import ExitCode
from xcatflow.load.shipped import shipped
from xcatflow.tasks.certificates import Rolling
from xcatflow.transport.pki import SiteAuthority


@pytest.fixture
def pki(site: Path) -> Path:
    """The directory of the site's authority; the shipped workflow is there."""
    text = (shipped() / "workflows" / "renew-certificates.yaml").read_text()
    (site / "workflows" / "renew-certificates.yaml").write_text(text.replace("nodes: dockerhost", "nodes: all"))
    return site / ".xcatflow" / "pki"


def rows(cli: Cli, *words: str) -> dict[tuple[str, str], dict[str, object]]:
    found = json.loads(cli("pki.status", "--json", *words).out)
    return {(row["what"], row["name"]): row for row in found}


def test_a_site_without_a_ca(cli: Cli, pki: Path, site: Path) -> None:
    done = cli("pki", "status", code=2)
    assert done.err == (
        f'error: "{site}" has no CA yet: provision-dockerhost, or the first "xcatflow pki issue", makes it\n'
    )
    assert not pki.exists()
    assert "has no CA yet" in cli("pki", "revoke", "alice", code=2).err
    assert "the site has no CA yet" in cli("pki", "renew", "--ca", code=2).err
    assert not (pki / "ca.pem").exists()


def test_a_client_gets_the_three_files(cli: Cli, pki: Path) -> None:
    done = cli("pki", "issue", "alice", "--days", "90")
    day = f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}"
    assert done.out.splitlines() == [
        f"{pki}/out/alice: certificate of alice for the role admin, good until {day}",
        "it may do everything on hosts that let in admin: "
        f"DOCKER_HOST=tcp://HOST:PORT DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH={pki}/out/alice",
    ]
    modes = {path.name: path.stat().st_mode & 0o777 for path in (pki / "out" / "alice").iterdir()}
    assert modes == {"ca.pem": 0o644, "cert.pem": 0o644, "key.pem": 0o600}
    assert (pki / "out" / "alice" / "ca.pem").read_text() == (pki / "ca.pem").read_text()
    assert "PRIVATE" not in done.out + done.err
    assert set(rows(cli)) == {("ca", "xcatflow site CA"), ("clients", "admin 1"), ("client", "alice")}


def test_whoever_made_his_key_keeps_it(cli: Cli, pki: Path, tmp_path: Path) -> None:
    command = "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out dave.csr -subj /CN=root"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    cli("pki", "issue", "dave", "--csr", str(tmp_path / "dave.csr"), "--role", "web", "--out", str(tmp_path / "dave"))
    assert {path.name for path in (tmp_path / "dave").iterdir()} == {"ca.pem", "cert.pem"}
    said = subprocess.run(
        ["openssl", "x509", "-in", str(tmp_path / "dave" / "cert.pem"), "-noout", "-subject", "-nameopt", "RFC2253"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said == "subject=O=web,CN=dave\n"
    assert (
        'cannot read the request "none.csr": no such file' in cli("pki", "issue", "x", "--csr", "none.csr", code=2).err
    )
    assert (
        "expected a PKCS #10 request"
        in cli("pki", "issue", "x", "--csr", "workflows/renew-certificates.yaml", code=2).err
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["xcatflow"], '"xcatflow" is the controller\'s own name: give another one'),
        (["alice", "--role", "Web"], 'role "Web": expected small letters'),
        (["alice", "--days", "0"], "--days: expected 1 to 3650, found 0"),
        (["x" * 65], "expected a name of 1 to 64 characters"),
        (["../../alice"], 'client "../../alice": expected a name'),
    ],
)
def test_clients_that_cannot_be(cli: Cli, pki: Path, words: list[str], said: str) -> None:
    assert said in cli("pki", "issue", *words, code=2).err
    assert not (pki / "out").exists()


def test_files_of_somebody_else_stay(cli: Cli, pki: Path, tmp_path: Path) -> None:
    place = tmp_path / "docker"
    place.mkdir()
    (place / "key.pem").write_text("mine")
    done = cli("pki", "issue", "alice", "--out", str(place), code=2)
    assert f'"{place}/key.pem" is there already: give another directory with --out' in done.err
    assert (place / "key.pem").read_text() == "mine"
    cli("pki", "issue", "alice")
    first = (pki / "out" / "alice" / "cert.pem").read_text()
    cli("pki", "issue", "alice")
    assert (pki / "out" / "alice" / "cert.pem").read_text() != first, "one's own files are renewed"


def test_what_ends_soon_is_told_and_exits_with_5(cli: Cli, pki: Path) -> None:
    cli("pki", "issue", "alice", "--days", "20")
    cli("pki", "issue", "bob", "--days", "200")
    assert cli("pki", "status", "--within", "10d").out == "nothing ends within 10 days\n"
    done = cli("pki", "status", "--within", "30", code=5)
    (line,) = done.out.splitlines()
    assert line.endswith("the certificate of client alice ends: pki issue alice")
    cli("pki", "status")
    assert 'expected days such as 60d, found "soon"' in cli("pki", "status", "--within", "soon", code=2).err


def test_what_is_nobodys_concern_is_not_told_of(cli: Cli, pki: Path) -> None:
    """A warning that never ends is not heeded."""
    long_ago = SiteAuthority(pki, now=lambda: datetime.now(UTC) - timedelta(days=300))
    long_ago.issue_client("left", "admin", 90)
    authority = SiteAuthority(pki)
    for host in ("n1", "gone"):
        authority.issue_server(host, [host], [], 10)
    cli("pki", "issue", "alice", "--days", "20")
    authority.revoke("alice")
    (line,) = cli("pki", "status", "--within", "30", code=5).out.splitlines()
    assert "the certificate of host n1 ends: pki renew" in line
    assert {name for what, name in rows(cli) if what in ("host", "client")} == {"n1", "alice"}


def test_a_ca_that_ended_is_told_of_and_renewed(cli: Cli, pki: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=4000)
    identity = SiteAuthority(pki, now=lambda: long_ago).identity
    assert "ended" in cli("pki", "status").out
    assert "has ended: pki renew --ca" in cli("pki", "status", "--within", "1d", code=5).out
    assert "has expired on" in cli("plan", "renew-certificates", code=2).err
    assert "the CA is good until" in cli("pki", "renew", "--ca").out
    assert SiteAuthority(pki).identity == identity
    days = rows(cli)["ca", "xcatflow site CA"]["days"]
    assert isinstance(days, int)
    assert days > 3640


def test_a_ca_from_elsewhere(cli: Cli, pki: Path, tmp_path: Path, site: Path) -> None:
    corp = tmp_path / "corp"
    made = SiteAuthority(corp)
    assert made.certificate
    where = f"tls_ca_certificate={corp}/ca.pem"
    (site / "inventory" / "site.stanza").write_text(
        f"clustersite:\n    objtype=site\n    {where.replace('=', '=', 1)}\n"
    )
    said = cli("pki", "issue", "alice", code=2).err
    assert (
        said
        == 'error: the site names "tls_ca_certificate" but not "tls_ca_key": a CA is used by both, certificate and key\n'
    )
    cli("chdef", "-t", "site", "clustersite", f"tls_ca_key={corp}/ca-key.pem")
    cli("pki", "issue", "alice")
    assert (pki / "ca.pem").read_text() == made.certificate
    assert not (pki / "ca-key.pem").exists()
    assert rows(cli)["ca", "xcatflow site CA"]["how"] == "whoever gave it"
    assert "is not xcatflow's own and cannot be renewed by it" in cli("pki", "renew", "--ca", code=2).err
    (corp / "ca-key.pem").chmod(0o640)
    assert f'private key "{corp}/ca-key.pem" is open to others' in cli("pki", "issue", "bob", code=2).err


def test_what_is_wrong_is_found_before_anything_is_revoked(cli: Cli, pki: Path, site: Path) -> None:
    cli("pki", "issue", "alice")
    before = {path: path.read_bytes() for path in pki.rglob("*.pem")}
    for words, said in (
        (["alise"], 'no certificate was issued to "alise", did you mean "alice"?'),
        (
            ["alice", "--batch", "none"],
            '--batch: expected a number of nodes like 5, or a part like "10%", found "none"',
        ),
        (["alice", "-i", "ports=1"], 'has no input "ports", did you mean "port"?'),
        (["alice", "-n", "nowhere"], "nowhere"),
    ):
        assert said in cli("pki", "revoke", *words, code=2).err
    (site / "workflows" / "renew-certificates.yaml").unlink()
    done = cli("pki", "revoke", "alice", code=2)
    assert done.err == f'error: "{site}" has no workflow "renew-certificates": xcatflow init adds the shipped one\n'
    assert {path: path.read_bytes() for path in pki.rglob("*.pem")} == before


def test_rotations_that_make_no_sense(cli: Cli, pki: Path) -> None:
    cli("pki", "issue", "alice")
    assert "there is no former CA that could be given up" in cli("pki", "rotate", "--finish", code=2).err
    assert 'no client was ever issued for the role "web"' in cli("pki", "rotate", "--role", "web", code=2).err
    said = cli("pki", "rotate", "--role", "admin", "--finish", code=2).err
    assert 'clients of "admin" have one authority only' in said


def test_both_ways_to_write_it(cli: Cli, pki: Path) -> None:
    assert cli("pki", "issue", "--help").out == cli("pki.issue", "--help").out == cli("help", "pki", "issue").out
    assert "there are pki.status, pki.issue, pki.renew, pki.revoke, pki.rotate" in cli("pki", code=2).err


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What each run of the workflow was given besides; the first one does not reach all hosts."""
    given: list[tuple[str, ...]] = []

    def run(_self: Rolling, *more: str) -> ExitCode:
        given.append(more)
        return ExitCode.FAILED if len(given) == 1 else ExitCode.OK

    monkeypatch.setattr(Rolling, "__call__", run)
    return given


def test_a_renewal_of_all_goes_on_for_the_same_hosts_only(cli: Cli, pki: Path, runs: list[tuple[str, ...]]) -> None:
    cli("pki", "renew", "--all", code=1)
    begun = pki / "renewal"
    begun.write_text("2026-01-01T00:00:00+00:00 \n")
    assert "going on with the renewal of all" not in cli("pki", "renew", "--all", "-n", "all").out
    assert not begun.exists(), "it came to its end"
    begun.write_text("2026-01-01T00:00:00+00:00 \n")
    assert "going on with the renewal of all" in cli("pki", "renew", "--all").out
    begun.write_text("")
    cli("pki", "renew", "--all")
    assert [more[0] == "since=2026-01-01T00:00:00+00:00" for more in runs] == [False, False, True, False]
    assert "since=" not in [more[0] for more in runs], "a file that was cut off is none"


def test_an_authority_is_given_up_also_when_a_host_was_off(cli: Cli, pki: Path, runs: list[tuple[str, ...]]) -> None:
    cli("pki", "issue", "alice")
    out = pki / "out" / "alice" / "cert.pem"
    first = out.read_text()
    assert "give the command again" in cli("pki", "rotate", "--role", "admin", code=1).out
    assert out.read_text() == first
    done = cli("pki", "rotate", "--role", "admin", "--finish")
    assert "alice: new certificate in" in done.out, "or she would be out"
    assert out.read_text() != first
    runs.clear()
    cli("pki", "rotate", "--role", "admin", "--finish", code=1)
    assert "are refused by every host" in cli("pki", "rotate", "--role", "admin", "--finish").out


def test_a_rotation_that_was_cut_off_tells_clients_of_the_new_ca(
    cli: Cli, pki: Path, runs: list[tuple[str, ...]]
) -> None:
    cli("pki", "issue", "alice")
    assert SiteAuthority(pki).ca.rotate()
    cli("pki", "rotate", code=1)
    assert (pki / "out" / "alice" / "ca.pem").read_text() == (pki / "trusted.pem").read_text()
