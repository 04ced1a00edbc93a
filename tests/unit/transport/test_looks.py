"""Looks for real: the scripts are run by every POSIX shell that is here, on files made for it."""

import os
import shutil
import stat
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.target import SYSTEM_PATH, LocalTarget, tools
from xcatflow.errors import CannotTell, InvalidInput
from xcatflow.model.question import (
    Certificate,
    Container,
    File,
    FileFacts,
    Package,
    Port,
    Question,
    Reply,
    Shell,
    Unit,
    UnitFacts,
)
from xcatflow.transport.looks import sections

APPLETS = ("stat", "sha256sum", "readlink", "head", "base64", "grep")
SHELLS = {
    "sh": ("sh",),
    "dash": ("dash",),
    "bash": ("bash",),
    "bash --posix": ("bash", "--posix"),
    "busybox": ("busybox", "sh"),
}


@pytest.fixture(params=[name for name, command in SHELLS.items() if shutil.which(command[0])])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> LocalTarget:
    path = SYSTEM_PATH
    if request.param == "busybox":
        busybox = shutil.which("busybox") or ""
        path = tools(tmp_path / "applets", ("busybox",), **{name: f'exec {busybox} {name} "$@"' for name in APPLETS})
    return LocalTarget(shell=SHELLS[request.param], path=path)


def ask(machine: LocalTarget, *questions: Question[Any]) -> Mapping[Question[Any], Any]:
    given: dict[Question[Any], Any] = {}
    for section in sections(questions):
        given.update(section.parse(machine.reply(section.script), lambda pem: pem))  # type: ignore[arg-type, return-value]
    return given


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


STRANGE = [
    "plain",
    "with blank",
    "quo'te",
    'double"quote',
    "$HOME `id` $(id)",
    "back\\slash",
    "st*r?[x]",
    "-dash",
    "ünï",
    "a:b",
    "#x",
    "@y",
]


def test_files_with_any_name_are_seen_with_their_content(machine: LocalTarget, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in STRANGE]
    for path in paths:
        path.write_bytes(f"{path.name}\n".encode() + b"two\0\xff")
        path.chmod(0o4750)
    given = ask(machine, *(File(str(path), "") for path in paths))
    for path in paths:
        data = path.read_bytes()
        assert given[File(str(path), "")] == FileFacts(
            sort="file",
            mode=0o4750,
            owner=path.owner(),
            group=path.group(),
            size_bytes=len(data),
            sha256=digest(data),
            content=data,
            uid=path.stat().st_uid,
            gid=path.stat().st_gid,
        )


def test_content_comes_only_where_it_is_asked_for_and_differs(machine: LocalTarget, tmp_path: Path) -> None:
    for name in ("a", "b", "back\\slash"):
        (tmp_path / name).write_text(f"text of {name}")
    a, b, c = (str(tmp_path / name) for name in ("a", "b", "back\\slash"))
    same, other, never, always = File(a, digest(b"text of a")), File(a, digest(b"?")), File(a), File(b, "")
    slash = File(c, digest(b"text of back\\slash"))
    given = ask(machine, same, other, never, always, slash)
    assert [given[q].content for q in (same, other, never, always, slash)] == [
        None,
        b"text of a",
        None,
        b"text of b",
        None,
    ]
    assert {given[q].sha256 for q in (same, other, never)} == {digest(b"text of a")}


def test_a_prefix_of_another_path_is_not_mistaken_for_it(machine: LocalTarget, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "ab").write_text("new")
    short, long = File(str(tmp_path / "a"), digest(b"new")), File(str(tmp_path / "ab"), digest(b"new"))
    given = ask(machine, long, short)
    assert (given[short].content, given[long].content) == (b"old", None)


def test_large_content_stays_where_it_is(machine: LocalTarget, tmp_path: Path) -> None:
    (tmp_path / "limit").write_bytes(b"x" * 262144)
    (tmp_path / "beyond").write_bytes(b"x" * 262145)
    limit, beyond = File(str(tmp_path / "limit"), ""), File(str(tmp_path / "beyond"), "")
    given = ask(machine, limit, beyond)
    assert len(given[limit].content) == 262144
    assert given[beyond].content is None
    assert given[beyond].sha256 == digest(b"x" * 262145)


