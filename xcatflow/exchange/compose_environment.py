"""The environment and the labels of a service, from the file itself and from files beside it.

Source: Compose Specification, "environment", "env_file", "labels", "label_file": what stands in the compose file is stronger.
"""

from pathlib import PurePath

from xcatflow.errors import InvalidInput, Source
from xcatflow.exchange.compose_project import Project, Service
from xcatflow.exchange.compose_tree import Fields, Tree, flag, items, pairs, text
from xcatflow.exchange.compose_variables import read_env, read_raw

_RESERVED = ("com.docker.compose.", "xcatflow.")


def environment_of(service: Service, project: Project) -> list[str]:
    """`NAME=value` texts. Raises InvalidInput."""
    found: dict[str, str | None] = {}
    places: dict[str, Source] = {}
    own, files = service.tree.get("environment"), service.tree.get("env_file")
    for item in items(files) if files is not None else ():
        for name, given in _read(item, service, project).items():
            found[name], places[name] = given, item.source
    for name, value, source in pairs(own) if own is not None else ():
        found[name], places[name] = None if value.empty else value.text, source
    for name in [name for name, value in found.items() if value is None]:
        found[name] = project.variables.get(name)
        if found[name] is None:
            said = f'the variable "{name}" of its environment is not set here: left out'
            project.said.note(service.name, said, places[name])
    return [f"{name}={value}" for name, value in found.items() if value is not None]


def labels_of(service: Service, project: Project) -> dict[str, str]:
    """Labels without those that are kept for programs. Raises InvalidInput."""
    found: dict[str, tuple[str, Source]] = {}
    own, files = service.tree.get("labels"), service.tree.get("label_file")
    for item in items(files) if files is not None else ():
        found |= {name: (value or "", item.source) for name, value in _read(item, service, project).items()}
    for name, value, source in pairs(own) if own is not None else ():
        found[name] = (value.text, source)
    for name in [name for name in found if name.startswith(_RESERVED)]:
        project.said.leave(
            service.name, f'the label "{name}"', "its beginning is kept for programs", found.pop(name)[1]
        )
    return {name: value for name, (value, _) in found.items()}


def _read(item: Tree, service: Service, project: Project) -> dict[str, str | None]:
    """The variables of a file that is named beside the file with `item`."""
    path, required, form = item, True, ""
    if isinstance(item, Fields):
        named = item.get("path")
        if named is None:
            raise InvalidInput('expected "path" of a file with variables', item.source)
        path = named
        required = not (value := item.get("required")) or flag(value)
        form = text(value) if (value := item.get("format")) else ""
    name = str(PurePath(item.source.file).parent / text(path))
    content = project.read(name)
    if content is None:
        if required:
            raise InvalidInput(f'the file "{name}" is not there', path.source)
        project.said.note(service.name, f'the file "{name}" is not there, and not needed', path.source)
        return {}
    return read_raw(content) if form == "raw" else read_env(content, name, project.variables.get)
