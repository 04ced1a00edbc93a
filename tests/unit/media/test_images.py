"""What `copycds` defines is what the package scripts can work with: for every family the lists that come with xcatflow."""

import shutil
from pathlib import Path

import pytest

from tests.fakes.desk import FolderDesk
from tests.fakes.media import image
from tests.unit.commands.sessions import typed
from xcatflow.app import Site
from xcatflow.load.shipped import shipped
from xcatflow.steps.scripts.packages import ospkgs_parts, otherpkgs_parts

SHARE = shipped() / "share" / "install"


def treeinfo(family: str, version: str) -> dict[str, bytes]:
    return {".treeinfo": f"[general]\nfamily = {family}\nversion = {version}\narch = x86_64\n".encode()}


def info(text: str) -> dict[str, bytes]:
    return {".disk/info": text.encode(), "dists/x/Release": b"x"}


MEDIA = {
    "debian": (info('Debian GNU/Linux 12.5.0 "Bookworm" - Official amd64 DVD Binary-1\n'), "debian bookworm stable"),
    "ubuntu": (info('Ubuntu-Server 24.04.1 LTS "Noble Numbat" - Release amd64 (1)\n'), "ubuntu noble stable"),
    "rh": (treeinfo("Red Hat Enterprise Linux", "9.4"), "rhel/9/x86_64/stable"),
    "rocky": (treeinfo("Rocky Linux", "9.4"), "centos/9/x86_64/stable"),
    "alma": (treeinfo("AlmaLinux", "8.10"), "centos/8/x86_64/stable"),
    "centos": (treeinfo("CentOS Stream", "9"), "centos/9/x86_64/stable"),
    "fedora": (treeinfo("Fedora", "40"), "fedora/40/x86_64/stable"),
    "ol": (treeinfo("Oracle Linux Server", "8.9"), "centos/8/x86_64/stable"),
}


def test_every_family_has_its_lists() -> None:
    assert {path.name for path in SHARE.iterdir()} == MEDIA.keys()
    for directory in SHARE.iterdir():
        names = {path.name for path in directory.iterdir()}
        assert names == {"dockerhost.pkglist", "dockerhost.otherpkgs.pkglist", "dockerhost.otherpkgdir"}, directory


@pytest.mark.parametrize("platform", MEDIA)
def test_a_docker_host_gets_the_engine_from_its_repository(platform: str, tmp_path: Path) -> None:
    files, where = MEDIA[platform]
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "site.stanza").write_text("clustersite:\n    objtype=site\n    installdir=install\n")
    image(tmp_path / "a.iso", files)
    assert typed("copycds a.iso", tmp_path).code == 0
    name = typed("lsdef -t osimage -w profile==dockerhost", tmp_path).out[0].split()[0]
    assert typed(f"mkdef dh01 groups=all ip=192.0.2.11 provmethod={name}", tmp_path).code == 0
    desk = FolderDesk(tmp_path, Site(tmp_path).definitions)
    packages = {part.id: part for part in ospkgs_parts((), desk)}
    assert packages["packages"].with_["pkglist"] == [str(SHARE / platform / "dockerhost.pkglist")]
    repository, others = otherpkgs_parts((), desk)
    assert repository.use == "package.repository"
    [url] = repository.with_["urls"]
    words = [*repository.with_.get("suites", ()), *repository.with_.get("components", ())]
    assert " ".join([url.removeprefix("https://download.docker.com/linux/"), *words]) == where
    assert repository.with_["key_url"] == f"https://download.docker.com/linux/{where.split()[0].split('/')[0]}/gpg"
    assert others.with_["otherpkglist"] == [str(SHARE / platform / "dockerhost.otherpkgs.pkglist")]


def test_the_page_shows_what_is_defined(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "dockerhosts.md").read_text()
    name = "debian12.5.0-x86_64-install-dockerhost"
    shown = page.partition(f"$ lsdef -t osimage {name}\n")[2].partition("```")[0]
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "site.stanza").write_text(
        f"clustersite:\n    objtype=site\n    installdir={tmp_path}/install\n"
    )
    shutil.copytree(shipped() / "share", tmp_path / "share")
    custom = tmp_path / "install" / "custom" / "install" / "debian"
    custom.mkdir(parents=True)
    (custom / "compute.tmpl").write_text("x")
    image(tmp_path / "a.iso", MEDIA["debian"][0])
    assert typed("copycds a.iso", tmp_path).code == 0
    assert "\n".join(typed(f"lsdef -t osimage {name}", tmp_path).out).replace(f"{tmp_path}/", "/") == shown.strip()
