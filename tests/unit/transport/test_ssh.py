"""SSH as it is met: host keys, logins, jump hosts, lost connections, against a real sshd."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.sshd import HOSTS, Hosts, hosts, no_sshd
from tests.fakes.target import tools
from xcatflow.errors import ActFailed, InvalidInput, Unreachable
from xcatflow.transport.ssh import _AS_ROOT
from xcatflow.transport.ssh_connect import SshTimeouts, _split_port, quick

needs_sshd = pytest.mark.skipif(bool(no_sshd()), reason=no_sshd())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with hosts(tmp_path_factory.mktemp("ssh")) as found:
        yield found


@pytest.fixture
def lan(served: Hosts) -> Hosts:
    served.write()
    return served


def fresh_key(directory: Path) -> str:
    """Another host key: sort and key."""
    path = directory / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


@needs_sshd
def test_one_connection_serves_a_whole_run(lan: Hosts) -> None:
    session = lan.session()
    session.ask(["true"], timeout_s=10)
    session.act("true", timeout_s=10)
    session.act("true", timeout_s=10)
    session.close()
    assert session._traffic.per_target == {"host01": {"ssh_connections": 1, "ssh_round_trips": 3}}


@needs_sshd
def test_a_session_that_was_closed_opens_another_connection(lan: Hosts) -> None:
    session = lan.session()
    first = session.act("echo $SSH_CONNECTION", timeout_s=10).text
    session.close()
    assert session.act("echo $SSH_CONNECTION", timeout_s=10).text != first
    session.close()
    assert session._traffic.ssh_connections == 2


@needs_sshd
def test_fifty_megabytes(lan: Hosts) -> None:
    session = lan.session()
    (reply,) = session.ask(["head -c 50000000 /dev/zero"], timeout_s=120)
    assert len(reply.out) == 50_000_000
    session.close()


@needs_sshd
def test_a_look_is_asked_again_when_the_shell_was_lost_an_act_is_not(lan: Hosts) -> None:
    session = lan.session()
    shell = session.ask(["echo $$"], timeout_s=10)[0].text
    os.kill(int(shell), 9)  # a process this test started
    assert session.ask(["echo again"], timeout_s=10)[0].text == "again"
    server = session.ask(["echo $PPID"], timeout_s=10)[0].text
    with pytest.raises(
        ActFailed, match="the connection to host01 was lost while an act ran; whether it was done is unknown"
    ):
        session.act(f"kill -9 {server}; sleep 2", timeout_s=20)
    assert session.act("echo well", timeout_s=10).text == "well"
    with pytest.raises(Unreachable, match='the connection to "host01" was lost'):
        session.ask(["kill -9 $PPID"], timeout_s=10)
    session.close()


@needs_sshd
def test_cancel_ends_what_runs_there(lan: Hosts) -> None:
    session = lan.session()
    session.ask(["true"], timeout_s=10)
    failures: list[Exception] = []

    def act() -> None:
        try:
            session.act("trap '' TERM; sleep 64", timeout_s=60)
        except ActFailed as error:
            failures.append(error)

    thread = threading.Thread(target=act)
    thread.start()
    _await(lambda: running("sleep 64"))
    session.cancel()
    thread.join(10)
    assert [str(error) for error in failures] == ["host01: interrupted while it ran, and ended there"]
    _await(lambda: not running("sleep 64"))
    with pytest.raises(Unreachable, match="the run was interrupted"):
        session.ask(["true"], timeout_s=10)
    session.close()


@needs_sshd
def test_an_unknown_host_key_is_refused_and_nothing_written(lan: Hosts) -> None:
    lan.write(known="")
    with pytest.raises(Unreachable) as caught:
        lan.session().ask(["true"], timeout_s=10)
    assert 'cannot connect to "host01" ([127.0.1.1]' in str(caught.value)
    assert "its host key is not known: found SHA256:" in str(caught.value)
    assert str(lan.known) in str(caught.value)
    assert lan.known.read_text() == ""


@needs_sshd
def test_accept_new_adds_the_key_and_then_holds_it_against_the_host(lan: Hosts, tmp_path: Path) -> None:
    lan.write(known="# no line break at the end")
    lan.session(connector=lan.connector(accept_new=True)).ask(["true"], timeout_s=10)
    assert lan.known.read_text() == (
        f"# no line break at the end\n[127.0.1.1]:{lan.sshd.port},[host01]:{lan.sshd.port} {lan.sshd.host_key}\n"
    )
    lan.session().ask(["true"], timeout_s=10)
    lan.write(known=f"[host01]:{lan.sshd.port} {fresh_key(tmp_path)}\n")
    with pytest.raises(
        Unreachable, match=r"its host key is not the known one: expected SHA256:\S+ \(\S+known_hosts:1\), found"
    ):
        lan.session(connector=lan.connector(accept_new=True)).ask(["true"], timeout_s=10)


@needs_sshd
def test_any_of_several_known_keys_will_do_but_no_revoked_one(lan: Hosts, tmp_path: Path) -> None:
    names = f"[host01]:{lan.sshd.port}"
    other = fresh_key(tmp_path)
    lan.write(known=f"{names} {other}\n{names} {lan.sshd.host_key}\n")
    lan.session().ask(["true"], timeout_s=10)
    lan.write(known=f"{names} {lan.sshd.host_key}\n@revoked * {lan.sshd.host_key}\n")
    with pytest.raises(Unreachable, match=r"is marked as revoked at \S+known_hosts:2"):
        lan.session().ask(["true"], timeout_s=10)


@needs_sshd
def test_a_host_key_alias_and_known_hosts_of_the_configuration(lan: Hosts, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.write_text(f"rack7 {lan.sshd.host_key}\n")
    lan.write(config=f"Host host01\n  HostKeyAlias rack7\n  UserKnownHostsFile {more}\n", known="")
    lan.session().ask(["true"], timeout_s=10)


@needs_sshd
def test_logins_that_are_refused(lan: Hosts, tmp_path: Path) -> None:
    fresh_key(tmp_path)
    lan.write()
    lan.config.write_text(lan.config.read_text().replace(str(lan.sshd.key), str(tmp_path / "other")))
    with pytest.raises(Unreachable, match=r'it does not let "root" in with our keys: put the public key'):
        lan.session().ask(["true"], timeout_s=10)
    lan.config.write_text(lan.config.read_text().replace(str(tmp_path / "other"), str(tmp_path / "absent")))
    with pytest.raises(Unreachable, match="there is no key to log in with: name an IdentityFile"):
        lan.session().ask(["true"], timeout_s=10)
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(locked)], check=True)
    lan.config.write_text(lan.config.read_text().replace(str(tmp_path / "absent"), str(locked)))
    with pytest.raises(Unreachable, match="protected by a passphrase: add it to ssh-agent"):
        lan.session().ask(["true"], timeout_s=10)


def test_nobody_there(tmp_path: Path) -> None:
    found = Hosts(sshd=None, directory=tmp_path)  # type: ignore[arg-type]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        found.config.write_text(f"Host *\n  HostName 127.0.0.1\n  Port {port}\n")
        with pytest.raises(Unreachable, match="what listens there does not greet as an SSH server in time"):
            found.session(connector=found.connector(timeouts=SshTimeouts(greeting_s=0.3))).ask(["true"], timeout_s=10)
    with pytest.raises(Unreachable, match=r'cannot connect to "host01" .*over SSH: connection refused'):
        found.session().ask(["true"], timeout_s=10)
    found.config.write_text("Host *\n  HostName no-such-name.invalid\n")
    with pytest.raises(Unreachable, match="its name has no address: set its ip"):
        found.session().ask(["true"], timeout_s=10)


@needs_sshd
def test_jump_hosts_are_checked_and_shared(lan: Hosts) -> None:
    config = "Host host0*\n  ProxyJump root@jump\n"
    lan.write(config=config)
    connector = lan.connector()
    for name in ("host01", "host02", "host03"):
        session = lan.session(name, connector)
        assert session.ask(["echo ${SSH_CONNECTION%% *}"], timeout_s=10)[0].text.startswith("127.")
        session.close()
    assert list(connector._jumps) == [("root@jump",)]
    connector.close()
    lan.write(config=config, known=f"[127.0.1.1]:{lan.sshd.port} {lan.sshd.host_key}\n")
    with pytest.raises(Unreachable, match=r'"jump" \(\[127.0.1.9\].*host key is not known'):
        lan.session().ask(["true"], timeout_s=10)


@needs_sshd
def test_a_jump_host_that_lets_nobody_in_is_not_tried_again_at_once(lan: Hosts) -> None:
    lan.write(config="Host host0*\n  ProxyJump nobody@jump\n")
    connector = lan.connector()
    tried: list[str] = []
    opened = connector._open
    connector._open = lambda spec, **more: (tried.append(spec), opened(spec, **more))[1]  # type: ignore[method-assign]
    for name in ("host01", "host02", "host03"):
        with pytest.raises(Unreachable, match=r'cannot connect to "jump".*does not let "nobody" in'):
            lan.session(name, connector).ask(["true"], timeout_s=10)
    assert tried == ["host01", "nobody@jump", "host02", "host03"]


@needs_sshd
def test_what_was_refused_leaves_nothing_open(lan: Hosts) -> None:
    lan.write(config="Host host02\n  User nobody\n", known=f"[127.0.1.2]:{lan.sshd.port} {lan.sshd.host_key}\n")
    connector = lan.connector()

    def refused() -> int:
        for name, why in (("host01", "host key is not known"), ("host02", 'does not let "nobody" in')):
            with pytest.raises(Unreachable, match=why):
                lan.session(name, connector).ask(["true"], timeout_s=10)
        return len(list(Path("/proc/self/fd").iterdir()))

    before = refused()
    _await(lambda: refused() <= before)


@needs_sshd
def test_jumps_in_a_row_and_in_a_ring(lan: Hosts) -> None:
    lan.write(config="Host host01\n  ProxyJump host02,jump\nHost host02\n  ProxyJump host03\n")
    session = lan.session()
    assert session.ask(["echo there"], timeout_s=10)[0].text == "there"
    session.close()
    lan.write(config="Host host01\n  ProxyJump host02\nHost host02\n  ProxyJump host01\n")
    with pytest.raises(InvalidInput, match="more than 8 jump hosts"):
        lan.session().ask(["true"], timeout_s=10)


@needs_sshd
def test_a_proxy_command_gets_the_address(lan: Hosts, tmp_path: Path) -> None:
    relay = tmp_path / "relay.py"
    relay.write_text(
        "import socket, sys, threading, os\n"
        "s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def back():\n"
        "    while data := s.recv(65536):\n"
        "        os.write(1, data)\n"
        "threading.Thread(target=back, daemon=True).start()\n"
        "while data := os.read(0, 65536):\n"
        "    s.sendall(data)\n"
    )
    lan.write(config=f"Host host01\n  ProxyCommand {sys.executable} {relay} %h %p\n")
    session = lan.session()
    assert session.ask(["echo through"], timeout_s=20)[0].text == "through"
    session.close()


def test_a_configuration_that_cannot_be_used(tmp_path: Path) -> None:
    found = Hosts(sshd=None, directory=tmp_path)  # type: ignore[arg-type]
    found.config.write_text("Match exec\n  User root\n")
    with pytest.raises((InvalidInput, Unreachable), match="config"):
        found.session().ask(["true"], timeout_s=10)


def test_users_other_than_root_become_root_by_sudo(tmp_path: Path) -> None:
    path = tools(
        tmp_path / "bin", ["sh", "cat"], id="echo 1000", sudo='[ "$*" = "-n -- /bin/sh -s" ] && shift 2 && exec "$@"'
    )
    shell = shutil.which("sh") or "/bin/sh"
    environment = {"PATH": path}
    for login in (shell, shutil.which("bash") or shell):
        done = subprocess.run(
            [login, "-c", _AS_ROOT],
            input="echo as $0 $1\n",
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        )
        assert done.stdout == "as /bin/sh\n"
    tools(tmp_path / "bin", sudo="echo 'sudo: a password is required' >&2; exit 1")
    done = subprocess.run(
        [shell, "-c", _AS_ROOT], input="", capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (1, "sudo: a password is required\n")


def test_sockets_send_and_acknowledge_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as near:
        quick(near, 7)
        assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("a", "a", None),
        ("a:22", "a", 22),
        ("[fd00::1]:23", "fd00::1", 23),
        ("[fd00::1]", "fd00::1", None),
        ("fd00::1", "fd00::1", None),
    ],
)
def test_ports_of_jump_hosts(text: str, host: str, port: int | None) -> None:
    assert _split_port(text, None) == (host, port)


def test_every_host_has_an_address_of_its_own() -> None:
    assert len(set(HOSTS.values())) == len(HOSTS)


def running(words: str) -> bool:
    done = subprocess.run(["ps", "-eo", "stat,args"], capture_output=True, text=True, check=True)
    return any(line.split(None, 1)[1] == words and not line.startswith("Z") for line in done.stdout.splitlines()[1:])


def _await(holds: object, limit_s: float = 10) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)