def test_absent_is_a_value(machine: LocalTarget, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    absent = [File(str(tmp_path / "no")), File(str(tmp_path / "file" / "below")), File(str(tmp_path / "n o'"), "")]
    there = File(str(tmp_path / "file"), "")
    given = ask(machine, *absent, there)
    assert [given[q] for q in absent] == [None, None, None]
    assert given[there].content == b""
    assert given[there].sha256 == digest(b"")


def test_links_directories_and_others(machine: LocalTarget, tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to("no where")
    (tmp_path / "link2").symlink_to(tmp_path / "dir")
    os.mkfifo(tmp_path / "pipe", 0o600)
    questions = [File(str(tmp_path / name), "") for name in ("dir", "link", "link2", "pipe")]
    given = ask(machine, *questions)
    assert [given[q].sort for q in questions] == ["directory", "link", "link", "other"]
    assert [given[q].link for q in questions] == [None, "no where", str(tmp_path / "dir"), None]
    assert {given[q].sha256 for q in questions} == {None}
    assert given[questions[0]].mode == stat.S_IMODE((tmp_path / "dir").stat().st_mode)


def test_only_links(machine: LocalTarget, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("#target")
    question = File(str(tmp_path / "link"))
    assert ask(machine, question)[question].link == "#target"


@pytest.mark.parametrize("path", ["/a\nb", "relative", "/nul\0", ""])
def test_a_path_that_cannot_be_asked_about_is_refused_alone(machine: LocalTarget, tmp_path: Path, path: str) -> None:
    (tmp_path / "good").write_text("x")
    good, cert = File(str(tmp_path / "good")), Certificate(str(tmp_path / "good"))
    given = ask(machine, File(path), good, Certificate(path), cert)
    assert isinstance(given[File(path)], InvalidInput)
    assert isinstance(given[Certificate(path)], InvalidInput)
    assert given[good].size_bytes == 1
    assert given[cert] == "x"
    assert isinstance(ask(machine, File(path))[File(path)], InvalidInput)


def test_files_cost_two_processes_however_many(tmp_path: Path) -> None:
    log = tmp_path / "log"
    counted = {name: f'echo {name} >>{log}; exec {shutil.which(name)} "$@"' for name in APPLETS}
    machine = LocalTarget(path=tools(tmp_path / "bin", **counted))
    for number in range(40):
        (tmp_path / f"file{number}").write_text(str(number))
        (tmp_path / f"dir{number}").mkdir()
    files = [File(str(tmp_path / f"file{number}"), digest(str(number).encode())) for number in range(40)]
    directories = [File(str(tmp_path / f"dir{number}")) for number in range(40)]
    missing = [File(str(tmp_path / f"no{number}"), "") for number in range(40)]
    present = [File(file.path, digest=False) for file in files]
    given = ask(machine, *present, *directories, *missing)
    assert log.read_text().split() == ["stat"]
    assert {(given[file].sort, given[file].sha256) for file in present} == {("file", None)}
    log.write_text("")
    ask(machine, *files, *directories, *missing)
    assert log.read_text().split() == ["stat", "sha256sum"]


def test_a_file_of_which_one_asks_whether_it_is_there_may_be_asked_for_its_content_by_another(
    machine: LocalTarget, tmp_path: Path
) -> None:
    for name in ("both", "one"):
        (tmp_path / name).write_text(name)
    both, one = str(tmp_path / "both"), str(tmp_path / "one")
    given = ask(machine, File(one, digest=False), File(both, digest=False), File(both, ""))
    assert (given[File(both, "")].content, given[File(both, "")].sha256) == (b"both", digest(b"both"))
    assert given[File(both, digest=False)].content is None
    assert (given[File(one, digest=False)].size_bytes, given[File(one, digest=False)].sha256) == (3, None)


def test_no_telling_without_the_tools(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    question = File(str(tmp_path / "file"))
    without_stat = LocalTarget(path=tools(tmp_path / "empty"))
    assert "not found" in str(ask(without_stat, question)[question])
    assert isinstance(ask(without_stat, question)[question], CannotTell)
    only_stat = LocalTarget(path=tools(tmp_path / "stat", ("stat",)))
    assert str(ask(only_stat, question)[question]) == f'cannot read the file "{tmp_path / "file"}"'


def test_content_that_does_not_fit_its_digest_is_no_telling(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    question = File(str(tmp_path / "file"), "")
    without = LocalTarget(path=tools(tmp_path / "bin", ("stat", "sha256sum", "base64")))
    assert str(ask(without, question)[question]).startswith(f'cannot read the content of "{tmp_path / "file"}"')


def test_denied_is_no_telling() -> None:
    (section,) = sections([File("/a"), File("/b"), File("/c")])
    reply = Reply(
        1,
        b"=81a4 0 0 1 root root /b\n#\naaaa  /b\n\n#\n#\n",
        b"stat: cannot statx '/a': Permission denied\nstat: cannot statx '/c': No such file or directory\n",
    )
    given: Mapping[Any, Any] = section.parse(reply, lambda pem: None)
    assert str(given[File("/a")]) == "cannot look at \"/a\": stat: cannot statx '/a': Permission denied"
    assert given[File("/b")].sha256 == "aaaa"
    assert given[File("/c")] is None


def test_unmatched_complaints_are_no_telling() -> None:
    (section,) = sections([File("/a"), File("/b")])
    given = section.parse(Reply(1, b"", b"stat: cannot statx '/a': No such file or directory\n"), lambda pem: None)
    assert isinstance(given[File("/a")], CannotTell)
    assert isinstance(given[File("/b")], CannotTell)


def test_an_unreadable_link_is_no_telling() -> None:
    (section,) = sections([File("/a")])
    given = section.parse(Reply(0, b"=a1ff 0 0 1 UNKNOWN UNKNOWN /a\n#\n#\n#\n"), lambda pem: None)
    assert str(given[File("/a")]) == 'cannot read where the link "/a" points to'


def test_owners_without_a_name_are_numbers() -> None:
    (section,) = sections([File("/d")])
    given: Mapping[Any, Any] = section.parse(
        Reply(0, b"=41ed 1234 99 4096 UNKNOWN UNKNOWN /d\n#\n#\n#\n"), lambda pem: None
    )
    assert (given[File("/d")].owner, given[File("/d")].group) == ("1234", "99")


def test_certificates_are_read_by_one_process(machine: LocalTarget, tmp_path: Path) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
    (tmp_path / "a").write_text(pem + "\n")
    (tmp_path / "a:b").write_text("other")
    (tmp_path / "empty").write_text("")
    questions = [Certificate(str(tmp_path / name)) for name in ("a", "a:b", "empty", "no")]
    assert len(sections(questions)) == 1
    given = ask(machine, *questions)
    assert [given[q] for q in questions] == [pem, "other", None, None]


def test_a_certificate_that_cannot_be_read() -> None:
    questions = [Certificate("/a"), Certificate("/b"), Certificate("/c")]
    (section,) = sections(questions)
    said = b"grep: /a: Permission denied\ngrep: /b: No such file or directory\n"
    given = section.parse(Reply(2, b"", said), lambda pem: None)
    assert str(given[questions[0]]) == 'cannot read the certificate "/a": grep: /a: Permission denied'
    assert given[questions[1]] is None
    assert given[questions[2]] is None
    given = section.parse(Reply(127, b"", b"sh: 1: grep: not found\n"), lambda pem: None)
    assert all(isinstance(given[question], CannotTell) for question in questions)


def test_a_shell_question_is_a_section_of_its_own(machine: LocalTarget) -> None:
    one, two = Shell("echo one; echo err >&2; exit 3"), Shell("cat; echo two # comment")
    given = ask(machine, one, two, one)
    assert given == {one: Reply(3, b"one\n", b"err\n"), two: Reply(0, b"two\n")}
    assert [section.questions for section in sections([one, two, one])] == [(one,), (two,)]


def test_questions_of_a_class_share_a_section() -> None:
    questions = [
        File("/a"),
        Unit("a.service"),
        File("/b"),
        Package("x"),
        Unit("b.service"),
        Package("y"),
        Certificate("/c"),
    ]
    assert [len(section.questions) for section in sections(questions)] == [2, 2, 2, 1]


@pytest.mark.parametrize("question", [Container("c"), Port("h", 1)])
def test_what_no_shell_answers_is_a_bug(question: Question[Any]) -> None:
    with pytest.raises(TypeError, match="no shell answers"):
        sections([question])


UNITS = b"""Id=docker.service
LoadState=loaded
ActiveState=active
UnitFileState=enabled

Id=no.service
LoadState=not-found
ActiveState=inactive

LoadState=masked
ActiveState=inactive
UnitFileState=masked
"""


def test_units_in_the_order_of_their_names(tmp_path: Path) -> None:
    log = tmp_path / "log"
    (tmp_path / "answer").write_bytes(UNITS)
    path = tools(tmp_path / "bin", ("cat",), systemctl=f'echo "$@" >>{log}; cat {tmp_path}/answer')
    units = [Unit(name) for name in ("docker.service", "no.service", "m@x.socket")]
    given = ask(LocalTarget(path=path), *units, Unit("a b.service"), Unit("*.service"))
    assert log.read_text() == "show -p Id,LoadState,ActiveState,UnitFileState -- docker.service no.service m@x.socket\n"
    assert [given[unit] for unit in units] == [
        UnitFacts("loaded", "active", "enabled"),
        None,
        UnitFacts("masked", "inactive", "masked"),
    ]
    assert isinstance(given[Unit("a b.service")], InvalidInput)
    assert isinstance(given[Unit("*.service")], InvalidInput)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(127, b"", b"sh: systemctl: not found"), "the machine has no systemd"),
        (Reply(1, b"", b"System has not been booted with systemd\nmore"), "System has not been booted with systemd"),
        (Reply(0, b"LoadState=loaded\n\nLoadState=loaded\n"), "systemctl gave an unexpected answer (status 0)"),
    ],
)
def test_no_telling_about_units(reply: Reply, message: str) -> None:
    (section,) = sections([Unit("a.service")])
    answer = section.parse(reply, lambda pem: None)[Unit("a.service")]
    assert isinstance(answer, CannotTell)
    assert str(answer) == f'cannot tell about unit "a.service": {message}'


def test_a_unit_without_load_state_is_no_telling() -> None:
    (section,) = sections([Unit("a.service")])
    assert isinstance(section.parse(Reply(0, b"Id=a.service\n"), lambda pem: None)[Unit("a.service")], CannotTell)


def test_nothing_is_run_for_names_that_are_none() -> None:
    assert [section.script for section in sections([Unit("*"), Package("a*"), Certificate("x"), File("x")])] == [
        ":"
    ] * 4
