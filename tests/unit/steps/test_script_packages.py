"""`ospkgs` and `otherpkgs` as steps, from the node's osimage; the params of all parts are valid."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.desk import FolderDesk
from xcatflow.contract import Part
from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import Definitions, Node, OsImage
from xcatflow.steps.registry import find
from xcatflow.steps.scripts.packages import ENGINE, ospkgs_parts, otherpkgs_parts

DOCKER = (
    "[signed-by=https://download.docker.com/linux/debian/gpg] https://download.docker.com/linux/debian bookworm stable"
)
REPOSITORY = {
    "name": "download-docker-com-linux-debian-bookworm-stable",
    "family": "apt",
    "urls": ["https://download.docker.com/linux/debian"],
    "suites": ["bookworm"],
    "components": ["stable"],
    "architectures": [],
    "key_url": "https://download.docker.com/linux/debian/gpg",
}


def desk(root: Path, lists: dict[str, str] | None = None, **attributes: str) -> FolderDesk:
    for name, text in (lists or {}).items():
        (root / name).write_text(text)
    image = OsImage(name="docker", attributes={"osvers": "debian12", **attributes})
    node = Node(name="dh01", attributes={"provmethod": "docker"})
    return FolderDesk(root, Definitions([node, image]))


def valid(parts: tuple[Part, ...]) -> list[tuple[str, str, Any]]:
    for part in parts:
        kind = find(part.use)
        kind.params.model_validate(part.with_)
    assert len({part.id for part in parts}) == len(parts)
    return [(part.id, part.use, part.with_) for part in parts]


def test_an_engine_of_its_vendor(tmp_path: Path) -> None:
    at = desk(
        tmp_path, {"docker.pkglist": "-docker.io\ndocker-ce\n"}, otherpkgdir=DOCKER, otherpkglist="docker.pkglist"
    )
    assert valid(otherpkgs_parts((), at)) == [
        ("repository-download-docker-com-linux-debian-bookworm-stable", "package.repository", REPOSITORY),
        ("packages", "package.present", {"otherpkglist": ["docker.pkglist"], "keep": ENGINE}),
    ]
    assert [part.use for part in otherpkgs_parts(("--repoonly",), at)] == ["package.repository"]
    assert ospkgs_parts((), at) == ()


def test_packages_of_the_distribution(tmp_path: Path) -> None:
    at = desk(
        tmp_path,
        pkgdir="/install/debian12/x86_64,http://mirror/debian bookworm main contrib",
        pkglist="base.pkglist,more.pkglist",
        environvar="OS=debian,X=1",
    )
    mirror = {
        "name": "mirror-debian-bookworm-main-contrib",
        "family": "apt",
        "urls": ["http://mirror/debian"],
        "suites": ["bookworm"],
        "components": ["main", "contrib"],
        "architectures": [],
        "machine_keys": True,
    }
    lists = {"pkglist": ["base.pkglist", "more.pkglist"], "environment": {"OS": "debian", "X": "1"}, "keep": ENGINE}
    assert valid(ospkgs_parts(("--keeprepo",), at)) == [
        ("repository-mirror-debian-bookworm-main-contrib", "package.repository", mirror),
        ("packages", "package.present", lists),
    ]


def test_the_two_lists_may_not_undo_each_other(tmp_path: Path) -> None:
    at = desk(tmp_path, {"os": "jq\ndocker.io\n", "other": "-docker.io\njq=1.6\n"}, pkglist="os", otherpkglist="other")
    with pytest.raises(InvalidInput, match=r'^other:2: "jq=1.6" is listed, and "jq" at os:1: keep one of them$'):
        otherpkgs_parts((), at)
    at = desk(tmp_path, {"other": "-docker.io\n"}, pkglist="os", otherpkglist="other")
    with pytest.raises(
        InvalidInput, match=r'^other:1: "docker.io" is listed both to be installed \(at os:2\) and to be removed$'
    ):
        otherpkgs_parts((), at)


def test_a_list_that_cannot_be_read_is_complained_about_once(tmp_path: Path) -> None:
    at = desk(tmp_path, {"other": "jq\n"}, pkglist="gone", otherpkglist="other")
    assert [part.use for part in otherpkgs_parts((), at)] == ["package.present"]


def test_a_directory_with_packages_in_it(tmp_path: Path) -> None:
    (tmp_path / "other" / "tools").mkdir(parents=True)
    at = desk(tmp_path, {"l": "tools/iperf3\n"}, otherpkgdir="other", otherpkglist="l")
    with pytest.raises(InvalidInput, match=r'^l:1: "tools/iperf3" is not in "other": expected a file iperf3_\*\.deb'):
        otherpkgs_parts((), at)
    (tmp_path / "other" / "tools" / "iperf3_3.12_amd64.deb").write_text("x")
    assert valid(otherpkgs_parts((), at)) == [
        ("directory", "package.directory", {"name": "otherpkgs", "path": "other", "family": "apt"}),
        ("packages", "package.present", {"otherpkglist": ["l"], "keep": ENGINE}),
    ]


def test_a_directory_without_packages_is_none(tmp_path: Path) -> None:
    usual = "/install/post/otherpkgs/debian12/x86_64"
    at = desk(tmp_path, {"l": "a\n"}, otherpkgdir=usual, otherpkglist="l")
    assert [part.use for part in otherpkgs_parts((), at)] == ["package.present"]
    at = desk(tmp_path, {"l": "a\n"}, otherpkgdir="/no/such/directory", otherpkglist="l")
    with pytest.raises(
        InvalidInput, match='otherpkgdir of osimage "docker": there is no directory "/no/such/directory"'
    ):
        otherpkgs_parts((), at)


def test_a_misspelt_osimage_is_refused(tmp_path: Path) -> None:
    image = OsImage(name="docker", attributes={"osvers": "debian12"})
    for named, wrong in (("dokcer", True), ("install", False), ("", False)):
        at = FolderDesk(
            tmp_path, Definitions([Node(name="dh01", attributes={"provmethod": named} if named else {}), image])
        )
        if wrong:
            with pytest.raises(
                InvalidInput, match='provmethod "dokcer" of node "dh01" names no osimage, did you mean "docker"'
            ):
                ospkgs_parts((), at)
        else:
            assert ospkgs_parts((), at) == otherpkgs_parts((), at) == ()


@pytest.mark.parametrize("lists", [None, {"l": "# nothing\n"}])
def test_nothing_is_listed(tmp_path: Path, lists: dict[str, str] | None) -> None:
    attributes = {"otherpkglist": "l"} if lists else {}
    assert otherpkgs_parts((), desk(tmp_path, lists, otherpkgdir="https://no/key a b", **attributes)) == ()


def test_a_node_without_an_osimage(tmp_path: Path) -> None:
    at = FolderDesk(tmp_path, Definitions([Node(name="dh01", attributes={})]))
    assert ospkgs_parts((), at) == otherpkgs_parts((), at) == ()


@pytest.mark.parametrize(
    ("attributes", "lists", "message"),
    [
        ({"otherpkgdir": "https://h/x a b"}, "a\n", '"https://h/x a b" has no key'),
        ({"otherpkgdir": DOCKER, "osvers": "windows"}, "a\n", 'osimage "docker" has osvers "windows", from which its package manager'),
        ({"otherpkgdir": DOCKER, "osvers": "rocky9"}, "a\n", "expected a URL alone for dnf"),
        ({"otherpkgdir": DOCKER}, "tools/a\n", 'l:1: "tools/a" is below a directory, and otherpkgdir names none: write "a"'),
        ({}, "#INCLUDE:l#\n", 'l:1: "l" includes itself: l -> l'),
        ({}, "@tools\n", "l:1: groups are for lists"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, attributes: dict[str, str], lists: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        otherpkgs_parts((), desk(tmp_path, {"l": lists}, otherpkglist="l", **attributes))
    assert message in str(caught.value)


def test_unknown_arguments(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match='expected --repoonly, or nothing, found "--repo"'):
        otherpkgs_parts(("--repo",), desk(tmp_path))
    with pytest.raises(InvalidInput, match="expected --keeprepo, or nothing"):
        ospkgs_parts(("-x",), desk(tmp_path))
