"""A compose project as definitions: its services become nodes with mgt=docker, its networks with a subnet definitions of networks.

Source: Compose Specification; docker compose 2 for the name of a project and the files beside a compose file.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from xcatflow.errors import InvalidInput, Source, did_you_mean
from xcatflow.exchange.brought import Brought, Remark
from xcatflow.exchange.compose_making import Making
from xcatflow.exchange.compose_networks import drafts_of, named, networks_of
from xcatflow.exchange.compose_project import Project, Volume
from xcatflow.exchange.compose_said import Said
from xcatflow.exchange.compose_service import made_of
from xcatflow.exchange.compose_services import Services
from xcatflow.exchange.compose_tree import Fields, Text, Tree, fields, text, tree_of
from xcatflow.exchange.compose_variables import Variables, read_env
from xcatflow.exchange.compose_workflow import workflow_of
from xcatflow.exchange.container_node import GROUPS, flag_text, host_of
from xcatflow.exchange.names import group_name
from xcatflow.load.draft import Draft
from xcatflow.load.yaml_text import YamlMapping, parse_yaml
from xcatflow.model.definitions import Definitions

_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]*")
_NOT_PROJECT = re.compile(r"[^a-z0-9_-]")
_FILLED = ("name", "services", "networks", "volumes")
_TOLD = (*_FILLED, "configs", "secrets", "version")
_OVERRIDES = tuple(f"{stem}.override.{end}" for stem in ("compose", "docker-compose") for end in ("yaml", "yml"))
_ELSE = {"include": 'other files are not read: import what "docker compose config" prints'}


@dataclass(frozen=True, slots=True)
class Around:
    """What is around a compose file: the name of its directory, the daemon that its services are to be on, the environment, the files
    beside it: `read` gives the text of one, None where there is none."""

    directory: str = ""
    endpoint: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    read: Callable[[str], str | None] = lambda _name: None


def read_compose(document: str, file: str, around: Around, existing: Definitions) -> Brought:
    """The definitions that a compose file says. Raises InvalidInput with everything that is wrong with it."""
    reading = _Reading(file, around)
    brought = reading.brought(document, existing)
    if reading.said.problems:
        raise InvalidInput(sorted(dict.fromkeys(reading.said.problems), key=lambda it: it.source or Source("")))
    return brought


class _Reading:
    def __init__(self, file: str, around: Around) -> None:
        self._file, self._around = file, around
        self.said = Said()
        self._variables = Variables(around.environment)
        beside = str(PurePath(file).parent / ".env")
        if (dotenv := around.read(beside)) is not None:
            found = read_env(dotenv, beside, self._variables.get)
            self._variables.dotenv = {name: value for name, value in found.items() if value is not None}
            self._variables.used.clear()

    def brought(self, document: str, existing: Definitions) -> Brought:
        root = self._sections(document, self._file)
        project = self._project(root)
        makings = [made_of(service, project) for service in project.services.values() if service.wanted]
        used = tuple(dict.fromkeys(key for made in makings for key in made.used))
        workflows = workflow_of(project, used)
        drafts = [draft for made in makings for draft in _drafts(made, self._file)]
        drafts += drafts_of((project.networks[key] for key in used), existing, self.said)
        host = host_of(self._around.endpoint, existing.nodes, Source(self._file))
        if isinstance(host, Draft):
            drafts.append(host)
        elif host:
            self.said.notes.append(host)
        self._tell_around(root)
        self._tell_unused(project, used)
        return Brought(tuple(drafts), tuple(self.said.left), tuple(self.said.notes), workflows=workflows)

    # --- the file ---

    def _sections(self, document: str, file: str) -> Fields:
        """What stands at the top of a file, variables filled in where they mean something."""
        root = parse_yaml(document, Path(file), name=file, merge_keys=True).root
        if not isinstance(root, YamlMapping) or "services" not in root.items:
            raise InvalidInput('expected a compose file with "services"', Source(file, *root.place))
        return Fields(
            {key: tree_of(node, file, self._fill if key in _FILLED else None) for key, node in root.items.items()},
            Source(file, *root.place),
            {key: Source(file, *place) for key, place in root.keys.items()},
        )

    def _fill(self, written: str, source: Source) -> str:
        try:
            return self._variables.fill(written, source)
        except InvalidInput as error:
            self.said.problems += error.problems
            return ""

    def _project(self, root: Fields) -> Project:
        name = self._name(root.get("name"))
        profiles = (self._variables.get("COMPOSE_PROFILES") or "").split(",")
        services = Services(name, frozenset(profiles) - {""}, self._load, self.said)
        return Project(
            name=name,
            group=group_name(name),
            endpoint=self._around.endpoint,
            variables=self._variables,
            read=self._around.read,
            networks=networks_of(root.get("networks"), name),
            volumes=_volumes(root.get("volumes"), name),
            services=services.read(fields(root.items["services"], "services by their names")),
            said=self.said,
        )

    def _name(self, own: Tree | None) -> str:
        """The project's name, as docker compose finds it."""
        given = self._variables.get("COMPOSE_PROJECT_NAME") or (text(own) if own is not None else "")
        if given and not _PROJECT.fullmatch(given):
            expected = "expected a project's name of small letters, digits, dashes and underscores"
            raise InvalidInput(f'{expected}, found "{given}"', own.source if own is not None else Source(self._file))
        return given or _NOT_PROJECT.sub("", self._around.directory.lower()).lstrip("_-") or "compose"

    def _load(self, name: str, source: Source) -> Fields:
        """The services of another file, which is named in a file."""
        path = str(PurePath(source.file).parent / name)
        content = self._around.read(path)
        if content is None:
            raise InvalidInput(f'the file "{path}" is not there', source)
        return fields(self._sections(content, path).items["services"], "services by their names")

    # --- what there is to say ---

    def _tell_around(self, root: Fields) -> None:
        """Say what the definitions do not show: what was not read, where values came from, where containers are to be."""
        for key in root.items:
            if key not in _TOLD and not key.startswith("x-"):
                why = _ELSE.get(key) or f"it is not known here{did_you_mean(key, _TOLD)}"
                self.said.left.append(Remark(f'"{key}": {why}', root.at(key)))
        for name in _OVERRIDES:
            path = str(PurePath(self._file).parent / name)
            if path != self._file and self._around.read(path) is not None:
                why = f'docker compose takes "{path}" as well: import what "docker compose config" prints'
                self.said.left.append(Remark(why, Source(self._file)))
        self.said.notes += self._variables.notes
        for place, whose in (("environment", "the environment"), (".env", '".env"')):
            if names := sorted(name for name, found in self._variables.used.items() if found == place):
                self.said.notes.append(Remark(f"values of {', '.join(names)} are those of {whose}", Source(self._file)))
        if not self._around.endpoint:
            advice = "its nodes have no dockerhost: say --docker dh01:2376, or set it on their group"
            self.said.notes.append(Remark(advice, Source(self._file)))

    def _tell_unused(self, project: Project, used: tuple[str, ...]) -> None:
        for sort, known, seen in (
            ("network", project.networks, used),
            ("volume", project.volumes, tuple(project.mounted)),
        ):
            for key, one in known.items():
                if key not in seen and one.given.source.file:
                    self.said.notes.append(Remark(f'the {sort} "{key}" is used by no service', one.given.source))


def _volumes(tree: Tree | None, project: str) -> dict[str, Volume]:
    found: dict[str, Volume] = {}
    given = fields(tree, "volumes by their names") if tree is not None else Fields({}, Source(""))
    for key, below in given.items.items():
        empty = isinstance(below, Text) and below.empty
        own = Fields({}, given.at(key)) if empty else fields(below, f'the settings of the volume "{key}"')
        found[key] = Volume(key, *named(key, own, project), own)
    return found


def _drafts(made: Making, file: str) -> Iterator[Draft]:
    """The nodes of a service."""
    project, service = made.project, made.service
    place = service.tree.source if service.tree.source.file == file else Source(file)
    values = {"groups": f"{GROUPS},{project.group}", "mgt": "docker"}
    if project.endpoint:
        values["dockerhost"] = project.endpoint
    values |= {name: value for name, (value, _) in made.values.items()}
    if made.flags:
        values["dockerflag"] = flag_text(made.flags)
    places = {name: (at.line, at.col) for name, (_, at) in made.values.items() if at.file == file}
    for node in service.nodes:
        yield Draft("node", node, file, place.line, place.col, dict(values), dict(places))
