"""What package managers say they would do, as values.

Only VIRTUAL is one run of a program as it was printed. The texts in `data/outlook` are composed: lines that apt 2.6, dnf 4.14 and
zypper 1.14 printed, some of several runs in one file, cut, and with other names and versions (`apt-install` and `dnf-install` hold
everything that may come at once). They show how such lines are read, not that they come together: that is what the end to end tests are
for, test_packages.py and test_packages_rpm.py, with the programs themselves.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from xcatflow.errors import CannotTell, InvalidInput, Source
from xcatflow.model.question import Reply
from xcatflow.steps.package_present import PackagePresent
from xcatflow.steps.packages.look import Section, sections
from xcatflow.steps.packages.outlook import Item, Outlook, free_bytes, groups, holds, outlook, updates, virtual
from xcatflow.steps.packages.params import ReadParams
from xcatflow.steps.packages.pkglist import Entry, PackageList
from xcatflow.steps.packages.plan import Packages
from xcatflow.steps.packages.ways import Way

DATA = Path(__file__).parent / "data" / "outlook"
CASES = json.loads((DATA / "cases.json").read_text())
POLICY = """\
docker.io:
  Installed: (none)
  Candidate: 20.10.24+dfsg1-1+deb12u1+b6
  Version table:
     20.10.24+dfsg1-1+deb12u1+b6 500
        500 http://archive.example/debian bookworm/main amd64 Packages
gone:
  Installed: 1
  Candidate: (none)
  Version table:
"""
CHECK_UPDATE = """

docker-ce.x86_64                      3:28.0.1-1.el9                      docker
Obsoleting Packages
new.noarch                            1-1                                 base
"""
LIST_UPDATES = """\
<update-list>
<update kind="package" name="alpha" edition="2.0-1" arch="noarch" edition-old="1.0-1"><summary>a</summary></update>
<update kind="patch" name="security" edition="1" arch="noarch"></update></update-list>
"""


@pytest.mark.parametrize("case", CASES, ids=[case["file"] for case in CASES])
def test_what_would_be_done(case: Mapping[str, Any]) -> None:
    way: Any = case["file"].partition("-")[0]
    rest = {key: value for key, value in case.items() if key not in ("file", "code", "items", "unknown")}
    expected = Outlook(
        tuple(Item(*each) for each in case.get("items", ())), unknown=tuple(case.get("unknown", ())), **rest
    )
    assert outlook(way, Section(case["code"], (DATA / f"{case['file']}.txt").read_text())) == expected


def test_every_kept_output_is_a_case() -> None:
    assert {path.stem for path in DATA.glob("*.txt")} == {case["file"] for case in CASES}


@pytest.mark.parametrize(
    ("way", "text", "expected"),
    [
        ("apt", POLICY, {"docker.io": "20.10.24+dfsg1-1+deb12u1+b6"}),
        ("dnf", CHECK_UPDATE, {"docker-ce": "3:28.0.1-1.el9"}),
        ("zypper", LIST_UPDATES, {"alpha": "2.0-1"}),
    ],
)
def test_newest_versions(way: Way, text: str, expected: dict[str, str]) -> None:
    assert updates(way, Section(0, text)) == expected


@pytest.mark.parametrize(
    ("way", "text"),
    [
        ("apt", "a\ndocker-ce\n"),
        ("dnf", "docker-ce-3:28.0.1-1.el9.*\na-0:1-1.*\n!b-0:1-1.*"),
        (
            "zypper",
            '<locks size="2"><lock number="1"><name>docker-ce</name><type>package</type></lock>'
            "<lock><name>a</name><type>package</type></lock><lock><name>b*</name><type>package</type></lock></locks>",
        ),
    ],
)
def test_held_packages(way: Way, text: str) -> None:
    assert holds(way, Section(0, text)) == {"docker-ce", "a"}


def test_installed_groups() -> None:
    text = (
        "Installed Environment Groups:\n   Minimal Install (minimal-environment)\nInstalled Groups:\n   Lab Tools\n   C (D) (e)\n"
        "Installed Language Groups:\n   French (fr-support) [fr]\n"
    )
    assert groups("dnf", Section(0, text)) == {
        "minimal install", "minimal-environment", "lab tools", "c (d)", "e", "french", "fr-support",
    }  # fmt: skip
    assert groups("zypper", Section(0, '<solvable status="installed" name="Base" kind="pattern"/>')) == {"base"}


VIRTUAL = """\
Reading package lists...
Building dependency tree...
Reading state information...
perl-openssl-defaults is already the newest version (7+b1).
The following additional packages will be installed:
  libjq1 libonig5
The following NEW packages will be installed:
  jq libjq1 libonig5
0 upgraded, 3 newly installed, 0 to remove and 0 not upgraded.
Inst libonig5 (6.9.8-1 Debian:12.15/oldstable [amd64])
Inst libjq1 (1.6-2.1+deb12u2 Debian:12.15/oldstable [amd64])
Inst jq (1.6-2.1+deb12u2 Debian:12.15/oldstable [amd64])
Conf libonig5 (6.9.8-1 Debian:12.15/oldstable [amd64])
Conf libjq1 (1.6-2.1+deb12u2 Debian:12.15/oldstable [amd64])
Conf jq (1.6-2.1+deb12u2 Debian:12.15/oldstable [amd64])
"""


def test_what_others_provide_is_told_from_packages() -> None:
    """An apt-get of Debian 12 said so when asked for perl-openssl-abi-3 and jq."""
    section = Section(0, VIRTUAL)
    assert virtual("apt", section, ["jq:amd64", "perl-openssl-abi-3"]) == (
        ("perl-openssl-abi-3", "perl-openssl-defaults"),
    )
    assert virtual("apt", section, ["jq", "x", "y"]) == (("x", ""), ("y", ""))
    assert virtual("apt", Section(100, "E: Unable to locate package x\n"), ["x"]) == ()
    assert virtual("dnf", section, ["x"]) == ()
    said = r'list:2: "x" is no package, but what another one provides: list "y"'
    seen = Packages({"x": None}, outlooks={"0 install": Outlook(virtual=(("x", "y"),))})
    with pytest.raises(InvalidInput, match=said):
        PackagePresent().plan(
            seen, ReadParams(names=("x",), lists=(PackageList((Entry("x", source=Source("list", 2)),)),))
        )


def test_room() -> None:
    text = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/a 10 5 5 50% /\n/dev/b 9 1 8 11% /var\n"
    assert free_bytes(Section(0, text)) == (("/", 5120), ("/var", 8192))
    assert free_bytes(Section(1, "df: no such file")) == ()


def test_sections_of_an_answer() -> None:
    found = sections(Reply(0, b"== manager 0\napt 5\n== 0 install 100\nE: no\n== of a text\n== space 0\n\n"))
    assert found == {
        "manager": Section(0, "apt 5"),
        "0 install": Section(100, "E: no\n== of a text"),
        "space": Section(0, ""),
    }
    with pytest.raises(CannotTell, match="cannot tell about packages: sh: no"):
        sections(Reply(1, b"", b"sh: no"))
