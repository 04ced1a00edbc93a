"""`package.repository`: the machine's package manager knows a repository, and trusts it by a key of the site.

Source: sources.list(5) on deb822 and Signed-By, yum.conf(5) on `.repo` files.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from dataclasses import dataclass
from hashlib import sha256
from shlex import quote
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from xcatflow.contract import Desk, Params, Step, Target
from xcatflow.errors import InvalidInput, XcatflowError
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, File, FileFacts, Question
from xcatflow.steps.package_manager import Manager
from xcatflow.steps.place import checked, diff_of, place_file

_ARMOUR = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"


def _listed(value: object) -> object:
    return [item for item in re.split(r"[,\s]+", value) if item] if isinstance(value, str) else value


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", value):
        raise ValueError(f'expected small letters, digits, "-" and "_", found "{value}"')
    return value


def _words(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not re.fullmatch(r"[^\s#]+", value):
            raise ValueError(f'expected no blanks and no "#", found "{value}"')
    return values


def _title(value: str) -> str:
    if any(ord(char) < 32 for char in value):
        raise ValueError("expected one line")
    return value


_Listed = Annotated[
    tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str]), AfterValidator(_words)
]


class RepositoryParams(Params):
    """One repository. `key` (or `key_base64`) is required: unsigned repositories are not supported."""

    name: Annotated[str, AfterValidator(_name)] = Field(description="Its name; its files on the machine are called so.")
    family: Literal["apt", "dnf"] = Field(description="The package manager it is for.")
    urls: _Listed = Field(min_length=1, description="Where it is: a list, or text with blanks or commas between.")
    suites: _Listed = Field(
        (), description='apt: the suites, such as "bookworm"; one that ends in "/" is a flat directory.'
    )
    components: _Listed = Field((), description='apt: the components, such as "main".')
    architectures: _Listed = Field(
        (), description='apt: the architectures, such as "amd64"; all of the machine when left out.'
    )
    key: str | None = Field(None, description="File of the site with the OpenPGP public key that signs it.")
    key_base64: str | None = Field(None, description="The key itself, in base64, in place of `key`.")
    title: Annotated[str, AfterValidator(_title)] = Field("", description="What it is, for people.")

    @model_validator(mode="after")
    def _complete(self) -> "RepositoryParams":
        if (self.key is None) == (self.key_base64 is None):
            raise ValueError('expected exactly one of "key" and "key_base64": only signed repositories are used')
        if self.key_base64 is not None:
            try:
                b64decode(self.key_base64, validate=True)
            except BadBase64 as error:
                raise ValueError(f'"key_base64" is no base64: {error}') from None
        flat = [suite for suite in self.suites if suite.endswith("/")]
        match self.family:
            case "dnf" if self.suites or self.components or self.architectures:
                raise ValueError('"suites", "components" and "architectures" are for the family "apt"')
            case "apt" if not self.suites:
                raise ValueError('"suites" is missing: the family "apt" needs it')
            case "apt" if bool(flat) == bool(self.components):
                raise ValueError('expected "components" for named suites, and none for suites that end in "/"')
        return self


@dataclass(frozen=True, slots=True)
class RepositoryFiles:
    """The repository's two files as they stand; None: not there."""

    source: FileFacts | None
    key: FileFacts | None


