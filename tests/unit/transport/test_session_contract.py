"""What every shell session keeps: the adapter with a real sshd behind it, and the tests' own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.session import LocalSession
from tests.fakes.sshd import hosts, no_sshd
from xcatflow.errors import DeadlineExceeded
from xcatflow.transport.protocols import ShellSession


@pytest.fixture(scope="module", params=["fake", "sshd"])
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShellSession]:
    if request.param == "fake":
        yield LocalSession("host01")
        return
    if why := no_sshd():
        pytest.skip(why)
    directory: Path = tmp_path_factory.mktemp("contract")
    with hosts(directory) as found:
        opened = found.session()
        yield opened
        opened.close()


def test_looks_have_a_reply_each_in_order(session: ShellSession) -> None:
    replies = session.ask(["echo one", "echo two >&2; exit 3", "printf three", ":"], timeout_s=10)
    assert [reply.code for reply in replies] == [0, 3, 0, 0]
    assert [reply.out for reply in replies] == [b"one\n", b"", b"three", b""]
    assert [reply.err for reply in replies] == [b"", b"two\n", b"", b""]
    assert session.ask([], timeout_s=10) == ()


def test_looks_do_not_see_each_other(session: ShellSession) -> None:
    replies = session.ask(["x=1; cd /tmp; exit 7", 'echo "${x-unset}" "$PWD"', "cat; echo end"], timeout_s=10)
    assert [reply.out for reply in replies] == [b"", b"unset /\n", b"end\n"]


def test_scripts_are_taken_literally(session: ShellSession) -> None:
    texts = ["it's", '"', "$HOME", "a\\b", "ä€", "line\nbreak", "`id`", "!x", "%s"]
    replies = session.ask([f"cat <<'XX'\n{text}\nXX" for text in texts], timeout_s=10)
    assert [reply.out.decode() for reply in replies] == [f"{text}\n" for text in texts]


def test_a_script_that_does_not_parse_fails_alone(session: ShellSession) -> None:
    broken, well = session.ask(["echo 'open", "echo well"], timeout_s=10)
    assert broken.code != 0
    assert broken.err
    assert well.out == b"well\n"
    assert session.act("if", timeout_s=10).code != 0
    assert session.act("echo well", timeout_s=10).out == b"well\n"


def test_an_act_has_status_output_and_input(session: ShellSession) -> None:
    everything = bytes(range(256)) * 40
    reply = session.act("cat; echo oops >&2; exit 9", stdin=everything, timeout_s=10)
    assert (reply.code, reply.out, reply.err) == (9, everything, b"oops\n")
    assert session.act("cat", timeout_s=10).out == b""


def test_much_input_arrives_whole_or_not_at_all(session: ShellSession) -> None:
    much = os.urandom(3_000_000)
    reply = session.act("cat; echo oops >&2; exit 9", stdin=much, timeout_s=30)
    assert (reply.code, reply.out == much, reply.err) == (9, True, b"oops\n")
    assert session.act("exit 3", stdin=much, timeout_s=30).code == 3
    with pytest.raises(DeadlineExceeded):
        session.act("sleep 64", stdin=b"\nexit 1\n" * 100_000, timeout_s=0.5)
    assert session.act("wc -c", stdin=much, timeout_s=30).text.strip() == "3000000"


def test_the_environment_is_plain(session: ShellSession) -> None:
    (reply,) = session.ask(['echo "$LC_ALL $PWD $(id -u)"; command -v ip >/dev/null || command -v sh'], timeout_s=10)
    assert reply.text.split()[:2] == ["C", "/"]


def test_an_act_that_does_not_end_is_ended_and_the_session_goes_on(session: ShellSession) -> None:
    own = os.getpid()  # the same test may run beside this one, with another session
    with pytest.raises(DeadlineExceeded, match=r"host01: it did not end within 0.5 s"):
        session.act(f"sleep 61.{own} & sleep 62.{own}", timeout_s=0.5)
    left = session.act(f"ps -eo stat,args | grep '[s]leep 6[12].{own}$' | grep -v ^Z || echo none", timeout_s=10)
    assert left.text == "none"


def test_a_look_that_does_not_end_is_ended_and_the_session_goes_on(session: ShellSession) -> None:
    with pytest.raises(DeadlineExceeded):
        session.ask(["echo before", "sleep 63"], timeout_s=0.5)
    assert session.ask(["echo after"], timeout_s=10)[0].out == b"after\n"


def test_much_output_arrives_whole(session: ShellSession) -> None:
    count = 6_000_000
    reply = session.act(f"head -c {count} /dev/zero | tr '\\0' x; head -c {count} /dev/zero >&2", timeout_s=60)
    assert reply.out == b"x" * count
    assert reply.err == b"\0" * count
