"""`package.repository` and `package.directory` on the machine the tests run on, with package managers of the tests' own."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import xcatflow.steps.package_directory as directories
import xcatflow.steps.packages.repository_params as places
from tests.fakes.desk import FolderDesk
from tests.fakes.packages import Machine, apt_machine, dnf_machine
from tests.fakes.target import tools
from xcatflow.errors import ActFailed, CannotTell, InvalidInput
from xcatflow.steps import package_repository as module
from xcatflow.steps.package_directory import DirectoryParams, PackageDirectory
from xcatflow.steps.package_repository import PackageRepository, RepositoryFiles
from xcatflow.steps.packages.openpgp import armoured
from xcatflow.steps.packages.repository_params import RepositoryParams

REPOSITORY, DIRECTORY = PackageRepository(), PackageDirectory()
KEYS = Path(__file__).parent / "data" / "keys"
LAB, RSA = (KEYS / "lab.asc").read_bytes(), (KEYS / "rsa.gpg").read_bytes()
LAB_PRINT = "5A85 0AE4 DFF9 52D5 AA33 5149 7104 4DE1 9212 36D9"
APT: dict[str, Any] = {"family": "apt", "suites": "bookworm", "components": "stable"}


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that stands for `/` for the repository's files."""
    root = tmp_path / "etc"
    for folder in ("etc/apt/sources.list.d", "etc/apt/keyrings", "etc/yum.repos.d", "etc/zypp/repos.d"):
        (root / folder).mkdir(parents=True)
    for name in ("source_path", "key_path"):
        real = getattr(places, name)
        monkeypatch.setattr(places, name, lambda want, real=real: f"{root}{real(want)}")
        monkeypatch.setattr(module, name, getattr(places, name))
    return root


def given(tmp_path: Path, **params: Any) -> RepositoryParams:
    (tmp_path / "key.asc").write_bytes(LAB)
    way = {} if {"key_url", "machine_keys"} & set(params) else {"key": "key.asc"}
    wanted = {"name": "docker", "urls": "https://repo.example/x", **way, **params}
    return REPOSITORY.prepare(RepositoryParams.model_validate(wanted), FolderDesk(tmp_path))


def test_a_repository_for_apt(etc: Path, tmp_path: Path) -> None:
    at, wanted = apt_machine(tmp_path), given(tmp_path, **APT)
    (change,) = at.converge(REPOSITORY, wanted)
    assert str(change) == f"create repository docker: signed by {LAB_PRINT}"
    assert at.converge(REPOSITORY, wanted) == ()
    key = etc / "etc/apt/keyrings/docker.asc"
    assert key.read_bytes() == LAB
    assert f"Signed-By: {key}\n" in (etc / "etc/apt/sources.list.d/docker.sources").read_text()
    assert len(at.log) == 1


def test_a_repository_that_cannot_be_fetched_does_not_stay(etc: Path, tmp_path: Path) -> None:
    at, wanted = apt_machine(tmp_path), given(tmp_path, **APT)
    source = etc / "etc/apt/sources.list.d/docker.sources"
    for old in (None, "Types: deb\n"):
        if old:
            source.write_text(old)
        (tmp_path / "trouble").write_text("GPG error: no public key\n")
        with pytest.raises(ActFailed, match='cannot fetch the index of repository "docker" on host01'):
            at.converge(REPOSITORY, wanted)
        assert (source.read_text() if source.exists() else None) == old


def test_a_repository_for_dnf(etc: Path, tmp_path: Path) -> None:
    at, wanted = dnf_machine(tmp_path), given(tmp_path, family="dnf")
    (tmp_path / "trouble").write_text("")
    with pytest.raises(ActFailed, match="Error: no route"):
        at.converge(REPOSITORY, wanted)
    (tmp_path / "trouble").unlink()
    at.converge(REPOSITORY, wanted)
    assert at.converge(REPOSITORY, wanted) == ()
    assert "gpgcheck=1\ngpgkey=file://" in (etc / "etc/yum.repos.d/docker.repo").read_text()


def test_a_repository_of_the_machines_own_trust(etc: Path, tmp_path: Path) -> None:
    at, wanted = apt_machine(tmp_path), given(tmp_path, machine_keys=True, **APT)
    (change,) = at.converge(REPOSITORY, wanted)
    assert str(change) == "create repository docker"
    assert "Signed-By" not in (etc / "etc/apt/sources.list.d/docker.sources").read_text()
    assert list((etc / "etc/apt/keyrings").iterdir()) == []
    assert at.converge(REPOSITORY, wanted) == ()


def test_a_changed_key_comes_back_on_undo(etc: Path, tmp_path: Path) -> None:
    at, wanted = apt_machine(tmp_path), given(tmp_path, **APT)
    at.converge(REPOSITORY, wanted)
    key = etc / "etc/apt/keyrings/docker.asc"
    key.write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\nold\n")
    seen = at.look(REPOSITORY, wanted)
    assert isinstance(seen, RepositoryFiles)
    (change,) = at.converge(REPOSITORY, wanted)
    assert change.why == "its key differs"
    REPOSITORY.undo(at, wanted, seen, change)
    assert "old" in key.read_text()