class PackageRepository(Step[RepositoryParams, RepositoryFiles]):
    """A source is put in place only together with its key, and stays only when its index can be fetched."""

    kind = "package.repository"
    params: ClassVar[type[Params]] = RepositoryParams

    def prepare(self, want: RepositoryParams, desk: Desk) -> RepositoryParams:
        if want.key is None:
            return want
        try:
            key = desk.path(want.key).read_bytes()
        except OSError as error:
            raise InvalidInput(f'cannot read the key "{want.key}": {error.strerror}') from None
        if _ARMOUR not in key and not key[:1] >= b"\x80":
            raise InvalidInput(f'expected an OpenPGP public key in "{want.key}", found something else')
        return want.model_copy(update={"key": None, "key_base64": b64encode(key).decode()})

    def ask(self, want: RepositoryParams) -> tuple[Question[Any], ...]:
        return (_source_question(want), _key_question(want))

    def seen(self, answers: Answers, want: RepositoryParams) -> RepositoryFiles | None:
        source, key = answers[_source_question(want)], answers[_key_question(want)]
        return RepositoryFiles(source, key) if source or key else None

    def plan(self, seen: RepositoryFiles | None, want: RepositoryParams) -> tuple[Change, ...]:
        source, key = (seen.source, seen.key) if seen else (None, None)
        text = _source(want).encode()
        same_source = source is not None and source.sha256 == sha256(text).hexdigest()
        same_key = key is not None and key.sha256 == sha256(_key(want)).hexdigest()
        if same_source and same_key:
            return ()
        old = (source.content if source else b"") or b""
        diff = "" if same_source else diff_of(_source_path(want), old, text)
        why = "" if same_key or key is None else "its key differs"
        return (Change(Verb.UPDATE if source else Verb.CREATE, f"repository {want.name}", why=why, diff=diff),)

    def apply(self, at: Target, want: RepositoryParams, seen: RepositoryFiles | None, change: Change) -> None:
        folder = quote(_key_path(want).rpartition("/")[0])
        checked(at, f"umask 022; mkdir -p -- {folder}", "cannot make the directory of keys")
        place_file(at, _key_path(want), _key(want))
        place_file(at, _source_path(want), _source(want).encode())
        try:
            Manager(at=at).fetch(want.family, _fetch(want), f'cannot fetch the index of repository "{want.name}"')
        except XcatflowError:
            # A source that stayed would look converged the next time, and break every later refresh.
            self.undo(at, want, seen, change)
            raise

    def undo(self, at: Target, want: RepositoryParams, seen: RepositoryFiles | None, change: Change) -> None:
        source = seen.source if seen else None
        if source and source.content is not None:
            place_file(at, _source_path(want), source.content)
        elif source is None:
            checked(at, f"rm -f -- {quote(_source_path(want))}", f'cannot remove repository "{want.name}"')
        key = seen.key if seen else None
        if key and key.content is not None:
            place_file(at, _key_path(want), key.content)


def _source_question(want: RepositoryParams) -> File:
    return File(_source_path(want), sha256(_source(want).encode()).hexdigest())


def _key_question(want: RepositoryParams) -> File:
    return File(_key_path(want), sha256(_key(want)).hexdigest())


def _key(want: RepositoryParams) -> bytes:
    if want.key_base64 is None:
        raise InvalidInput(f'repository "{want.name}" has no key yet: it was not prepared')
    return b64decode(want.key_base64)


def _source_path(want: RepositoryParams) -> str:
    return {
        "apt": f"/etc/apt/sources.list.d/{want.name}.sources",
        "dnf": f"/etc/yum.repos.d/{want.name}.repo",
    }[want.family]


def _key_path(want: RepositoryParams) -> str:
    if want.family == "dnf":
        return f"/etc/pki/rpm-gpg/RPM-GPG-KEY-{want.name}"
    # apt tells the two encodings of a key apart by the name.
    return f"/etc/apt/keyrings/{want.name}.{'asc' if _ARMOUR in _key(want) else 'gpg'}"


def _source(want: RepositoryParams) -> str:
    if want.family == "dnf":
        return (
            f"[{want.name}]\nname={want.title or want.name}\nbaseurl={' '.join(want.urls)}\nenabled=1\n"
            f"gpgcheck=1\ngpgkey=file://{_key_path(want)}\n"
        )
    fields = {
        "X-Repolib-Name": want.title,
        "Types": "deb",
        "URIs": " ".join(want.urls),
        "Suites": " ".join(want.suites),
        "Components": " ".join(want.components),
        "Architectures": " ".join(want.architectures),
        "Signed-By": _key_path(want),
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


def _fetch(want: RepositoryParams) -> tuple[str, ...]:
    """What fetches this repository's index, and no other's."""
    if want.family == "dnf":
        only = ("--disablerepo=*", f"--enablerepo={want.name}", f"--setopt={want.name}.skip_if_unavailable=0")
        return (*only, "makecache")
    settings = (f"Dir::Etc::sourcelist={_source_path(want)}", "Dir::Etc::sourceparts=-", "APT::Get::List-Cleanup=0")
    return ("update", *(part for setting in settings for part in ("-o", setting)))
