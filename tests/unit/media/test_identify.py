"""What media are taken for: cases as data."""

from pathlib import Path

import pytest

from tests.fakes.media import read_description
from xcatflow.media.identify import canonical, identify, is_name
from xcatflow.model.medium import Medium

CASES = [
    case.partition("\n") for case in (Path(__file__).parent / "data" / "identify.txt").read_text().split("\n=== ")[1:]
]


@pytest.mark.parametrize(
    ("text", "name"), [(text, name) for name, _, text in CASES], ids=[name for name, _, _ in CASES]
)
def test_a_medium_is_what_it_says(text: str, name: str) -> None:
    described, arrow, expected = text.partition("--> ")
    assert arrow, name
    first, _, rest = described.partition("\n")
    given = first.removeprefix("name: ") if first.startswith("name: ") else ""
    content = read_description(rest if given else described)
    files = {path: data.decode() for path, data in content.files.items()}
    above = {str(parent) for path in files for parent in Path(path).parents}
    found = identify(lambda path: files.get(path, ""), files.keys() | above, given)
    assert shown(found) == expected.strip()


def shown(found: Medium | None) -> str:
    if found is None:
        return "unknown"
    words = [found.name, found.arch, found.own_arch, found.disc or "-", found.codename or "-"]
    return " ".join(words + [word for word, so in (("netinst", found.netinst), ("live", found.live)) if so])


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".x", "9ubuntu", "ubuntu 22", "ubuntu\n", "-n"])
def test_a_name_becomes_a_directory(name: str) -> None:
    assert not is_name(name)
    assert (
        identify(lambda path: "[general]\nfamily = Rocky Linux\nversion=9\narch=x86_64\n", (), f"rocky/{name}") is None
    )


def test_architectures_have_one_name_each() -> None:
    assert {canonical(name) for name in ("amd64", "AMD64", "x86_64")} == {"x86_64"}
    assert {canonical(name) for name in ("i386", "i486", "i586", "i686", "x86")} == {"x86"}
    assert [canonical(name) for name in ("arm64", "powerpc", "ppc64el", "vax")] == [
        "aarch64",
        "ppc64",
        "ppc64el",
        "vax",
    ]
