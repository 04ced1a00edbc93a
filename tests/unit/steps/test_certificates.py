"""`tls.host_certificate` with a real CA; its scripts write into a directory of the test's own."""

import os
import shutil
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes.desk import FolderDesk
from tests.fakes.target import SYSTEM_PATH, LocalTarget, tools
from xcatflow.errors import ActFailed, CannotUndo, InvalidInput
from xcatflow.model.change import Change, Verb
from xcatflow.model.definitions import Definitions
from xcatflow.model.objects import Node, make
from xcatflow.model.question import Answers, Question, Reply
from xcatflow.steps.certificates.roles import roles_of
from xcatflow.steps.scripts.docker import setupdockerhost_parts
from xcatflow.steps.tls_host_certificate import CertificateParams, HostFiles, TlsHostCertificate
from xcatflow.transport.looks import sections
from xcatflow.transport.pki import SiteAuthority

STEP = TlsHostCertificate()
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a key that is not root's is renewed: these tests need root")


@dataclass
class Host(LocalTarget):
    """A machine of a site with a CA. `cut` is how many bytes of standard input arrive, None for all."""

    site: Path = Path()
    cut: int | None = None
    given: list[bytes] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    @property
    def authority(self) -> SiteAuthority:
        return SiteAuthority(self.site)

    def run(self, script: str, *, stdin: bytes = b"", timeout_s: float | None = None, check: bool = True) -> Reply:
        self.given.append(stdin)
        self.replies.append(super().run(script, stdin=stdin[: self.cut], timeout_s=timeout_s, check=check))
        return self.replies[-1]

    def answer(self, questions: Iterable[Question[Any]]) -> Answers:
        given: dict[Question[Any], object] = {}
        for section in sections(questions):
            given.update(section.parse(self.reply(section.script), self.authority.read))
        return Answers(given)


@dataclass
class Desk(FolderDesk):
    @property
    def authority(self) -> SiteAuthority:
        return SiteAuthority(self.root)


@pytest.fixture
def at(tmp_path: Path) -> Host:
    return Host(site=tmp_path / "pki")


def want(at: Host, **params: Any) -> CertificateParams:
    given = {
        "common_name": "host01",
        "names": ["host01", "localhost"],
        "addresses": ["192.0.2.11", "127.0.0.1"],
        "directory": str(at.site.parent / "etc" / "tls"),
        **params,
    }
    return STEP.prepare(CertificateParams.model_validate(given), Desk(at.site))


def files(wanted: CertificateParams) -> Mapping[str, tuple[str, int]]:
    folder = Path(wanted.directory)
    return {path.name: (path.read_text(), path.stat().st_mode & 0o7777) for path in sorted(folder.iterdir())}


def usable(wanted: CertificateParams) -> bool:
    """Do key and certificate belong together?"""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(wanted.path("cert.pem"), wanted.path("key.pem"))
    except ssl.SSLError:
        return False
    return True


def why(changes: tuple[Change, ...]) -> str:
    (change,) = changes
    assert change.verb is Verb.REPLACE
    return change.why


def test_a_host_gets_a_pair_of_its_own(at: Host) -> None:
    wanted = want(at)
    path = wanted.path("cert.pem")
    assert at.converge(STEP, wanted) == (
        Change(
            Verb.CREATE,
            f"certificate {path}",
            after="host01 for 825 days, good for host01, localhost, 192.0.2.11, 127.0.0.1",
        ),
    )
    found = files(wanted)
    assert {name: mode for name, (_, mode) in found.items()} == {"ca.pem": 0o644, "cert.pem": 0o644, "key.pem": 0o600}
    assert found["ca.pem"][0] == at.authority.clients(["admin"])
    assert at.authority.certificate not in found["ca.pem"][0], "holders of the CA's other certificates are let in"
    assert Path(wanted.directory).stat().st_mode & 0o777 == 0o755
    assert usable(wanted)
    facts = at.look(STEP, wanted).facts
    assert (facts.common_name, facts.names) == ("host01", ("host01", "localhost"))
    assert facts.addresses == ("127.0.0.1", "192.0.2.11")
    assert timedelta(days=824) < facts.not_after - datetime.now(UTC) <= timedelta(days=825)
    assert STEP.outputs(at.look(STEP, wanted), wanted)["expires"] == f"{facts.not_after:%Y-%m-%d}"
    at.scripts.clear()
    assert at.converge(STEP, wanted) == ()
    assert at.scripts == []


