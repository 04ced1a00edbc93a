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
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Question, Reply
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

    @property
    def authority(self) -> SiteAuthority:
        return SiteAuthority(self.site)

    def run(self, script: str, *, stdin: bytes = b"", timeout_s: float | None = None, check: bool = True) -> Reply:
        self.given.append(stdin)
        return super().run(script, stdin=stdin[: self.cut], timeout_s=timeout_s, check=check)

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
    assert found["ca.pem"][0] == at.authority.certificate
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


def test_the_key_is_seen_by_nobody(at: Host, tmp_path: Path) -> None:
    seen, rights = tmp_path / "seen", tmp_path / "rights"
    watch = f"""cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ >{seen} 2>/dev/null
stat -c '%a %n' "$4" "${{4%/*}}" >{rights}
exec {shutil.which("mv")} "$@\""""
    at.path = f"{tools(tmp_path / 'bin', mv=watch)}:{SYSTEM_PATH}"
    wanted = want(at)
    changes = at.converge(STEP, wanted)
    key = files(wanted)["key.pem"][0]
    secret = key.splitlines()[1]
    assert len(secret) > 50
    assert secret.encode() in at.given[0]
    assert secret not in seen.read_text(errors="replace")
    assert secret not in "".join([*at.scripts, *map(repr, changes), repr(wanted), repr(at.look(STEP, wanted))])
    stage = f"{wanted.directory}/.xcatflow-new"
    assert rights.read_text() == f"600 {stage}/key.pem\n700 {stage}\n"


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
    assert files(want(at))["ca.pem"][0] == at.authority.certificate


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
        f"update file {folder}/ca.pem content (it is not the site's CA)",
        f"update file {folder}/cert.pem mode: 0600 -> 0644",
    ]
    assert files(wanted) == before
    (folder / "ca.pem").unlink()
    assert [str(change) for change in at.converge(STEP, wanted)] == [
        f"create file {folder}/ca.pem content: the site's CA"
    ]
    assert files(wanted) == before


@pytest.mark.parametrize("cut", [0, 100, 900, -3])
def test_a_connection_that_breaks_leaves_the_old_pair(at: Host, cut: int) -> None:
    wanted = want(at)
    at.converge(STEP, wanted)
    before = files(wanted)
    at.cut = cut
    with pytest.raises(
        ActFailed, match=r'cannot put the certificate of "host01" into .*: the certificate did not arrive'
    ):
        at.converge(STEP, want(at, addresses="192.0.2.12"))
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
