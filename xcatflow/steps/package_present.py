"""`package.present`: packages of the distribution are installed, others are not.

Source: apt-get(8), dpkg(1) on kept configuration files, dnf(8).
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from xcatflow.contract import Desk, Params, Step, Target
from xcatflow.errors import CannotUndo, InvalidInput
from xcatflow.model.change import Change, Verb
from xcatflow.model.duration import Duration
from xcatflow.model.question import Answers, Package, Question
from xcatflow.steps.package_manager import Manager, newest, newest_question
from xcatflow.steps.pkglist import entry_problem, read_lists, split_entry


def _listed(value: object) -> object:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def _entries(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if problem := entry_problem(value):
            raise ValueError(problem)
    return tuple(dict.fromkeys(values))


_Listed = BeforeValidator(_listed, json_schema_input_type=str | list[str])


class PackageParams(Params):
    """Packages by name, from package lists, or both."""

    names: Annotated[tuple[str, ...], _Listed, AfterValidator(_entries)] = Field(
        (),
        description='Packages: "name" is installed, "name=version" in that version (a "*" stands for anything), "-name" removed.',
    )
    pkglist: Annotated[tuple[str, ...], _Listed] = Field(
        (), description="Package lists of the site, as xCAT writes them: a list, or text with commas."
    )
    upgrade: Literal["none", "listed"] = Field(
        "none", description="`listed` brings these packages to the newest version that the package index knows."
    )
    refresh: Literal["auto", "always", "never"] = Field(
        "auto",
        description="When to fetch the package index before installing: `auto` when it is old, or a package is not found.",
    )
    index_age: Duration = Field(86400.0, description="From which age on the package index is old, such as `12 h`.")
    recommends: bool = Field(False, description="Install recommended packages (weak dependencies) too.")
    environment: dict[str, str] = Field(
        default_factory=dict, description="Environment of the package manager; lists see it in paths of `#INCLUDE`."
    )
    lock_timeout: Duration = Field(
        120.0, description="How long to wait for another package manager at work on the machine, such as `5 min`."
    )

    @model_validator(mode="after")
    def _something(self) -> "PackageParams":
        if not self.model_fields_set & {"names", "pkglist"}:
            raise ValueError('expected "names" or "pkglist", found neither')
        wanted = {split_entry(entry)[0] for entry in self.names if not entry.startswith("-")}
        if both := wanted & {entry[1:] for entry in self.names if entry.startswith("-")}:
            raise ValueError(f'"{min(both)}" is listed both to be installed and to be removed')
        return self


@dataclass(frozen=True, slots=True)
class Packages:
    """Installed versions by name (None: not installed), and the newest ones that the index knows."""

    installed: dict[str, str | None]
    newest: dict[str, str]


class PackagePresent(Step[PackageParams, Packages]):
    """All packages in one call of the machine's package manager, whichever it is."""

    kind = "package.present"
    params: ClassVar[type[Params]] = PackageParams

    def prepare(self, want: PackageParams, desk: Desk) -> PackageParams:
        if not want.pkglist:
            return want
        listed = read_lists(want.pkglist, desk, want.environment)
        names = (*want.names, *listed.install, *(f"-{name}" for name in listed.remove))
        prepared = want.model_copy(
            update={
                "names": tuple(dict.fromkeys(names)),
                "pkglist": (),
                "environment": {**dict(listed.environment), **want.environment},
            }
        )
        if both := {split_entry(entry)[0] for entry in _wanted(prepared)} & set(_unwanted(prepared)):
            raise InvalidInput(f'"{min(both)}" is listed both to be installed and to be removed')
        return prepared

    def ask(self, want: PackageParams) -> tuple[Question[Any], ...]:
        names = [split_entry(entry.removeprefix("-"))[0] for entry in want.names]
        questions: list[Question[Any]] = [Package(name) for name in dict.fromkeys(names)]
        if unpinned := _upgradable(want):
            questions.append(newest_question(unpinned))
        return tuple(questions)

    def seen(self, answers: Answers, want: PackageParams) -> Packages:
        names = [split_entry(entry.removeprefix("-"))[0] for entry in want.names]
        unpinned = _upgradable(want)
        return Packages(
            {name: answers[Package(name)] for name in names},
            newest(answers[newest_question(unpinned)]) if unpinned else {},
        )

    def plan(self, seen: Packages | None, want: PackageParams) -> tuple[Change, ...]:
        seen = seen or Packages({}, {})
        changes: list[Change] = []
        if missing := _missing(seen, want):
            changes.append(_change(Verb.INSTALL, missing, after=", ".join(missing)))
        if other := _other_version(seen, want):
            news = [f"{name} {seen.installed[name]} -> {version}" for name, version in other.items()]
            changes.append(_change(Verb.UPDATE, list(other), after=", ".join(news)))
        if left := _left(seen, want):
            changes.append(_change(Verb.REMOVE, left, before=", ".join(left)))
        return tuple(changes)

    def apply(self, at: Target, want: PackageParams, seen: Packages | None, change: Change) -> None:
        seen = seen or Packages({}, {})
        manager = _manager(at, want)
        match change.verb:
            case Verb.INSTALL:
                manager.install(_missing(seen, want))
            case Verb.UPDATE:
                pins = dict(split_entry(entry) for entry in _wanted(want))
                other = _other_version(seen, want)
                manager.install([f"{name}={pins[name]}" if pins[name] else name for name in other])
            case _:
                manager.remove(_left(seen, want))

    def undo(self, at: Target, want: PackageParams, seen: Packages | None, change: Change) -> None:
        seen = seen or Packages({}, {})
        manager = _manager(at, want)
        match change.verb:
            case Verb.INSTALL:
                manager.remove([split_entry(entry)[0] for entry in _missing(seen, want)])
            case Verb.REMOVE:
                manager.install(_left(seen, want))
            case _:
                raise CannotUndo("the version that was installed before may be gone from the package sources")

    def outputs(self, seen: Packages | None, want: PackageParams) -> dict[str, str]:
        versions = seen.installed if seen else {}
        return {"versions": ", ".join(f"{name}={version}" for name, version in versions.items() if version)}


