"""Package lists: what they mean, and where they are wrong."""

from pathlib import Path

import pytest

from tests.fakes.desk import FolderDesk
from xcatflow.errors import InvalidInput, Source
from xcatflow.steps.packages.pkglist import Entry, PackageList, read_lists


def read(
    root: Path, *names: str, variables: dict[str, str] | None = None, other: bool = False, **files: str
) -> tuple[PackageList, ...]:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_lists(names or ("top",), FolderDesk(root), variables or {}, other=other)


def texts(entries: tuple[Entry, ...]) -> list[str]:
    return [str(entry) for entry in entries]


def test_everything_a_list_may_say(tmp_path: Path) -> None:
    top = """\
# base of a dockerhost
#ENV:DEBIAN_FRONTEND=noninteractive X=1#

  chrony
docker-ce=5:25.0*, libc6:i386 ,g++,
-snapd
chrony=latest
@Development Tools, @^minimal-environment
-@Games
docker-ce-cli-25.0.3
# INCLUDE:not a directive#
#INCLUDE:common#
#ENV:Y=2#
"""
    (found,) = read(tmp_path, top=top, common="jq\n")
    assert found == PackageList(
        (
            Entry("chrony"), Entry("docker-ce", "5:25.0*"), Entry("libc6:i386"), Entry("g++"),
            Entry("@Development Tools"), Entry("@minimal-environment"), Entry("docker-ce-cli-25.0.3"), Entry("jq"),
        ),
        (),
        (Entry("snapd"), Entry("@Games")),
        (("DEBIAN_FRONTEND", "noninteractive"), ("X", "1"), ("Y", "2")),
    )  # fmt: skip
    assert [entry.source for entry in found.install[:2]] == [Source("top", 4), Source("top", 5)]
    assert found.install[-1].source == Source("common", 1)


def test_lists_of_other_packages(tmp_path: Path) -> None:
    top = """\
-docker.io
#ENV:A=1#
docker-ce
tools/sub/iperf3=3.1
--old-cli
#NEW_INSTALL_LIST#
#NEW_INSTALL_LIST#
#ENV:B=2#
second
"""
    first, second = read(tmp_path, top=top, other=True)
    assert first == PackageList(
        (Entry("docker-ce"), Entry("iperf3", "3.1", "tools/sub")),
        (Entry("docker.io"),),
        (Entry("old-cli"),),
        (("A", "1"),),
    )
    assert second == PackageList((Entry("second"),), environment=(("B", "2"),))


def test_a_list_with_nothing_in_it_is_none(tmp_path: Path) -> None:
    assert read(tmp_path, top="# nothing\n\n", other=True) == ()


def test_lists_follow_each_other(tmp_path: Path) -> None:
    (found,) = read(tmp_path, "one", "two", one="a\n", two="b")
    assert texts(found.install) == ["a", "b"]


def test_included_paths(tmp_path: Path) -> None:
    """First beside the including file, then beside the top one; variables are filled in."""
    (found,) = read(
        tmp_path,
        "lists/top",
        variables={"OS": "debian"},
        lists__top="#INCLUDE:sub/${OS}#\n",
        lists__sub__debian="#ENV:V=near#\n#INCLUDE:$V#\n#INCLUDE:far#\n",
        lists__sub__near="near\n",
        lists__near="wrong\n",
        lists__far="far\n",
    )
    assert texts(found.install) == ["near", "far"]
    assert found.install[1].source == Source("lists/far", 1)


def test_twice_is_no_circle(tmp_path: Path) -> None:
    (found,) = read(tmp_path, top="#INCLUDE:a#\n#INCLUDE:a#\n", a="x")
    assert texts(found.install) == ["x"]


def test_a_circle_through_a_link_is_one(tmp_path: Path) -> None:
    (tmp_path / "sub").symlink_to(".")
    with pytest.raises(InvalidInput, match='top:1: "sub/top" includes itself: top -> top'):
        read(tmp_path, top="#INCLUDE:sub/top#\n")


def test_an_included_list_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r'^top:2: ".*b" is outside of the site'):
        read(tmp_path, top="\n#INCLUDE:../b#")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"top": "\n#INCLUDE:no#"}, 'top:2: expected a package list at "no", found nothing to read'),
        ({"top": "#INCLUDE:top#"}, 'top:1: "top" includes itself: top -> top'),
        ({"top": "#INCLUDE:b#", "b": "x\n#INCLUDE:top#"}, 'b:2: "top" includes itself: top -> b -> top'),
        ({"top": "#INCLUDE:$X#"}, 'top:1: "$X" has no value: give it in "environment" or by "#ENV:X=...#"'),
        ({"top": "#ENV:oops#"}, 'top:1: expected "NAME=VALUE" in "#ENV:...#", found "oops"'),
        ({"top": "#INCLUDE:b"}, 'top:1: expected "#INCLUDE:...#", found "#INCLUDE:b"'),
        ({"top": "#NEW_INSTALL_LIST"}, 'top:1: expected "#NEW_INSTALL_LIST#", found "#NEW_INSTALL_LIST"'),
        ({"top": "@"}, 'top:1: expected the name of a group after "@", found "@"'),
        ({"top": "--x"}, 'top:1: "--x" is for lists of other packages only: write "-x"'),
        (
            {"top": "#NEW_INSTALL_LIST#"},
            'top:1: "#NEW_INSTALL_LIST#" is for lists of other packages only: use a step for each list',
        ),
        ({"top": "a b"}, 'top:1: expected the name of a package, perhaps with "=version", found "a b"'),
        ({"top": "-a=1"}, 'top:1: a package is removed without naming its version, found "-a=1"'),
        (
            {"top": "t/a"},
            'top:1: expected the name of a package, perhaps with "=version", found "t/a": one with a directory is for '
            "lists of other packages",
        ),
        ({"top": "a=1\n-a"}, 'top:2: "a" is listed both to be installed (at top:1) and to be removed'),
        ({"top": "a=1\na"}, 'top:2: "a" is listed, and "a=1" at top:1: keep one of them'),
        (
            {"top": "a;b\n@"},
            'top:1: expected the name of a package, perhaps with "=version", found "a;b"\n'
            'top:2: expected the name of a group after "@", found "@"',
        ),
        ({"other": ""}, 'cannot read "top": No such file or directory'),
    ],
)
def test_complaints_have_their_place(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, **files)  # type: ignore[arg-type]
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@tools", 'top:1: groups are for lists of the distribution\'s packages, found "@tools": put it in "pkglist"'),
        ("../a", 'top:1: expected the name of a package, perhaps with "=version", found "../a"'),
        ("/a", 'top:1: expected the name of a package, perhaps with "=version", found "/a"'),
        ("a\n#NEW_INSTALL_LIST#\n-a", 'top:3: "a" is listed both to be installed (at top:1) and to be removed'),
    ],
)
def test_complaints_about_lists_of_other_packages(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, top=text, other=True)
    assert str(caught.value) == message
