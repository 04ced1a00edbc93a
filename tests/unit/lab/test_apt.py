"""The machine's apt configuration as hosts get it."""

from pathlib import Path

import pytest

from xcatflow.errors import ActFailed
from xcatflow.lab.apt import KEYRING, Archive, archives, settings, sources

DATA = Path(__file__).parent / "data"
TARGETS = (DATA / "indextargets.txt").read_text()
DUMP = (DATA / "apt-config.txt").read_text()
MIRROR, SECURITY = "http://mirror.example.org/debian", "http://security.example.org/debian-security"


def test_debian_s_archives_with_the_hosts_suite_the_main_one_first() -> None:
    assert archives(TARGETS) == (
        Archive(MIRROR, "bookworm"),
        Archive(MIRROR, "bookworm-updates"),
        Archive(SECURITY, "bookworm-security"),
    )


def test_the_order_of_the_sources_does_not_matter_to_what_is_main() -> None:
    blocks = TARGETS.split("\n\n")
    assert archives("\n\n".join([*blocks[2:], *blocks[:2]]))[0].suite == "bookworm"


def test_machines_without_debian() -> None:
    other = "\n\n".join(block for block in TARGETS.split("\n\n") if "Origin: Debian" not in block)
    for targets in (other, ""):
        with pytest.raises(ActFailed, match="no source of Debian packages"):
            archives(targets)


def test_sources() -> None:
    text = sources((Archive(MIRROR, "bookworm"), Archive(SECURITY, "bookworm-security")))
    first, second = text.split("\n\n")
    assert first.splitlines() == [
        "Types: deb",
        f"URIs: {MIRROR}",
        "Suites: bookworm",
        "Components: main",
        f"Signed-By: {KEYRING}",
    ]
    assert f"URIs: {SECURITY}" in second


def test_settings_say_how_to_reach_archives_and_nothing_else() -> None:
    assert settings(DUMP, env={}).splitlines() == [
        'Acquire::Retries "3";',
        'Acquire::Check-Valid-Until "false";',
        'Acquire::Languages:: "none";',
        'Acquire::http::Proxy "http://proxy.example.org:3128/";',
        'Acquire::https::CAInfo "/etc/ssl/certs/ca-certificates.crt";',
    ]


def test_a_proxy_of_the_environment_counts_where_apt_names_none() -> None:
    env = {"http_proxy": "http://env.example.org:1", "HTTPS_PROXY": "http://env.example.org:2"}
    lines = settings(DUMP, env=env).splitlines()
    assert 'Acquire::http::Proxy "http://proxy.example.org:3128/";' in lines
    assert 'Acquire::http::Proxy "http://env.example.org:1";' not in lines
    assert 'Acquire::https::Proxy "http://env.example.org:2";' in lines
    assert settings("", env=env).count("Proxy") == 2
