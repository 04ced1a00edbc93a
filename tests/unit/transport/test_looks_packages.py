"""Looks at packages: the package databases' own words, and the scripts with stand-ins for their programs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.target import LocalTarget, tools
from xcatflow.errors import CannotTell, InvalidInput
from xcatflow.model.question import Package, Reply
from xcatflow.transport.looks import sections

DPKG = """\
bash amd64 install ok installed 5.2.15-2+b8
libc6 amd64 install ok installed 2.36-9
libc6 i386 deinstall ok config-files 2.36-9
gone amd64 deinstall ok config-files 1.0
virtual  unknown ok not-installed $
a line that makes no sense
""".replace("$", "")
RPM = """\
docker-ce 25.0.3 1.el9 x86_64 3:
package nothing is not installed
kernel 5.14.0 1.el9 x86_64 $
kernel 5.14.0 2.el9 x86_64 $
error: something
""".replace("$", "")


def parse(reply: Reply, *names: str) -> Mapping[str, Any]:
    (section,) = sections(Package(name) for name in names)
    given: Mapping[Any, Any] = section.parse(reply, lambda pem: None)
    return {question.name: answer for question, answer in given.items()}


def test_dpkg() -> None:
    reply = Reply(1, b"dpkg\n" + DPKG.encode(), b"dpkg-query: no packages found matching nothing\n")
    names = ("bash", "libc6", "libc6:amd64", "libc6:i386", "gone", "virtual", "nothing")
    assert parse(reply, *names) == {
        "bash": "5.2.15-2+b8",
        "libc6": "2.36-9",
        "libc6:amd64": "2.36-9",
        "libc6:i386": None,
        "gone": None,
        "virtual": None,
        "nothing": None,
    }


def test_a_broken_dpkg_is_no_telling() -> None:
    given = parse(Reply(2, b"dpkg\n", b"dpkg-query: error: parsing file\n missing version\n"), "bash")
    assert isinstance(given["bash"], CannotTell)
    assert (
        str(given["bash"])
        == 'cannot tell whether package "bash" is installed: dpkg-query: error: parsing file missing version'
    )


def test_rpm() -> None:
    names = ("docker-ce", "docker-ce-25.0.3", "docker-ce-25.0.3-1.el9.x86_64", "nothing", "kernel")
    assert parse(Reply(1, b"rpm\n" + RPM.encode()), *names) == {
        "docker-ce": "3:25.0.3-1.el9",
        "docker-ce-25.0.3": "3:25.0.3-1.el9",
        "docker-ce-25.0.3-1.el9.x86_64": "3:25.0.3-1.el9",
        "nothing": None,
        "kernel": "5.14.0-2.el9",
    }


def test_a_broken_rpm_is_no_telling() -> None:
    assert isinstance(parse(Reply(1, b"rpm\n", b"error: cannot open Packages database"), "bash")["bash"], CannotTell)


@pytest.mark.parametrize("name", ["a*", "-x", "a b", "", "a;b", "a=1"])
def test_patterns_are_refused(name: str) -> None:
    assert isinstance(parse(Reply(0), name)[name], InvalidInput)


def answers(machine: LocalTarget, *names: str) -> Mapping[str, Any]:
    (section,) = sections(Package(name) for name in names)
    given: Mapping[Any, Any] = section.parse(machine.reply(section.script), lambda pem: None)
    return {question.name: answer for question, answer in given.items()}


def test_which_database_is_asked(tmp_path: Path) -> None:
    status = tmp_path / "dpkg" / "status"
    status.parent.mkdir()
    status.write_text("Package: x\n")
    environment = {"DPKG_ADMINDIR": str(status.parent)}
    log = tmp_path / "log"
    dpkg = f"printf '%s ' \"$@\" >>{log}; echo 'x amd64 install ok installed 1'"
    both = tools(tmp_path / "both", dpkg_query=dpkg, rpm="echo 'x 2 1 noarch '")
    assert answers(LocalTarget(path=both, environment=environment), "x") == {"x": "1"}
    assert log.read_text() == "-W -f ${Package} ${Architecture} ${Status} ${Version}\\n -- x "
    status.write_text("")
    assert answers(LocalTarget(path=both, environment=environment), "x") == {"x": "2-1"}
    neither = answers(LocalTarget(path=tools(tmp_path / "neither"), environment=environment), "x")
    assert str(neither["x"]) == 'cannot tell whether package "x" is installed: it has neither dpkg nor rpm'
