"""`otherpkgdir` and `pkgdir` as values, and what is refused in them."""

import pytest

from xcatflow.errors import InvalidInput, Source
from xcatflow.steps.packages.otherpkgdir import Places, Repository, family_of, parse_otherpkgdir, parse_pkgdir

DOCKER = (
    "[signed-by=https://download.docker.com/linux/debian/gpg] https://download.docker.com/linux/debian bookworm stable"
)


def test_a_directory_and_repositories() -> None:
    found = parse_otherpkgdir(
        f"/install/post/otherpkgs/debian12/x86_64, {DOCKER},[arch=amd64,arm64 signed-by=keys/x.asc]http://h/x ./"
    )
    assert found == Places(
        "/install/post/otherpkgs/debian12/x86_64",
        (
            Repository(
                DOCKER,
                "https://download.docker.com/linux/debian",
                ("bookworm", "stable"),
                "https://download.docker.com/linux/debian/gpg",
            ),
            Repository(
                "[arch=amd64,arm64 signed-by=keys/x.asc]http://h/x ./",
                "http://h/x",
                ("./",),
                "keys/x.asc",
                "",
                ("amd64", "arm64"),
            ),
        ),
    )
    assert parse_otherpkgdir(" , ") == Places()


def test_params_of_a_vendors_repository() -> None:
    (found,) = parse_otherpkgdir(DOCKER).repositories
    assert found.params("apt") == {
        "name": "download-docker-com-linux-debian-bookworm-stable",
        "family": "apt",
        "urls": ["https://download.docker.com/linux/debian"],
        "suites": ["bookworm"],
        "components": ["stable"],
        "architectures": [],
        "key_url": "https://download.docker.com/linux/debian/gpg",
    }


def test_params_for_rpm() -> None:
    print_ = "5A850AE4DFF952D5AA33514971044DE1921236D9"
    (found,) = parse_otherpkgdir(f"[signed-by=keys/k fingerprint={print_}] https://h/el9/x86_64").repositories
    assert found.params("dnf") == {
        "name": "h-el9-x86-64",
        "family": "dnf",
        "urls": ["https://h/el9/x86_64"],
        "key": "keys/k",
        "fingerprint": print_,
    }
    (mirror,) = parse_pkgdir("/install/sles15/x86_64,http://mirror/sles15").repositories
    assert mirror.params("zypper") == {
        "name": "mirror-sles15",
        "family": "zypper",
        "urls": ["http://mirror/sles15"],
        "machine_keys": True,
    }


def test_pkgdir_may_have_several_directories_and_no_keys() -> None:
    assert parse_pkgdir("/a,/b,http://mirror/debian bookworm main").directory == "/a"


def test_long_names_stay_apart() -> None:
    names = {
        parse_otherpkgdir(f"[signed-by=k] https://h/{'x' * 80} bookworm {part}").repositories[0].name
        for part in ("a", "b")
    }
    assert len(names) == 2
    assert all(len(name) < 80 for name in names)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "https://h/x bookworm main",
            'otherpkgdir: "https://h/x bookworm main" has no key, and what is not signed is not installed: write '
            '"[signed-by=KEY] https://h/x bookworm main", where KEY is a file of the site, or the https URL, with the OpenPGP public key '
            "of who publishes it",
        ),
        ("[trusted=yes] http://h/x a b", 'otherpkgdir: "trusted" would install what nobody signed, found in "TEXT": give "signed-by=KEY"'),
        (
            "[signed-by=http://h/k] http://h/x a b",
            'otherpkgdir: expected a file of the site or an https URL as key, found "http://h/k" in "TEXT"',
        ),
        ("[signd-by=k] http://h/x a b", 'otherpkgdir: unknown option "signd-by" in "TEXT", did you mean "signed-by"?'),
        ("[signed-by=] http://h/x a b", 'otherpkgdir: expected "signed-by=VALUE" in brackets, found "signed-by=" in "TEXT"'),
        ("[signed-by=k http://h/x a b", 'otherpkgdir: expected "[signed-by=KEY] URL ...", found "TEXT"'),
        ("[signed-by=k] ftp://h/x a b", 'otherpkgdir: expected a URL with http:// or https://, found "ftp://h/x" in "TEXT"'),
        ("[signed-by=k] /a", 'otherpkgdir: expected a directory or a URL, found "TEXT"'),
        ("/a b", 'otherpkgdir: expected a directory or a URL, found "/a b"'),
        ("/a,/b", "otherpkgdir: at most one entry may be a local directory, found /a, /b"),
        (
            "[signed-by=k] http://h/x a b,[signed-by=l] http://h/x a b",
            'otherpkgdir: "[signed-by=k] http://h/x a b" and "[signed-by=l] http://h/x a b" are one repository: keep one',
        ),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_otherpkgdir(text, Source("images.stanza", 7))
    assert str(caught.value) == f"images.stanza:7: {message.replace('TEXT', text)}"


@pytest.mark.parametrize(
    ("text", "family", "message"),
    [
        ("http://h/x", "apt", 'expected "URL SUITE COMPONENT..." for apt, or "URL DIRECTORY/", found'),
        ("http://h/x bookworm", "apt", "expected"),
        ("http://h/x ./ main", "apt", "expected"),
        ("http://h/x bookworm main", "dnf", "expected a URL alone for dnf"),
        ("[arch=x] http://h/x", "zypper", "expected a URL alone for zypper"),
    ],
)
def test_what_does_not_suit_the_package_manager(text: str, family: str, message: str) -> None:
    (found,) = parse_pkgdir(text).repositories
    with pytest.raises(InvalidInput, match=message):
        found.params(family)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("osvers", "family"),
    [
        ("debian12.5.0", "apt"), ("ubuntu22.04", "apt"), ("rhels9.4", "dnf"), ("rhel8", "dnf"), ("centos-stream9", "dnf"),
        ("rocky9.4", "dnf"), ("alma9", "dnf"), ("fedora41", "dnf"), ("ol9", "dnf"), ("sles15.6", "zypper"),
        ("leap15.6", "zypper"), ("opensuse-tumbleweed", "zypper"), ("windows", None), ("", None),
    ],
)  # fmt: skip
def test_families(osvers: str, family: str | None) -> None:
    assert family_of(osvers) == family
