"""SSH configuration files put together: order, and what is included."""

from pathlib import Path

import paramiko
import pytest

from xcatflow.errors import InvalidInput
from xcatflow.transport.ssh_config import config_text


def values(host: str, *files: Path) -> dict[str, str]:
    return dict(paramiko.SSHConfig.from_text(config_text(files)).lookup(host))


def test_the_first_file_counts_most_and_absent_ones_nothing(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("Host host0*\n  User root\n")
    (tmp_path / "user").write_text("User admin\nPort 2222\nHost other\n  Port 3\n")
    found = values("host01", tmp_path / "site", tmp_path / "absent", tmp_path / "user")
    assert (found["user"], found["port"]) == ("root", "2222")
    assert values("other", tmp_path / "site", tmp_path / "user")["user"] == "admin"


def test_lines_before_the_first_host_are_not_swallowed_by_the_file_before(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("Host host01\n  User root\n")
    (tmp_path / "user").write_text("Port 2222\n")
    assert values("elsewhere", tmp_path / "site", tmp_path / "user")["port"] == "2222"


@pytest.mark.parametrize(
    "line", ["Include conf.d/*", "include=conf.d/a conf.d/b", 'Include "{here}/conf.d/a" {here}/conf.d/b']
)
def test_includes(tmp_path: Path, line: str) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a").write_text("Host host01\n  User root\n")
    (tmp_path / "conf.d" / "b").write_text("Host host02\n  User toor\n")
    (tmp_path / "config").write_text(f"Host host0*\n  {line.format(here=tmp_path)}\n  Port 2222\n")
    assert (values("host01", tmp_path / "config")["user"], values("host01", tmp_path / "config")["port"]) == (
        "root",
        "2222",
    )
    assert (values("host02", tmp_path / "config")["user"], values("host02", tmp_path / "config")["port"]) == (
        "toor",
        "2222",
    )
    assert "port" not in values("other", tmp_path / "config")


def test_a_file_that_includes_itself(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Include config\n")
    with pytest.raises(InvalidInput, match="does it include itself"):
        config_text([tmp_path / "config"])


def test_an_include_of_nothing_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Include absent/*.conf\nHost a\n  User b\n")
    assert values("a", tmp_path / "config")["user"] == "b"
