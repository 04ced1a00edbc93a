"""Package lists: what they mean, and where they are wrong."""

from pathlib import Path

import pytest

from tests.fakes.desk import FolderDesk
from xcatflow.errors import InvalidInput
from xcatflow.steps.pkglist import PackageList, read_lists


def read(root: Path, *names: str, variables: dict[str, str] | None = None, **files: str) -> PackageList:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_lists(names or ("top",), FolderDesk(root), variables or {})


def test_everything_a_list_may_say(tmp_path: Path) -> None:
    top = """\
# base of a dockerhost
#ENV:DEBIAN_FRONTEND=noninteractive X=1#

  chrony
docker-ce=5:25.0*, libc6:i386 ,g++,
-snapd
chrony
#INCLUDE:common#
"""
    assert read(tmp_path, top=top, common="jq\n") == PackageList(
        ("chrony", "docker-ce=5:25.0*", "libc6:i386", "g++", "jq"),
        ("snapd",),
        (("DEBIAN_FRONTEND", "noninteractive"), ("X", "1")),
    )


def test_lists_follow_each_other(tmp_path: Path) -> None:
    assert read(tmp_path, "one", "two", one="a\n", two="b").install == ("a", "b")


def test_included_paths(tmp_path: Path) -> None:
    """First beside the including file, then beside the top one; variables are filled in."""
    found = read(
        tmp_path,
        "lists/top",
        variables={"OS": "debian"},
        lists__top="#INCLUDE:sub/${OS}#\n",
        lists__sub__debian="#ENV:V=near#\n#INCLUDE:$V#\n#INCLUDE:far#\n",
        lists__sub__near="near\n",
        lists__near="wrong\n",
        lists__far="far\n",
    )
    assert found.install == ("near", "far")


def test_twice_is_no_circle(tmp_path: Path) -> None:
    assert read(tmp_path, top="#INCLUDE:a#\n#INCLUDE:a#\n", a="x").install == ("x",)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"top": "\n#INCLUDE:no#"}, 'top:2: expected a package list at "no", found nothing to read'),
        ({"top": "#INCLUDE:b#", "b": "x\n#INCLUDE:top#"}, 'b:2: "top" includes itself: top -> b -> top'),
        ({"top": "#INCLUDE:$X#"}, 'top:1: "$X" has no value: give it in "environment" or by "#ENV:X=...#"'),
        ({"top": "#ENV:oops#"}, 'top:1: expected "NAME=VALUE" in "#ENV:...#", found "oops"'),
        ({"top": "@Tools"}, 'top:1: package groups are not supported, found "@Tools": list its packages'),
        ({"top": "--x"}, 'top:1: "--x" is for lists of other packages only: write "-x"'),
        (
            {"top": "#NEW_INSTALL_LIST#"},
            'top:1: "#NEW_INSTALL_LIST#" is for lists of other packages only: use a step for each list',
        ),
        ({"top": "a b"}, 'top:1: expected the name of a package, perhaps with "=version", found "a b"'),
        ({"top": "a=1\n-a"}, 'top:2: "a" is listed both to be installed and to be removed'),
        (
            {"top": "a;b\n@"},
            'top:1: expected the name of a package, perhaps with "=version", found "a;b"\n'
            'top:2: package groups are not supported, found "@": list its packages',
        ),
        ({"other": ""}, 'cannot read "top": No such file or directory'),
    ],
)
def test_complaints_have_their_place(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, **files)
    assert str(caught.value) == message
