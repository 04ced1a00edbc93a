"""The machine's own apt configuration, as far as throw-away hosts need it: where Debian comes from, and how to get there.

Source: apt-get(8) `indextargets` (answers for one-line and deb822 source files alike), apt-config(8), sources.list(5).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from xcatflow.errors import ActFailed
from xcatflow.lab.commands import run

SUITE = "bookworm"
DEBIAN = frozenset(
    {"stable", "oldstable", "testing", "unstable", "sid", "bullseye", "bookworm", "trixie", "forky", "duke"}
)
ARMOUR = ("updates", "security")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
WANTED = ("http", "https", "Check-", "Retries", "ForceIPv", "AllowInsecure", "AllowWeak", "Languages")


@dataclass(frozen=True, slots=True, order=True)
class Archive:
    """One archive that apt knows: its address and a suite in it."""

    uri: str
    suite: str


def archives(targets: str, suite: str = SUITE) -> tuple[Archive, ...]:
    """Debian's archives out of what `apt-get indextargets` prints, with `suite` in place of the machine's own release; the main one first.

    Raises ActFailed when the machine has no source of Debian packages.
    """
    found: dict[Archive, None] = {}
    for block in targets.split("\n\n"):
        fields = dict(line.partition(": ")[::2] for line in block.splitlines())
        release, _, part = fields.get("Release", "").partition("-")
        if (
            fields.get("Created-By") != "Packages"
            or fields.get("Origin", "Debian") != "Debian"
            or release not in DEBIAN
        ):
            continue
        if part in ("", *ARMOUR):
            found[Archive(fields["Repo-URI"].rstrip("/"), f"{suite}-{part}" if part else suite)] = None
    main = [archive for archive in found if archive.suite == suite]
    if not main:
        raise ActFailed("apt on this machine has no source of Debian packages: a lab's hosts are made from them")
    return (*main[:1], *(archive for archive in found if archive.suite != suite))


def sources(known: tuple[Archive, ...]) -> str:
    """A deb822 source file of these archives."""
    blocks = (
        f"Types: deb\nURIs: {item.uri}\nSuites: {item.suite}\nComponents: main\nSigned-By: {KEYRING}\n"
        for item in known
    )
    return "\n".join(blocks)


def settings(dump: str, env: Mapping[str, str] = os.environ) -> str:
    """What of `apt-config dump` says how to reach archives, as a configuration file; proxies of the environment count too.

    Programs that find a proxy are left out: a host does not have them.
    """
    kept = [
        line
        for line in dump.splitlines()
        if line.startswith(tuple(f"Acquire::{name}" for name in WANTED))
        and "detect" not in line.lower()
        and not line.endswith(' "";')
    ]
    for scheme in ("http", "https"):
        proxy = env.get(f"{scheme}_proxy") or env.get(f"{scheme.upper()}_PROXY")
        if proxy and not any(line.lower().startswith(f"acquire::{scheme}::proxy ") for line in kept):
            kept.append(f'Acquire::{scheme}::Proxy "{proxy}";')
    return "".join(f"{line}\n" for line in kept)


def machine_archives() -> tuple[Archive, ...]:
    """Debian's archives as this machine reaches them. Raises ActFailed."""
    return archives(run(["apt-get", "indextargets"]))


def machine_settings() -> str:
    """How this machine's apt reaches archives. Raises ActFailed."""
    return settings(run(["apt-config", "dump"]))
