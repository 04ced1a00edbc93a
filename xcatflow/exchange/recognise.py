"""What form a text has, by its content."""

import json
import re
from typing import Literal

from xcatflow.errors import InvalidInput, Source
from xcatflow.load.plain import is_plain

Form = Literal["lsdef", "stanza", "yaml", "ini", "docker", "json", "compose"]
FORMS = ("lsdef", "stanza", "ansible", "docker", "json", "compose")

_STANZA = re.compile(r"^[ \t]*objtype[ \t]*=|^[ \t]*default-[a-z]+:[ \t\r]*$", re.MULTILINE)
_YAML = re.compile(r"^(?:---.*|(?:[^\s#\[=:]+|\"[^\"]*\"|'[^']*'):(?:[ \t].*)?)$")
_MARKS = ("#", ";")
_COMPOSE_NAME = re.compile(r"(?:.*/)?(?:docker-)?compose(?:[.-][^/]*)?\.ya?ml")
_SERVICES = re.compile(
    r"^services:[ \t]*(?:\[|(?:\{\s*|(?:#.*)?(?:\r?\n[ \t]*(?:#.*)?)*\n[ \t]+)['\"]?(?P<first>[^\s'\":#{]+))",
    re.MULTILINE,
)
_OF_GROUPS = ("hosts", "vars", "children")


def recognise(text: str, given: str, file: str) -> Form:
    """The form: `given` is what the user says it is, empty where he leaves it to us. Raises InvalidInput."""
    match given:
        case "lsdef" | "stanza":
            return "lsdef" if is_plain(text) else "stanza"
        case "docker" | "json" | "compose":
            return given
        case "ansible":
            return _ansible(text, file)
        case "":
            return _found(text, file)
    raise InvalidInput(f'no form "{given}": expected one of {", ".join(FORMS)}')


def _found(text: str, file: str) -> Form:
    if is_plain(text):
        return "lsdef"
    if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[") and (form := _json(text, file)):
        return form
    if _STANZA.search(text):
        return "stanza"
    return "compose" if _is_compose(text, file) else _ansible(text, file)


def _is_compose(text: str, file: str) -> bool:
    """Is it a compose file, by its name or by its services? An Ansible inventory may have a group of that name."""
    services = _SERVICES.search(text)
    return _COMPOSE_NAME.fullmatch(file) is not None or (services is not None and services["first"] not in _OF_GROUPS)


def _json(text: str, file: str) -> Form | None:
    try:
        value = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return None
    match value:
        case {"_meta": _} | {"all": {"children": [*_]}}:
            raise InvalidInput(
                'this is what a dynamic inventory prints: import the output of "ansible-inventory --list --yaml" instead',
                Source(file),
            )
        case [{"objtype": _}, *_]:
            return "json"
        case [{"HostConfig": _}, *_] | [{"RepoTags": _}, *_] | [{"LoggingDriver": _}, *_]:
            return "docker"
        case {"services": dict(services)} if not services.keys() & set(_OF_GROUPS):
            return "compose"
        case dict():
            return "yaml"
    raise InvalidInput(
        'expected the JSON of "xcatflow export json" or of "docker inspect", found another list', Source(file)
    )


def _ansible(text: str, file: str) -> Form:
    for line in text.lstrip("\ufeff").splitlines():
        bare = line.strip()
        if bare and not bare.startswith(_MARKS):
            return "yaml" if _YAML.match(line.rstrip()) or bare.startswith("{") else "ini"
    raise InvalidInput("there is nothing in it", Source(file))
