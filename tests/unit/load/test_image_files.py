"""Files of osimages: which of several is taken, and what this machine's system is called."""

from pathlib import Path

import pytest

from xcatflow.load.image_files import find_image_file, platform_of, system_here

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