# --- keys from a URL ---

CURL = """
echo curl >>ROOT/curls
[ -e ROOT/served ] || { echo "curl: (6) Could not resolve host: repo.example" >&2; exit 6; }
while [ "$1" != -o ]; do shift; done; cp ROOT/served "$2"
"""


def curl(at: Machine, tmp_path: Path, served: bytes | None = None) -> Machine:
    tools(tmp_path / "bin", curl=CURL.replace("ROOT", str(tmp_path)))
    if served is not None:
        (tmp_path / "served").write_bytes(served)
    return at


def test_a_key_is_fetched_once_and_its_fingerprint_shown(etc: Path, tmp_path: Path) -> None:
    at = curl(apt_machine(tmp_path), tmp_path, RSA)
    wanted = given(tmp_path, key_url="https://repo.example/gpg", **APT)
    seen = at.look(REPOSITORY, wanted)
    (change,) = REPOSITORY.plan(seen, wanted)
    assert change.after == "signed by 155E 535B 0E97 ABBC 3A69 9D6E E17C AC13 E013 C442"
    assert list((etc / "etc/apt/keyrings").iterdir()) == []
    at.converge(REPOSITORY, wanted)
    assert (etc / "etc/apt/keyrings/docker.asc").read_bytes() == armoured(RSA)
    before = (tmp_path / "curls").read_text()
    assert at.converge(REPOSITORY, wanted) == ()
    assert (tmp_path / "curls").read_text() == before


def test_a_damaged_key_is_fetched_again(etc: Path, tmp_path: Path) -> None:
    at = curl(apt_machine(tmp_path), tmp_path, LAB)
    wanted = given(tmp_path, key_url="https://repo.example/gpg", **APT)
    at.converge(REPOSITORY, wanted)
    (etc / "etc/apt/keyrings/docker.asc").write_text("")
    (change,) = at.converge(REPOSITORY, wanted)
    assert change.why == "its key differs"
    assert (etc / "etc/apt/keyrings/docker.asc").read_bytes() == LAB


@pytest.mark.parametrize(
    ("served", "error", "message"),
    [
        (None, CannotTell, 'cannot get the key "https://repo.example/gpg" of repository "docker": curl: \\(6\\) Could not resolve host'),
        (b"<html>", InvalidInput, 'expected an OpenPGP public key, found something else, in "https://repo.example/gpg"'),
        (RSA, InvalidInput, f"expected the key with the fingerprint {LAB_PRINT} in .*, found 155E 535B .*: install nothing signed by it"),
    ],
)  # fmt: skip
def test_keys_that_are_not_taken(
    etc: Path, tmp_path: Path, served: bytes | None, error: type[Exception], message: str
) -> None:
    at = curl(apt_machine(tmp_path), tmp_path, served)
    wanted = given(tmp_path, key_url="https://repo.example/gpg", fingerprint=LAB_PRINT.lower(), **APT)
    with pytest.raises(error, match=message):
        at.look(REPOSITORY, wanted)


# --- params ---


def test_keys_are_read_from_the_site(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "binary.gpg").write_bytes(RSA)
    base = {"name": "x", "family": "apt", "urls": "https://u", "suites": "./"}

    def prepared(**params: Any) -> RepositoryParams:
        return REPOSITORY.prepare(RepositoryParams.model_validate({**base, **params}), FolderDesk(tmp_path))

    ready = prepared(key="binary.gpg")
    assert ready.key_base64 == b64encode(RSA).decode()
    assert REPOSITORY.prepare(ready, FolderDesk(tmp_path)) == ready
    for_rpm = prepared(key="binary.gpg", family="dnf", suites=())
    assert for_rpm.own_key == armoured(RSA) != RSA
    assert prepared(key_base64=b64encode(RSA).decode(), family="zypper", suites=()).own_key == armoured(RSA)
    with pytest.raises(InvalidInput, match='expected an OpenPGP public key, found something else, in "text"'):
        prepared(key="text")
    with pytest.raises(InvalidInput, match='cannot read the key "no"'):
        prepared(key="no")
    with pytest.raises(InvalidInput, match="expected the key with the fingerprint"):
        prepared(key="binary.gpg", fingerprint=LAB_PRINT)
    with pytest.raises(InvalidInput, match=r'expected an OpenPGP public key, .* in "key_base64"'):
        prepared(key_base64="bm8=")
    with pytest.raises(InvalidInput, match="was not prepared"):
        REPOSITORY.ask(RepositoryParams.model_validate({**base, "key": "no"}))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, 'exactly one of "key", "key_base64", "key_url", "machine_keys", found none: only signed'),
        ({"key": "k", "key_base64": "mQE="}, 'found "key" and "key_base64"'),
        ({"key_url": "http://h/k"}, 'expected an https URL, found "http://h/k"'),
        ({"key": "k", "fingerprint": "12"}, "expected the 40 or 64 hexadecimal digits"),
        ({"machine_keys": True, "fingerprint": "0" * 40}, '"fingerprint" is for a key that is given'),
        ({"key_base64": "?"}, "is no base64"),
        ({"key": "k", "suites": ()}, '"suites" is missing'),
        ({"key": "k", "components": ()}, 'expected "components" for named suites'),
        ({"key": "k", "suites": "./"}, 'none for suites that end in "/"'),
        ({"key": "k", "family": "dnf"}, 'are for the family "apt"'),
        ({"key": "k", "family": "zypper", "suites": (), "components": (), "urls": ["a", "b"]}, "takes one URL"),
        ({"key": "k", "name": "A b"}, "expected small letters"),
        ({"key": "k", "urls": ["a b"]}, 'expected no blanks and no "#"'),
        ({"key": "k", "title": "a\nb"}, "expected one line"),
    ],
)
def test_repositories_that_make_no_sense(params: dict[str, Any], message: str) -> None:
    base = {"name": "x", "family": "apt", "urls": "https://u", "suites": "s", "components": "c"}
    with pytest.raises(ValidationError, match=message):
        RepositoryParams.model_validate({**base, **params})


