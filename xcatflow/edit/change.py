"""What becomes of one object of one file: what those who plan an edit hand to those who change texts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Key = tuple[str, str]
"""An object's type and name."""


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """`old` is the object's name until now, "" for a new one; `new` its name from now on, "" for one that goes. `values` are all that the
    file shall say of it then."""

    objtype: str
    old: str
    new: str
    values: Mapping[str, str] = field(default_factory=dict)