@pytest.mark.parametrize("key", ["host", "controller"])
def test_the_key_is_seen_by_nobody(at: Host, tmp_path: Path, key: str) -> None:
    seen, rights = tmp_path / "seen", tmp_path / "rights"
    watch = f"""cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ >{seen} 2>/dev/null
stat -c '%a %n' "$4" "${{4%/*}}" >{rights}
exec {shutil.which("mv")} "$@\""""
    at.path = f"{tools(tmp_path / 'bin', mv=watch)}:{SYSTEM_PATH}"
    wanted = want(at, key=key)
    changes = at.converge(STEP, wanted)
    secret = secret_of(wanted)
    assert any(secret.encode() in given for given in at.given) is (key == "controller")
    assert secret not in seen.read_text(errors="replace")
    assert secret not in "".join([*at.scripts, *map(repr, changes), repr(wanted), repr(at.look(STEP, wanted))])
    stage = f"{wanted.directory}/.xcatflow-new"
    assert rights.read_text() == f"600 {stage}/key.pem\n700 {stage}\n"
    assert not [path for path in at.site.rglob("*") if path.is_file() and secret in path.read_text()]


def secret_of(wanted: CertificateParams) -> str:
    """A line of the key that is nowhere else."""
    line = files(wanted)["key.pem"][0].splitlines()[1]
    assert len(line) == 64
    return line


def test_a_key_made_on_the_host_never_leaves_it(at: Host) -> None:
    wanted = want(at)
    at.converge(STEP, wanted)
    sent = b"".join(reply.out + reply.err for reply in at.replies)
    assert b"CERTIFICATE REQUEST" in sent
    assert secret_of(wanted).encode() not in sent
    assert not any(b"PRIVATE" in given for given in at.given)


def test_names_are_those_of_the_definition_not_those_of_the_request(at: Host, tmp_path: Path) -> None:
    """Of what the host asks only the key is taken."""
    real = shutil.which("openssl")
    asks = f"""for w do case $w in /CN=*) w=/CN=host99/O=admin;; esac; set -- "$@" "$w"; shift; done
exec {real} "$@\""""
    at.path = f"{tools(tmp_path / 'bin', openssl=asks)}:{SYSTEM_PATH}"
    at.converge(STEP, want(at))
    facts = at.look(STEP, want(at)).facts
    assert (facts.common_name, facts.names) == ("host01", ("host01", "localhost"))


def other_request(at: Host, tmp_path: Path, sort: str) -> None:
    """The machine's openssl asks for a key that is not its own."""
    foreign = tmp_path / "foreign.csr"
    at.reply(f"openssl req -new -newkey {sort} -nodes -keyout /dev/null -subj /CN=x -out {foreign} 2>/dev/null")
    asks = f"""case $1 in req) cat {foreign};; *) exec {shutil.which("openssl")} "$@";; esac"""
    at.path = f"{tools(tmp_path / 'bin', openssl=asks)}:{SYSTEM_PATH}"


@pytest.mark.parametrize(
    ("sort", "error", "said"),
    [
        ("rsa:1024", InvalidInput, r"expected an EC key \(P-256, P-384, P-521\), Ed25519, or RSA of 2048 bits"),
        ("rsa:2048", ActFailed, "the certificate is for another key"),
    ],
)
def test_requests_that_are_refused_leave_the_old_pair(
    at: Host, tmp_path: Path, sort: str, error: type[Exception], said: str
) -> None:
    wanted = want(at)
    at.converge(STEP, wanted)
    before = files(wanted)
    other_request(at, tmp_path, sort)
    with pytest.raises(error, match=said):
        at.converge(STEP, want(at, addresses="192.0.2.12"))
    assert files(wanted) == before


def test_without_openssl_the_controller_makes_the_key_and_the_plan_says_so(at: Host, tmp_path: Path) -> None:
    names = "sh stat grep sha256sum readlink head base64 cat mkdir rm chmod mv rmdir sync"
    at.path = tools(tmp_path / "bin", names.split())
    wanted = want(at)
    (change,) = at.converge(STEP, wanted)
    assert change.after is not None
    assert change.after.endswith("; the controller makes the key, the machine has no openssl")
    assert usable(wanted)
    with pytest.raises(ActFailed, match="host01 has no openssl to make a key with: install it, or say"):
        at.converge(STEP, want(at, key="host", common_name="host02"))
    assert usable(wanted)


