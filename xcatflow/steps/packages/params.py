"""Parameters of `package.present`, and what its lists say once they are read."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from xcatflow.contract import Desk, Params
from xcatflow.errors import InvalidInput
from xcatflow.model.duration import Duration
from xcatflow.model.script_environment import IDENTIFIER
from xcatflow.steps.packages.pkglist import Entry, PackageList, contradiction, parse_entry, read_lists

LISTS = ("names", "pkglist", "otherpkglist")


def _listed(value: object) -> object:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def _entries(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        parse_entry(value)
    return tuple(dict.fromkeys(values))


def _variables(values: dict[str, str]) -> dict[str, str]:
    for name in values:
        if not IDENTIFIER.fullmatch(name):
            raise ValueError(f'expected names of letters, digits and "_", found "{name}"')
    return values


_Listed = BeforeValidator(_listed, json_schema_input_type=str | list[str])


class PackageParams(Params):
    """Packages by name, from package lists, or both."""

    names: Annotated[tuple[str, ...], _Listed, AfterValidator(_entries)] = Field(
        (),
        description='Packages: "name" is installed, "name=version" in that version (a "*" stands for anything), "-name" removed; '
        '"@name" is a group (dnf) or pattern (zypper).',
    )
    pkglist: Annotated[tuple[str, ...], _Listed] = Field(
        (), description="Package lists of the site, as xCAT writes them: a list, or text with commas."
    )
    otherpkglist: Annotated[tuple[str, ...], _Listed] = Field(
        (),
        description='Lists of other packages: "-name" is removed first, "--name" last, and they may have several parts.',
    )
    upgrade: Literal["none", "listed", "all"] = Field(
        "listed",
        description="What is brought to the newest version that the machine's package index knows: nothing, the listed packages, or all "
        "that are installed.",
    )
    keep: Annotated[tuple[str, ...], _Listed] = Field(
        (),
        description="Listed packages that `upgrade: listed` leaves in the version they have; a version in the list counts all the same.",
    )
    instead: dict[str, Annotated[tuple[str, ...], _Listed]] = Field(
        default_factory=dict,
        description="For a listed package those that stand for it: where one of them is installed, it is not.",
    )
    hold: bool | None = Field(
        None,
        description="`true`: the listed packages are held, so that neither the machine's own upgrades nor `upgrade` touch them; "
        "`false`: they are not.",
    )
    refresh: Literal["auto", "always", "never"] = Field(
        "auto",
        description="When to fetch the package index: `auto` before installing, when it is old or a package is not found; `always` "
        "whenever it is old.",
    )
    index_age: Duration = Field(86400.0, description="From which age on the package index is old, such as `12 h`.")
    recommends: bool = Field(False, description="Install recommended packages (weak dependencies) too.")
    environment: Annotated[dict[str, str], AfterValidator(_variables)] = Field(
        default_factory=dict, description="Environment of the package manager; lists see it in paths of `#INCLUDE`."
    )
    lock_timeout: Duration = Field(
        120.0, description="How long to wait for another package manager at work on the machine, such as `5 min`."
    )

    @model_validator(mode="after")
    def _something(self) -> "PackageParams":
        if not self.model_fields_set & set(LISTS) and self.upgrade != "all":
            raise ValueError('expected "names", "pkglist" or "otherpkglist", found none')
        if problem := contradiction((_named(self.names),)):
            raise ValueError(problem.message)
        return self


class ReadParams(PackageParams):
    """The same after `prepare`: `lists` is what is done, one after the other."""

    lists: tuple[PackageList, ...] = Field((), description="What the lists say.")


def read_params(want: PackageParams, desk: Desk) -> ReadParams:
    """Read the lists. Raises InvalidInput with file and line."""
    if isinstance(want, ReadParams):
        return want
    listed = read_lists(want.pkglist, desk, want.environment)
    others = read_lists(want.otherpkglist, desk, want.environment, other=True)
    first = _named(want.names)
    for each in listed:
        first = PackageList(
            tuple(dict.fromkeys((*first.install, *each.install))),
            (),
            tuple(dict.fromkeys((*first.after, *each.after))),
            each.environment,
        )
    lists = tuple(each for each in (first, *others) if each)
    if problem := contradiction(lists):
        raise InvalidInput(problem)
    return ReadParams.model_construct(_fields_set=want.model_fields_set, **{**vars(want), "lists": lists})


def lists_of(want: PackageParams) -> tuple[PackageList, ...]:
    """What is done, one list after the other."""
    if isinstance(want, ReadParams):
        return want.lists
    named = _named(want.names)
    return (named,) if named else ()


def entries_of(want: PackageParams) -> tuple[Entry, ...]:
    """All entries, those to be removed as well."""
    return tuple(entry for each in lists_of(want) for entry in (*each.install, *each.removed))


def installs_of(want: PackageParams) -> tuple[Entry, ...]:
    """The packages that are to be installed; no groups."""
    return tuple(entry for each in lists_of(want) for entry in each.install if not entry.group)


def followed_of(want: PackageParams) -> tuple[str, ...]:
    """The names of those that are to be in the newest version."""
    if want.upgrade != "listed":
        return ()
    return tuple(dict.fromkeys(e.name for e in installs_of(want) if not e.version and e.name not in want.keep))


def environment_of(want: PackageParams, listed: PackageList) -> tuple[tuple[str, str], ...]:
    """The package manager's environment for a list: its own, and what the step says."""
    return tuple({**dict(listed.environment), **want.environment}.items())


def _named(names: tuple[str, ...]) -> PackageList:
    parsed = [parse_entry(name) for name in names]
    return PackageList(
        tuple(dict.fromkeys(entry for sign, entry in parsed if not sign)),
        (),
        tuple(dict.fromkeys(entry for sign, entry in parsed if sign)),
    )
