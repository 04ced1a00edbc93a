"""`otherpkgdir` and `pkgdir` of an osimage as values: repositories, each with what it is trusted by, and a directory at most.

An entry is `[signed-by=KEY] URL SUITE COMPONENT...` for apt and `[signed-by=KEY] URL` for dnf and zypper; the key is a file of the site,
or an https URL. In brackets, with blanks between, there may also be `fingerprint=...` and, for apt, `arch=...`.

Source: xCAT's manual on otherpkgdir; sources.list(5), one-line format.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from xcatflow.errors import InvalidInput, Problem, Source, did_you_mean

Family = Literal["apt", "dnf", "zypper"]

_ENTRY = re.compile(r"(?:\[([^\]]*)\]\s*)?(.*)")
_OUTSIDE_BRACKETS = re.compile(r",(?![^\[]*\])")
_URL = re.compile(r"https?://[^\s/]+(/\S*)?")
_OPTIONS = ("signed-by", "fingerprint", "arch")
_SYSTEMS = re.compile(
    r"(debian|ubuntu|raspbian|mint)|(rhel|centos|rocky|alma|fedora|ol[0-9]|amzn)|(sles|suse|leap|opensuse|tumbleweed)"
)
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository. `key` is a file of the site or an https URL, empty where the machine's own keys are to do; `words` are what stands
    after the URL: suite and components."""

    entry: str
    url: str
    words: tuple[str, ...] = ()
    key: str = ""
    fingerprint: str = ""
    architectures: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """A name for its files on a machine: what it is, in small letters, so that it stays when other entries come and go."""
        text = "-".join([self.url.partition("://")[2], *self.words]).lower()
        name = re.sub(r"[^a-z0-9]+", "-", text).strip("-")
        return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}-{sha256(text.encode()).hexdigest()[:8]}"

    def params(self, family: Family) -> dict[str, Any]:
        """The params of `package.repository`. Raises InvalidInput where the entry does not suit the family."""
        found: dict[str, Any] = {"name": self.name, "family": family, "urls": [self.url]}
        flat = self.words[:1] and self.words[0].endswith("/")
        match family:
            case "apt":
                if not self.words or bool(flat) == bool(self.words[1:]):
                    raise InvalidInput(
                        f'expected "URL SUITE COMPONENT..." for apt, or "URL DIRECTORY/", found "{self.entry}"'
                    )
                found |= {"suites": [self.words[0]], "components": list(self.words[1:])}
                found |= {"architectures": list(self.architectures)}
            case _ if self.words or self.architectures:
                raise InvalidInput(f'expected a URL alone for {family}, found "{self.entry}": suites are for apt')
        if not self.key:
            return found | {"machine_keys": True}
        sort = "key_url" if "://" in self.key else "key"
        return found | {sort: self.key} | ({"fingerprint": self.fingerprint} if self.fingerprint else {})


@dataclass(frozen=True, slots=True)
class Places:
    """Where an osimage's packages are: a directory of the site (empty: none), and repositories."""

    directory: str = ""
    repositories: tuple[Repository, ...] = ()


def parse_otherpkgdir(text: str, source: Source | None = None) -> Places:
    """Directory and repositories of other packages; each repository needs a key. Raises InvalidInput naming every wrong entry."""
    return _parsed("otherpkgdir", text, source, keyless=False)


def parse_pkgdir(text: str, source: Source | None = None) -> Places:
    """The same of the distribution's own packages: a repository without a key is held against the keys that the machine trusts already.
    Of directories the first counts, which is the distribution as `copycds` left it."""
    return _parsed("pkgdir", text, source, keyless=True)


def family_of(osvers: str) -> Family | None:
    """The package manager of a system such as `debian12` or `rocky9.4`; None where it is not known."""
    match = _SYSTEMS.match(osvers.lower())
    if not match:
        return None
    return "apt" if match[1] else "dnf" if match[2] else "zypper"


def _parsed(attribute: str, text: str, source: Source | None, *, keyless: bool) -> Places:
    repositories: dict[str, Repository] = {}
    directories: list[str] = []
    problems: list[Problem] = []
    for entry in _entries(text):
        try:
            found = _entry(entry, keyless=keyless)
        except ValueError as error:
            problems.append(Problem(f"{attribute}: {error}", source))
            continue
        if isinstance(found, str):
            directories.append(found)
        elif (known := repositories.setdefault(found.name, found)) != found:
            problems.append(Problem(f'{attribute}: "{known.entry}" and "{entry}" are one repository: keep one', source))
    if len(directories) > 1 and not keyless:
        listed = ", ".join(directories)
        problems.append(Problem(f"{attribute}: at most one entry may be a local directory, found {listed}", source))
    if problems:
        raise InvalidInput(problems)
    return Places(directories[0] if directories else "", tuple(repositories.values()))


def _entries(text: str) -> Iterator[str]:
    """Commas separate entries, but not inside of brackets."""
    yield from filter(None, (" ".join(part.split()) for part in _OUTSIDE_BRACKETS.split(text)))


def _entry(entry: str, *, keyless: bool) -> Repository | str:
    match = _ENTRY.fullmatch(entry)
    if match is None or "[" in match[2]:
        raise ValueError(f'expected "[signed-by=KEY] URL ...", found "{entry}"')
    options = _options(match[1] or "", entry)
    head, *words = match[2].split() or [""]
    if "://" not in head:
        if options or words:
            raise ValueError(f'expected a directory or a URL, found "{entry}"')
        return head
    if not _URL.fullmatch(head):
        raise ValueError(f'expected a URL with http:// or https://, found "{head}" in "{entry}"')
    key = options.get("signed-by", "")
    if not key and not keyless:
        raise ValueError(
            f'"{entry}" has no key, and what is not signed is not installed: write "[signed-by=KEY] {entry}", where KEY is '
            "a file of the site, or the https URL, with the OpenPGP public key of who publishes it"
        )
    if "://" in key and not key.startswith("https://"):
        raise ValueError(f'expected a file of the site or an https URL as key, found "{key}" in "{entry}"')
    architectures = tuple(filter(None, options.get("arch", "").split(",")))
    return Repository(entry, head, tuple(words), key, options.get("fingerprint", ""), architectures)


def _options(text: str, entry: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split():
        name, equals, value = part.partition("=")
        if name == "trusted":
            raise ValueError(f'"trusted" would install what nobody signed, found in "{entry}": give "signed-by=KEY"')
        if name not in _OPTIONS:
            raise ValueError(f'unknown option "{name}" in "{entry}"{did_you_mean(name, _OPTIONS)}')
        if not equals or not value:
            raise ValueError(f'expected "{name}=VALUE" in brackets, found "{part}" in "{entry}"')
        found[name] = value
    return found