def test_a_renewal_of_all_goes_on_where_it_was_left(at: Host) -> None:
    at.converge(STEP, want(at))
    now = datetime.now(UTC)
    assert at.converge(STEP, want(at, issued_since=now - timedelta(minutes=5))) == ()
    later = want(at, issued_since=now + timedelta(seconds=2))
    assert why(STEP.plan(at.look(STEP, later), later)).startswith("it was issued before 20")


def test_the_site_s_former_ca_is_replaced_without_being_told(at: Host) -> None:
    at.converge(STEP, want(at))
    old = at.authority.identity
    assert at.authority.ca.rotate()
    assert at.authority.former == (old,)
    assert why(at.converge(STEP, want(at))) == "it is issued by the site's former CA"
    assert at.look(STEP, want(at)).facts.authority == at.authority.identity != old


def test_a_host_lets_in_the_roles_that_the_site_names_for_it(at: Host) -> None:
    site = make("site", "clustersite", {"tls_roles": "web=webhosts,host07 test=all ops=host01"})
    nodes = [Node("dh01", {"groups": "all,webhosts"}), Node("dh02", {"groups": "all"})]
    definitions = Definitions([site, *nodes])
    assert roles_of(definitions, "dh01") == ("admin", "web", "test")
    assert roles_of(definitions, "dh02") == ("admin", "test")
    wanted = STEP.prepare(want(at), Desk(at.site, definitions, "dh01"))
    at.converge(STEP, wanted)
    assert files(wanted)["ca.pem"][0] == at.authority.clients(["admin", "web", "test"])
    named = STEP.prepare(want(at, roles="web"), Desk(at.site, definitions, "dh02"))
    assert named.ca_clients == at.authority.clients(["web"])
    broken = Definitions([make("site", "clustersite", {"tls_roles": "web"})])
    with pytest.raises(InvalidInput, match=r'"tls_roles" of the site: expected ROLE=GROUP,NODE,.*, found "web"'):
        STEP.prepare(want(at), Desk(at.site, broken))


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"names": ["host01", "localhost", "Host01.example.org"]}, "names added: host01.example.org"),
        ({"addresses": "127.0.0.1"}, "names removed: 192.0.2.11"),
        (
            {"names": "host01,web", "addresses": ["::1"]},
            "names added: ::1, web; names removed: 127.0.0.1, 192.0.2.11, localhost",
        ),
        ({"common_name": "host02"}, "its common name is host01"),
    ],
)
def test_what_it_is_good_for(at: Host, params: dict[str, Any], reason: str) -> None:
    at.converge(STEP, want(at))
    old = files(want(at))
    assert why(at.converge(STEP, want(at, **params))) == reason
    assert files(want(at))["key.pem"] != old["key.pem"]
    assert usable(want(at))


def test_renewal_before_its_end(at: Host) -> None:
    short = want(at, days=20, renew_before_days=5)
    at.converge(STEP, short)
    assert at.converge(STEP, short) == ()
    assert why(at.converge(STEP, want(at))) == "it expires in 19 days"
    assert at.converge(STEP, want(at)) == ()
    seen: HostFiles = at.look(STEP, short)
    late = replace(seen, now=datetime.now(UTC) + timedelta(days=900))
    assert seen.facts is not None
    assert why(STEP.plan(late, short)) == f"it expired on {seen.facts.not_after:%Y-%m-%d}"


def test_a_ca_near_its_end_gives_no_longer_certificates(at: Host) -> None:
    SiteAuthority(at.site, now=lambda: datetime.now(UTC) - timedelta(days=3650 - 10)).certificate  # noqa: B018
    at.converge(STEP, want(at))
    assert at.look(STEP, want(at)).facts.not_after - datetime.now(UTC) < timedelta(days=11)
    assert at.converge(STEP, want(at)) == ()


