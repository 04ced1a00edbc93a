"""An object as a file has it, before its rules are checked: what the readers of stanza and YAML text hand on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xcatflow.errors import Source


@dataclass(slots=True)
class Draft:
    """`values` in the order written, without `objtype`; an empty value says "none". `places` are (line, column) per attribute."""

    objtype: str
    name: str
    file: str = ""
    line: int = 0
    col: int = 0
    values: dict[str, str] = field(default_factory=dict)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Type and name."""
        return self.objtype, self.name

    @property
    def content(self) -> tuple[str, str, Mapping[str, str]]:
        """What it says, without where: type, name and values."""
        return self.objtype, self.name, self.values

    def source(self, attribute: str = "") -> Source:
        """The place of an attribute, or of the object."""
        return Source(self.file, *self.places.get(attribute, (self.line, self.col)))
