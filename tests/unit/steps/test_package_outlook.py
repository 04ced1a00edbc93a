"""What package managers say they would do, as values: outputs of real ones, kept as data."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from xcatflow.errors import CannotTell
from xcatflow.model.question import Reply
from xcatflow.steps.package_look import Section, sections
from xcatflow.steps.package_outlook import Item, Outlook, free_bytes, groups, holds, outlook, updates
from xcatflow.steps.package_ways import Way

DATA = Path(__file__).parent / "data" / "outlook"
CASES = json.loads((DATA / "cases.json").read_text())
POLICY = """\
docker.io:
  Installed: (none)
  Candidate: 20.10.24+dfsg1-1+deb12u1+b6
  Version table:
     20.10.24+dfsg1-1+deb12u1+b6 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
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
    text = "Installed Environment Groups:\n   Minimal Install\nInstalled Groups:\n   Lab Tools\n"
    assert groups("dnf", Section(0, text)) == {"minimal install", "lab tools"}
    assert groups("zypper", Section(0, '<solvable status="installed" name="Base" kind="pattern"/>')) == {"base"}


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