def test_another_ca(at: Host) -> None:
    at.converge(STEP, want(at))
    shutil.rmtree(at.site)
    before = files(want(at))
    with pytest.raises(
        ActFailed, match="is issued by another CA than this site's, and whoever uses that CA would be locked out"
    ):
        at.converge(STEP, want(at))
    assert files(want(at)) == before
    assert why(at.converge(STEP, want(at, other_authority="replace"))) == "it is issued by another CA"
    assert files(want(at))["ca.pem"][0] == at.authority.clients(["admin"])


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda folder: (folder / "cert.pem").unlink(), "the certificate is missing"),
        (lambda folder: (folder / "key.pem").unlink(), "the key is missing"),
        (lambda folder: (folder / "cert.pem").write_text("garbage"), "the certificate cannot be read"),
        (lambda folder: (folder / "key.pem").chmod(0o640), "others may have read the key, its mode is 0640"),
        (lambda folder: os.chown(folder / "key.pem", 1, 1), "the key belongs to daemon"),
        (lambda folder: (folder / ".xcatflow-new").mkdir(), "a former renewal was cut off"),
    ],
)
def test_what_is_broken_is_made_anew(at: Host, harm: Any, reason: str) -> None:
    wanted = want(at)
    at.converge(STEP, wanted)
    old = files(wanted)
    harm(Path(wanted.directory))
    assert why(at.converge(STEP, wanted)) == reason
    assert usable(wanted)
    assert files(wanted)["key.pem"] != old["key.pem"]
    assert set(files(wanted)) == {"ca.pem", "cert.pem", "key.pem"}


def test_what_is_beside_a_good_pair_is_put_right_without_a_new_key(at: Host) -> None:
    wanted = want(at)
    at.converge(STEP, wanted)
    before = files(wanted)
    folder = Path(wanted.directory)
    (folder / "ca.pem").write_text("another")
    (folder / "cert.pem").chmod(0o600)
    changes = at.converge(STEP, wanted)
    assert [str(change) for change in changes] == [
        f"update file {folder}/ca.pem content (clients of other authorities are to be let in)",
        f"update file {folder}/cert.pem mode: 0600 -> 0644",
    ]
    assert files(wanted) == before
    (folder / "ca.pem").unlink()
    assert [str(change) for change in at.converge(STEP, wanted)] == [
        f"create file {folder}/ca.pem content: the authorities of the site's clients"
    ]
    assert files(wanted) == before


@pytest.mark.parametrize("key", ["host", "controller"])
@pytest.mark.parametrize("cut", [0, 100, 900, -3])
def test_a_connection_that_breaks_leaves_the_old_pair(at: Host, cut: int, key: str) -> None:
    wanted = want(at, key=key)
    at.converge(STEP, wanted)
    before = files(wanted)
    at.cut = cut
    with pytest.raises(
        ActFailed, match=r'cannot put the certificate of "host01" into .*: the certificate did not arrive'
    ):
        at.converge(STEP, want(at, addresses="192.0.2.12", key=key))
    assert files(wanted) == before


def test_an_act_killed_between_the_renames_is_seen_and_done_again(at: Host, tmp_path: Path) -> None:
    wanted = want(at)
    at.converge(STEP, wanted)
    old = files(wanted)
    killed = f'{shutil.which("mv")} -f -- "$4" "$6"; kill -9 $PPID'
    at.path = f"{tools(tmp_path / 'bin', mv=killed)}:{SYSTEM_PATH}"
    with pytest.raises(ActFailed):
        at.converge(STEP, want(at, common_name="host02"))
    assert files_of(wanted, "cert.pem") == old["cert.pem"]
    assert files_of(wanted, "key.pem") != old["key.pem"]
    assert not usable(wanted)
    at.path = SYSTEM_PATH
    assert why(at.converge(STEP, wanted)) == "a former renewal was cut off"
    assert usable(wanted)


def files_of(wanted: CertificateParams, name: str) -> tuple[str, int]:
    path = Path(wanted.path(name))
    return path.read_text(), path.stat().st_mode & 0o7777


def test_what_is_in_the_way_is_not_touched(at: Host) -> None:
    wanted = want(at)
    Path(wanted.path("key.pem")).mkdir(parents=True)
    with pytest.raises(ActFailed, match=r'expected a file or nothing at ".*/key\.pem", found a directory: move it'):
        at.converge(STEP, wanted)


