"""Values for new objects from a template: one that is shipped, or an object that exists."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from xcatflow.errors import InvalidInput, Problem
from xcatflow.load.normal import meaning
from xcatflow.model.definitions import Definitions

_OPTIONAL = "OPTIONAL:"
_MANDATORY = "MANDATORY:"
_STATE = frozenset(
    ("status", "statustime", "appstatus", "appstatustime", "updatestatus", "updatestatustime", "currstate")
)
"""What tells how an object is, not how it should be."""


def from_template(
    template: str, objtype: str, names: Sequence[str], values: Mapping[str, str], definitions: Definitions
) -> Mapping[str, str]:
    """The values for objects of these names: those given, then the template's. Raises InvalidInput."""
    # Only who uses a template waits for their being read.
    from xcatflow.load.templates import templates

    shipped = templates(objtype)
    if template in shipped:
        return _filled(shipped[template], objtype, values)
    existing = definitions.objects(objtype).get(template)
    if existing is None:
        raise InvalidInput(f"Could not find the template object named '{template}' of type '{objtype}'.")
    if template in names:
        raise InvalidInput(f"The template {objtype} cannot be the same as the {objtype} to create.")
    left_out = _STATE if objtype != "group" else _STATE | {"members"}
    copied = {name: value for name, value in existing.attributes.items() if name not in left_out}
    return copied | dict(values)


def _filled(template: Mapping[str, str], objtype: str, values: Mapping[str, str]) -> Mapping[str, str]:
    given = {meaning(objtype, name, {**template, **values}) for name, value in values.items() if value}
    if missing := tuple(_missing(template, given)):
        raise InvalidInput(Problem(f'The attribute "{name}" must be specified!') for name in missing)
    defaults = {name: text for name, text in template.items() if not text.startswith((_OPTIONAL, _MANDATORY))}
    return defaults | dict(values)


def _missing(template: Mapping[str, str], given: Collection[str | None]) -> Iterator[str]:
    for name, text in template.items():
        if text.startswith(_MANDATORY) and name not in given:
            yield name
