"""The objects of an inventory, as written: frozen, values as texts.

What a node finally has (inheritance, formulas) is `Definitions.value`; these hold each object's own values only. Whether values are well
formed is judged where files are read, by `xcatflow.model.typed`; here nothing is checked, so that a hundred thousand objects cost little.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import ClassVar

from xcatflow.errors import Source
from xcatflow.model import values
from xcatflow.model.attributes import canonical
from xcatflow.model.wherevals import Term, parse_terms


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an object was written: its file, line and column, and (line, column) of each of its attributes; an attribute that
    came from another object's line of the same file has that line."""

    file: str
    line: int = 0
    col: int = 0
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def source(self, attribute: str = "") -> Source:
        """The place of an attribute, where one adapter's value has none of its own that of all, or of the object itself."""
        place = self.places.get(attribute) or self.places.get(attribute.partition(".")[0], (self.line, self.col))
        return Source(self.file, *place)


NOWHERE = Origin("")


@dataclass(frozen=True, slots=True)
class Definition:
    """Any object. `attributes` are its own values as written, empty ones left out."""

    objtype: ClassVar[str] = ""

    name: str
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    origin: Origin = NOWHERE

    def __hash__(self) -> int:
        return hash((type(self), self.name))

    def source(self, attribute: str = "") -> Source:
        """Where an attribute, or the object itself, was written."""
        return self.origin.source(attribute)

    def flaws(self) -> Iterator[tuple[str, str]]:
        """(attribute, complaint) for what does not fit together, where each value is well formed; the attribute is empty where it is
        the whole object."""
        yield from ()


class Node(Definition):
    """A machine or a container."""

    __slots__ = ()
    objtype = "node"

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups it is in by its own word, in the order in which they hand down values."""
        return values.split_list(self.attributes.get("groups", ""))


class Group(Definition):
    """A group: values for its members, or, when dynamic, the conditions that make members."""

    __slots__ = ()
    objtype = "group"
    _OWN: ClassVar = frozenset(("grouptype", "members", "membergroups", "wherevals", "usercomment"))

    @property
    def dynamic(self) -> bool:
        return self.attributes.get("grouptype") == "dynamic"

    @property
    def wherevals(self) -> tuple[Term, ...]:
        """The conditions of a dynamic group; empty where there are none. Raises ValueError when they cannot be read."""
        text = self.attributes.get("wherevals", "")
        return parse_terms(text, partial(canonical, "node")) if text else ()

    def flaws(self) -> Iterator[tuple[str, str]]:
        if self.dynamic and not self.wherevals:
            yield "grouptype", 'a dynamic group needs "wherevals", as in wherevals=mgt==docker'
        if self.wherevals and not self.dynamic:
            yield "wherevals", '"wherevals" needs grouptype=dynamic'
        if self.dynamic:
            for attribute in self.attributes.keys() - self._OWN:
                yield attribute, f'a dynamic group hands down no values, but "{attribute}" is set: use a static group'


class OsImage(Definition):
    """What is deployed on a host."""

    __slots__ = ()
    objtype = "osimage"
    _LINUX_ONLY: ClassVar = frozenset(
        "pkgdir pkglist otherpkgdir otherpkglist template partitionfile addkcmdline rootimgdir exlist postinstall".split()  # noqa: SIM905
    )

    def flaws(self) -> Iterator[tuple[str, str]]:
        imagetype = self.attributes.get("imagetype", "linux")
        if imagetype != "linux":
            for attribute in self._LINUX_ONLY & self.attributes.keys():
                yield attribute, f'"{attribute}" needs imagetype=linux, found imagetype={imagetype}'
        entries = values.split_list(self.attributes.get("otherpkgdir", ""))
        if len(local := [entry for entry in entries if "://" not in entry]) > 1:
            yield "otherpkgdir", f"at most one entry may be a local directory, found {', '.join(local)}"


class Network(Definition):
    """A subnet."""

    __slots__ = ()
    objtype = "network"

    @property
    def subnet(self) -> values.Network4or6:
        """Net and mask as one value. Raises KeyError or ValueError where they make none."""
        return values.subnet_of(self.attributes["net"], self.attributes["mask"])

    @property
    def gateway(self) -> str | None:
        """An address, or `<xcatmaster>`."""
        return self.attributes.get("gateway")

    def flaws(self) -> Iterator[tuple[str, str]]:
        try:
            values.subnet_of(self.attributes["net"], self.attributes["mask"])
        except ValueError as error:
            yield "net", str(error)


@dataclass(frozen=True, slots=True)
class Record(Definition):
    """Any other object: `clustersite`, routes, records of media, and what old scripts list. Its type is `kind`."""

    kind: str = ""

    def __hash__(self) -> int:
        return hash((Record, self.kind, self.name))


CLASSES: Mapping[str, type[Definition]] = MappingProxyType(
    {each.objtype: each for each in (Node, Group, OsImage, Network)}
)
"""The types that have a class of their own."""


def make(objtype: str, name: str, attributes: Mapping[str, str], origin: Origin = NOWHERE) -> Definition:
    """An object of any type."""
    sort = CLASSES.get(objtype)
    return Record(name, attributes, origin, objtype) if sort is None else sort(name, attributes, origin)
