"""Parameters of `package.repository`, and the files that they make on a machine.

Source: sources.list(5) on deb822 and Signed-By, yum.conf(5) on `.repo` files, zypper(8) on repositories.
"""

import re
from base64 import b64decode
from binascii import Error as BadBase64
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from xcatflow.contract import Params
from xcatflow.errors import InvalidInput
from xcatflow.steps.packages.openpgp import ARMOUR

KEY_WAYS = ("key", "key_base64", "key_url", "machine_keys")


def _listed(value: object) -> object:
    return [item for item in re.split(r"[,\s]+", value) if item] if isinstance(value, str) else value


def repository_name(value: str) -> str:
    """The value, where it may be the name of a repository. Raises ValueError."""
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


def _secure(value: str) -> str:
    if not re.fullmatch(r"https://[^\s'\"]+", value):
        raise ValueError(f'expected an https URL, found "{value}"')
    return value


def _fingerprint(value: str) -> str:
    bare = re.sub(r"[\s:]", "", value).upper().removeprefix("0X")
    if not re.fullmatch(r"[0-9A-F]{40}([0-9A-F]{24})?", bare):
        raise ValueError(f'expected the 40 or 64 hexadecimal digits of a key\'s fingerprint, found "{value}"')
    return bare


_Listed = Annotated[
    tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str]), AfterValidator(_words)
]


class RepositoryParams(Params):
    """One repository, and what it is trusted by: exactly one of `key`, `key_base64`, `key_url` and `machine_keys`."""

    name: Annotated[str, AfterValidator(repository_name)] = Field(
        description="Its name; its files on the machine are called so."
    )
    family: Literal["apt", "dnf", "zypper"] = Field(description="The package manager it is for.")
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
    key_url: Annotated[str, AfterValidator(_secure)] | None = Field(
        None, description="Where the machine gets the key, by https; once it has it, it stays."
    )
    fingerprint: Annotated[str, AfterValidator(_fingerprint)] | None = Field(
        None, description="The key's fingerprint: another key is refused."
    )
    machine_keys: bool = Field(
        False, description="It is signed by a key that the machine trusts already, such as its distribution's."
    )
    title: Annotated[str, AfterValidator(_title)] = Field("", description="What it is, for people.")

    @model_validator(mode="after")
    def _complete(self) -> "RepositoryParams":
        given = [name for name in KEY_WAYS if getattr(self, name)]
        if len(given) != 1:
            found = " and ".join(f'"{name}"' for name in given) or "none"
            ways = ", ".join(f'"{name}"' for name in KEY_WAYS)
            raise ValueError(f"expected exactly one of {ways}, found {found}: only signed repositories are used")
        if self.key_base64 is not None:
            try:
                b64decode(self.key_base64, validate=True)
            except BadBase64 as error:
                raise ValueError(f'"key_base64" is no base64: {error}') from None
        if self.fingerprint and self.machine_keys:
            raise ValueError('"fingerprint" is for a key that is given, "machine_keys" gives none')
        self._suits()
        return self

    def _suits(self) -> None:
        flat = [suite for suite in self.suites if suite.endswith("/")]
        match self.family:
            case "dnf" | "zypper" if self.suites or self.components or self.architectures:
                raise ValueError('"suites", "components" and "architectures" are for the family "apt"')
            case "zypper" if len(self.urls) > 1:
                raise ValueError('the family "zypper" takes one URL: give the others names of their own')
            case "apt" if not self.suites:
                raise ValueError('"suites" is missing: the family "apt" needs it')
            case "apt" if bool(flat) == bool(self.components):
                raise ValueError('expected "components" for named suites, and none for suites that end in "/"')

    @property
    def own_key(self) -> bytes | None:
        """The key, None where the machine gets or has it. Raises InvalidInput before `prepare`."""
        if self.key is not None:
            raise InvalidInput(f'repository "{self.name}" has no key yet: it was not prepared')
        return None if self.key_base64 is None else b64decode(self.key_base64)

    @property
    def keyed(self) -> bool:
        """Is there a file with its key on the machine?"""
        return not self.machine_keys


def source_path(want: RepositoryParams) -> str:
    return {
        "apt": f"/etc/apt/sources.list.d/{want.name}.sources",
        "dnf": f"/etc/yum.repos.d/{want.name}.repo",
        "zypper": f"/etc/zypp/repos.d/{want.name}.repo",
    }[want.family]


def key_path(want: RepositoryParams) -> str:
    if want.family != "apt":
        return f"/etc/pki/rpm-gpg/RPM-GPG-KEY-{want.name}"
    # apt tells the two encodings of a key apart by the name. What is fetched is stored as text.
    own = want.own_key
    return f"/etc/apt/keyrings/{want.name}.{'asc' if own is None or ARMOUR in own else 'gpg'}"


def source_text(want: RepositoryParams) -> str:
    if want.family != "apt":
        title = want.title or want.name
        key = f"gpgkey=file://{key_path(want)}\n" if want.keyed else ""
        extra = "autorefresh=1\n" if want.family == "zypper" else ""
        return f"[{want.name}]\nname={title}\nbaseurl={' '.join(want.urls)}\nenabled=1\n{extra}gpgcheck=1\n{key}"
    fields = {
        "X-Repolib-Name": want.title,
        "Types": "deb",
        "URIs": " ".join(want.urls),
        "Suites": " ".join(want.suites),
        "Components": " ".join(want.components),
        "Architectures": " ".join(want.architectures),
        "Signed-By": key_path(want) if want.keyed else "",
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


def fetch_words(want: RepositoryParams) -> tuple[str, ...]:
    """What the package manager is told to fetch this repository's index, and no other's."""
    return fetch_only(want.family, want.name, source_path(want))


def fetch_only(family: str, name: str, path: str) -> tuple[str, ...]:
    """What a package manager is told to fetch the index of the repository `name`, whose file is at `path`, and no other's."""
    match family:
        case "dnf":
            only = ("--disablerepo=*", f"--enablerepo={name}", f"--setopt={name}.skip_if_unavailable=0")
            return (*only, "makecache")
        case "zypper":
            return ("refresh", "--force", name)
        case _:
            settings = (f"Dir::Etc::sourcelist={path}", "Dir::Etc::sourceparts=-", "APT::Get::List-Cleanup=0")
            return ("update", *(word for setting in settings for word in ("-o", setting)))