# --- directories ---


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a machine's copy is, in place of /var/lib/xcatflow/packages."""
    (tmp_path / "sources").mkdir()
    monkeypatch.setattr(directories, "ROOT", str(tmp_path / "store"))
    monkeypatch.setattr(directories, "_source_path", lambda want: f"{tmp_path}/sources/{want.name}")
    return tmp_path / "store" / "otherpkgs"


def packages(tmp_path: Path, family: str = "apt", **files: str) -> DirectoryParams:
    for name, text in files.items():
        path = tmp_path / "site" / name.replace("__", "/").replace("_deb", ".deb").replace("_rpm", ".rpm")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    wanted = DirectoryParams(name="otherpkgs", path="site", family=family)
    return DIRECTORY.prepare(wanted, FolderDesk(tmp_path))


def deb_machine(tmp_path: Path) -> Machine:
    """An apt machine whose packages are texts that are their own description."""
    at = apt_machine(tmp_path)
    tools(tmp_path / "bin", ("sha256sum",), dpkg_deb='cat "$2"', stat='exec /usr/bin/stat "$@"')
    return at


def test_a_directory_of_packages(store: Path, tmp_path: Path) -> None:
    at = deb_machine(tmp_path)
    wanted = packages(tmp_path, a_deb="Package: a\nVersion: 1\n", tools__b_deb="Package: b\n")
    (change,) = at.converge(DIRECTORY, wanted)
    assert str(change) == "create packages of directory otherpkgs: a.deb, tools/b.deb; 33 B"
    index = (store / "Packages").read_text()
    assert "Package: a\nVersion: 1\nFilename: ./a.deb\nSize: 22\nSHA256: " in index
    assert "Filename: ./tools/b.deb" in index
    assert (tmp_path / "sources" / "otherpkgs").read_text() == (
        f"Types: deb\nURIs: file:{store}\nSuites: ./\nTrusted: yes\n"
    )
    assert at.converge(DIRECTORY, wanted) == ()
    assert [line.split()[0] for line in at.log] == ["update"]


def test_files_that_go_and_change(store: Path, tmp_path: Path) -> None:
    at = deb_machine(tmp_path)
    at.converge(DIRECTORY, packages(tmp_path, a_deb="Package: a\n", b_deb="Package: b\n"))
    (tmp_path / "site" / "b.deb").unlink()
    wanted = packages(tmp_path, a_deb="Package: a2\n")
    changes = at.converge(DIRECTORY, wanted)
    assert [str(change) for change in changes] == [
        "remove package b.deb of directory otherpkgs: b.deb -> (none)",
        "update packages of directory otherpkgs: a.deb; 12 B",
    ]
    assert "Package: a2" in (store / "Packages").read_text()
    (tmp_path / "site" / "c.deb").write_text("x")
    both = packages(tmp_path, c_deb="Package: c\n")
    at.converge(DIRECTORY, both)
    (tmp_path / "site" / "c.deb").unlink()
    (change,) = at.converge(DIRECTORY, packages(tmp_path))
    assert change.verb == "remove"
    assert "Package: c" not in (store / "Packages").read_text()


def test_what_is_no_directory_of_packages(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r'expected packages \(\*\.deb\) in "site", found none'):
        packages(tmp_path)
    with pytest.raises(InvalidInput, match='"site" has no index: run createrepo_c "site" first'):
        packages(tmp_path, "dnf", a_rpm="x")


def test_the_way_back_of_a_directory(store: Path, tmp_path: Path) -> None:
    at, wanted = deb_machine(tmp_path), packages(tmp_path, a_deb="Package: a\n")
    seen = at.look(DIRECTORY, wanted)
    (change,) = at.converge(DIRECTORY, wanted)
    DIRECTORY.undo(at, wanted, seen, change)
    assert not store.exists()
    assert list((tmp_path / "sources").iterdir()) == []
