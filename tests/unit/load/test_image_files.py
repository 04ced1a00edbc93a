"""Files of osimages: which of several is taken, and what this machine's system is called."""

from pathlib import Path

import pytest

from xcatflow.errors import InvalidInput
from xcatflow.load.image_files import filled_in, find_image_file, image_profiles, platform_of, system_here

IN_ORDER = (
    "custom/install/ubuntu/dh.ubuntu22.04.4.x86_64.pkglist",
    "custom/install/ubuntu/dh.ubuntu22.04.4.pkglist",
    "custom/install/ubuntu/dh.ubuntu22.04.x86_64.pkglist",
    "custom/install/ubuntu/dh.ubuntu22.04.pkglist",
    "custom/install/ubuntu/dh.ubuntu22.x86_64.pkglist",
    "custom/install/ubuntu/dh.ubuntu22.pkglist",
    "custom/install/ubuntu/dh.x86_64.pkglist",
    "custom/install/ubuntu/dh.pkglist",
    "share/install/ubuntu/dh.ubuntu22.04.4.x86_64.pkglist",
    "share/install/ubuntu/dh.pkglist",
)
OTHERS = (
    "custom/install/ubuntu/dh.ubuntu22.04.4.aarch64.pkglist",
    "custom/install/ubuntu/dh.ubuntu24.04.pkglist",
    "custom/install/ubuntu/dh.x86_64.tmpl",
    "custom/netboot/ubuntu/dh.pkglist",
    "custom/install/debian/dh.pkglist",
)


def find(root: Path, osvers: str = "ubuntu22.04.4", method: str = "install") -> str:
    return find_image_file("pkglist", "dh", osvers, "x86_64", method=method, places=("custom", "share"), root=root)


def test_the_nearest_name_in_the_first_place_is_taken(tmp_path: Path) -> None:
    for name in OTHERS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x\n")
    assert find(tmp_path) == ""
    for name in reversed(IN_ORDER):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x\n")
        assert find(tmp_path) == name
    assert find(tmp_path, method="netboot") == "custom/netboot/ubuntu/dh.pkglist"


def test_a_general_name_comes_last(tmp_path: Path) -> None:
    for name in ("dh.rhel9.pkglist", "dh.rhels9.pkglist"):
        path = tmp_path / "custom/install/rh" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n")
        assert find(tmp_path, "rhels9.4") == f"custom/install/rh/{name}"


def test_a_file_with_an_absolute_name(tmp_path: Path) -> None:
    path = tmp_path / "a/install/rocky/dh.pkglist"
    path.parent.mkdir(parents=True)
    path.write_text("x\n")
    found = find_image_file(
        "pkglist", "dh", "rocky9.4", "x86_64", method="install", places=(f"{tmp_path}/a",), root=Path("/nowhere")
    )
    assert found == str(path)


@pytest.mark.parametrize(
    ("osvers", "platform"),
    [
        ("ubuntu22.04", "ubuntu"),
        ("debian12", "debian"),
        ("rhels9.4", "rh"),
        ("rhel9", "rh"),
        ("rocky9.4", "rocky"),
        ("alma9.4", "alma"),
        ("centos-stream9", "centos"),
        ("centos7", "centos"),
        ("9", "9"),
    ],
)
def test_platforms(osvers: str, platform: str) -> None:
    assert platform_of(osvers) == platform


@pytest.mark.parametrize(
    ("release", "system"),
    [
        ('NAME="Ubuntu"\nID=ubuntu\nVERSION_ID="22.04"\n', "ubuntu22.04"),
        ("ID=debian\nVERSION_ID='12'\n", "debian12"),
        ('ID="rhel"\nVERSION_ID="9.4"\n', "rhels9.4"),
        ('ID="almalinux"\nVERSION_ID="9.4"\n', "alma9.4"),
        ('NAME="CentOS Stream"\nID="centos"\nVERSION_ID="9"\n', "centos-stream9"),
        ('ID=debian\nodd\nPRETTY="unfinished\n', "debian"),
        ("", ""),
    ],
)
def test_the_system_here(tmp_path: Path, release: str, system: str) -> None:
    path = tmp_path / "os-release"
    path.write_text(release)
    osvers, osarch = system_here(path)
    assert osvers == system
    assert osarch


def test_no_release_file(tmp_path: Path) -> None:
    assert system_here(tmp_path / "none")[0] == ""


def test_profiles_are_those_with_a_file_that_fits(tmp_path: Path) -> None:
    for name in ("compute.tmpl", "gpu.ubuntu22.tmpl", "old.ubuntu20.04.tmpl", "arm.aarch64.tmpl", "list.pkglist"):
        (tmp_path / "custom/install/ubuntu").mkdir(parents=True, exist_ok=True)
        (tmp_path / "custom/install/ubuntu" / name).write_text("x\n")
    places = ("custom", "nowhere")
    found = image_profiles("tmpl", "ubuntu22.04.4", "x86_64", method="install", places=places, root=tmp_path)
    assert found == ("compute", "gpu")


def test_a_file_is_filled_in(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("# $comment\n\n[signed-by=k] https://x/$codename $$1\n  https://y/${major}  \n")
    words = {"codename": "jammy", "major": "22"}
    assert filled_in("a", words, root=tmp_path) == "[signed-by=k] https://x/jammy $1,https://y/22"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"https://$release\n", '"a": expected $codename, $major, found "$release"'),
        (b"https://$\n", '"a": "$" has to stand before a name, "$$" for itself'),
        (b"\xff\n", 'cannot read "a": it is no text'),
        (None, 'cannot read "a": no such file or directory'),
    ],
)
def test_a_file_that_cannot_be_filled_in_is_told(content: bytes | None, complaint: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "a").write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        filled_in("a", {"codename": "x", "major": "1"}, root=tmp_path)
    assert str(caught.value) == complaint
