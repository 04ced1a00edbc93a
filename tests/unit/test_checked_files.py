"""`check` finds what is wrong in the files and lists that steps are prepared from, before any connection."""

from pathlib import Path

import pytest

from xcatflow.app import Site
from xcatflow.load.shipped import make_site

NODE = """\
image:
    objtype=osimage
    imagetype=linux
    osvers=debian12
    osarch=x86_64
    PKGS

dh01:
    objtype=node
    groups=dockerhost,all
    ip=192.0.2.1
    provmethod=image
    postbootscripts=SCRIPTS
"""
SYNC = """\
schema: 1
name: sync
summary: Files
nodes: dockerhost
inputs:
  which: {help: "given for a run"}
steps:
  - {id: tree, use: file.sync, with: {src: SRC, dest: /srv}}
  - {id: given, use: file.sync, with: {src: "${input.which}", dest: /opt}}
"""


def site(root: Path, scripts: str = "setupdockerhost", packages: str = "pkglist=lists/one") -> Site:
    for _ in make_site(root, inventory=False):
        pass
    (root / "inventory" / "nodes.stanza").write_text(NODE.replace("SCRIPTS", scripts).replace("PKGS", packages))
    (root / "lists").mkdir()
    (root / "lists" / "one").write_text("chrony\n")
    (root / "lists" / "circle").write_text("#INCLUDE:circle#\n")
    return Site.load(root)


def test_a_site_that_is_well(tmp_path: Path) -> None:
    assert site(tmp_path).check() == ()
    assert not (tmp_path / ".xcatflow" / "pki").exists(), "looking makes no CA"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"packages": "pkglist=lists/circle"}, 'lists/circle:1: "circle" includes itself'),
        ({"packages": "pkglist=lists/none"}, "lists/none"),
        ({"packages": "otherpkgdir=https://192.0.2.9/repo stable main\n    otherpkglist=lists/one"}, "signed-by"),
        ({"scripts": "setupdockerhots"}, "setupdockerhots"),
        ({"scripts": "xHRM bridgeprereq eth0:a:b"}, "xHRM"),
    ],
)
def test_what_is_wrong_with_lists_and_scripts(tmp_path: Path, given: dict[str, str], told: str) -> None:
    problems = site(tmp_path, **given).check()
    assert problems
    assert any(told in str(problem) for problem in problems), problems


def test_sources_of_trees_are_looked_for_unless_a_run_names_them(tmp_path: Path) -> None:
    made = site(tmp_path)
    (tmp_path / "workflows" / "sync.yaml").write_text(SYNC.replace("SRC", "files/nowhere"))
    (problem,) = made.check()
    assert "files/nowhere" in str(problem)
    (tmp_path / "files" / "nowhere").mkdir(parents=True)
    (tmp_path / "files" / "nowhere" / "one").write_text("1\n")
    assert Site.load(tmp_path).check() == ()