def _wanted(want: PackageParams) -> list[str]:
    return [entry for entry in want.names if not entry.startswith("-")]


def _unwanted(want: PackageParams) -> list[str]:
    return [entry[1:] for entry in want.names if entry.startswith("-")]


def _upgradable(want: PackageParams) -> tuple[str, ...]:
    """The names whose newest version matters."""
    return tuple(entry for entry in _wanted(want) if "=" not in entry) if want.upgrade == "listed" else ()


def _missing(seen: Packages, want: PackageParams) -> list[str]:
    return [entry for entry in _wanted(want) if not seen.installed.get(split_entry(entry)[0])]


def _left(seen: Packages, want: PackageParams) -> list[str]:
    return [name for name in _unwanted(want) if seen.installed.get(name)]


def _other_version(seen: Packages, want: PackageParams) -> dict[str, str]:
    """Installed packages that are to get another version: name to that version."""
    found: dict[str, str] = {}
    for name, version in map(split_entry, _wanted(want)):
        installed = seen.installed.get(name)
        if installed and version and not _is_version(installed, version):
            found[name] = version
        elif installed and not version and seen.newest.get(name, installed) != installed:
            found[name] = seen.newest[name]
    return found


def _is_version(installed: str, wanted: str) -> bool:
    """Does it match? rpm versions may be written without epoch and without release."""
    _, _, bare = installed.rpartition(":")
    return any(fnmatchcase(form, wanted) for form in (installed, bare, bare.rpartition("-")[0]))


def _change(verb: Verb, names: list[str], *, before: str | None = None, after: str | None = None) -> Change:
    if len(names) == 1 and verb is not Verb.UPDATE:
        return Change(verb, f"package {names[0]}")
    return Change(verb, "package" if len(names) == 1 else f"{len(names)} packages", before=before, after=after)


def _manager(at: Target, want: PackageParams) -> Manager:
    return Manager(
        at=at,
        refresh=want.refresh,
        index_age_s=want.index_age,
        recommends=want.recommends,
        lock_timeout_s=want.lock_timeout,
        environment=tuple(want.environment.items()),
    )