def test_undo(at: Host) -> None:
    wanted = want(at)
    empty = at.look(STEP, wanted)
    (created,) = at.converge(STEP, wanted)
    STEP.undo(at, wanted, empty, created)
    assert files(wanted) == {}
    Path(wanted.path("ca.pem")).write_text("old")
    only_ca = at.look(STEP, wanted)
    (created,) = at.converge(STEP, wanted)
    STEP.undo(at, wanted, only_ca, created)
    assert set(files(wanted)) == {"ca.pem"}
    at.converge(STEP, wanted)
    before = at.look(STEP, wanted)
    Path(wanted.path("cert.pem")).chmod(0o640)
    open_to_group = at.look(STEP, wanted)
    (mode,) = at.converge(STEP, wanted)
    STEP.undo(at, wanted, open_to_group, mode)
    assert files_of(wanted, "cert.pem")[1] == 0o640
    with pytest.raises(CannotUndo, match="the former key is gone"):
        STEP.undo(at, wanted, before, Change(Verb.REPLACE, "certificate x"))
    with pytest.raises(CannotUndo, match="is not known any more"):
        STEP.undo(at, wanted, before, Change(Verb.UPDATE, "file x", "content"))


def test_what_comes_from_the_site_is_no_parameter_to_be_shown(at: Host) -> None:
    wanted = want(at)
    assert wanted.ca_identity == at.authority.identity
    assert not {name for name in wanted.model_dump() if name.startswith("ca_")}


def test_names_that_nobody_gave_come_from_the_definition(at: Host) -> None:
    """Whoever asks for a certificate asks for the same names: else two workflows would exchange it in turns."""
    site, node = make("site", "clustersite", {"domain": "example.test"}), make("node", "dh01", {"ip": "192.0.2.11"})
    definitions = Definitions([site, node])
    given = CertificateParams.model_validate({"common_name": "dh01"})
    wanted = STEP.prepare(given, Desk(at.site, definitions=definitions))
    assert wanted.names == ("dh01", "dh01.example.test", "localhost")
    assert wanted.addresses == ("192.0.2.11", "127.0.0.1")
    desk = Desk(at.site, definitions=definitions)
    ours = dict(setupdockerhost_parts((), desk)[0].with_)
    assert STEP.prepare(CertificateParams.model_validate(ours), desk) == wanted
    with pytest.raises(InvalidInput, match='certificate of "dh 1": expected a host name, found "dh 1"'):
        STEP.prepare(given, Desk(at.site, node="dh 1"))


def test_a_directory_that_others_may_write_gets_no_key(at: Host) -> None:
    wanted = want(at)
    folder = Path(wanted.directory)
    folder.mkdir(parents=True)
    folder.chmod(0o775)
    with pytest.raises(ActFailed, match=r"is not root's, or others may write there: chown root"):
        at.converge(STEP, wanted)
    assert not list(folder.iterdir())


def test_a_certificate_from_a_time_to_come_is_made_anew(at: Host) -> None:
    """The clock was ahead when it was issued."""
    wanted = want(at)
    at.converge(STEP, wanted)
    seen = at.look(STEP, wanted)
    assert seen is not None
    early = replace(seen, now=seen.now - timedelta(days=2))
    (change,) = STEP.plan(early, wanted)
    assert change.why is not None
    assert change.why.startswith("it is not good before ")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"common_name": ""}, "common_name\n  Field required"),
        ({"common_name": "x" * 65}, "at most 64 characters"),
        ({"names": ["", ""], "addresses": ["", " "]}, 'expected "names" or "addresses" that it is good for, found neither'),
        ({"names": ["192.0.2.1"]}, 'expected a host name, found "192.0.2.1": addresses belong to "addresses"'),
        ({"names": ["a b"]}, 'expected a host name, found "a b"'),
        ({"addresses": ["host01"]}, "expected IP addresses: 'host01' does not appear to be an IPv4 or IPv6 address"),
        ({"days": 30}, 'make "days" larger than "renew_before_days"'),
        ({"days": 0}, "greater than or equal to 1"),
        ({"directory": "tls"}, 'expected an absolute path, found "tls"'),
    ],
)  # fmt: skip
def test_params_that_make_no_sense(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CertificateParams.model_validate({"common_name": "h", "names": ["h"], **params})


def test_lists_may_be_text_and_empty_items_are_left_out() -> None:
    given = CertificateParams.model_validate(
        {"common_name": "h", "names": "h, ,h.example.org,H", "addresses": ["", "::0001"], "days": ""}
    )
    assert (given.names, given.addresses, given.days) == (("h", "h.example.org"), ("::1",), 825)
