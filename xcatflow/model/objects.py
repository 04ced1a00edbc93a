"""The objects of an inventory, as written: frozen, values as texts, those we act on checked.

What a node finally has (inheritance, formulas) is `Definitions.value`; these models hold each object's own values only.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainValidator, SkipValidation

from xcatflow.errors import Source
from xcatflow.model import values
from xcatflow.model.attributes import canonical
from xcatflow.model.formula import is_formula
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
        """The place of an attribute, or of the object itself."""
        return Source(self.file, *self.places.get(attribute, (self.line, self.col)))


NOWHERE = Origin("")

List = Annotated[
    tuple[str, ...], BeforeValidator(lambda text: values.split_list(text) if isinstance(text, str) else text)
]
Ip = Annotated[str, AfterValidator(values.or_formula(values.check_ip))]
Mac = Annotated[str, AfterValidator(values.or_formula(values.check_mac))]
Word = Annotated[str, AfterValidator(values.or_formula(values.check_word))]
DockerHost = Annotated[str, AfterValidator(values.or_formula(values.check_dockerhost))]
DockerCpus = Annotated[str, AfterValidator(values.or_formula(values.check_dockercpus))]
DockerMemory = Annotated[str, AfterValidator(values.or_formula(values.check_dockermemory))]
DockerNics = Annotated[str, AfterValidator(values.or_formula(values.check_dockernics))]
DockerFlag = Annotated[Mapping[str, Any] | str, PlainValidator(lambda text: _flags(text))]
ProvMethod = Annotated[str, AfterValidator(values.or_formula(values.check_provmethod))]
Terms = Annotated[tuple[Term, ...], PlainValidator(partial(parse_terms, canonical=partial(canonical, "node")))]


def _flags(text: str) -> Mapping[str, Any] | str:
    return text if is_formula(text) else values.read_dockerflag(text)


class Definition(BaseModel):
    """Any object. `attributes` are its own values as written, empty ones left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    objtype: ClassVar[str] = ""

    name: str
    attributes: SkipValidation[Mapping[str, str]] = {}
    origin: SkipValidation[Origin] = NOWHERE

    def __hash__(self) -> int:
        return hash((type(self), self.name))

    def source(self, attribute: str = "") -> Source:
        """Where an attribute, or the object itself, was written."""
        return self.origin.source(attribute)

    def flaws(self) -> Iterator[tuple[str, str]]:
        """(attribute, complaint) for what does not fit together; the attribute is empty where it is the whole object."""
        yield from ()


class _NodeLike(Definition):
    """What nodes have, and groups hand down to them. A value may be a formula."""

    ip: Ip | None = None
    mac: Mac | None = None
    mgt: Word | None = None
    dockerhost: DockerHost | None = None
    dockercpus: DockerCpus | None = None
    dockermemory: DockerMemory | None = None
    dockernics: DockerNics | None = None
    dockerflag: DockerFlag | None = None
    provmethod: ProvMethod | None = None


class Node(_NodeLike):
    """A machine or a container."""

    objtype = "node"
    groups: List = ()


class Group(_NodeLike):
    """A group: values for its members, or, when dynamic, the conditions that make members."""

    objtype = "group"
    grouptype: Literal["static", "dynamic"] = "static"
    wherevals: Terms = ()

    _OWN: ClassVar = frozenset(("grouptype", "members", "membergroups", "wherevals", "usercomment"))

    @property
    def dynamic(self) -> bool:
        return self.grouptype == "dynamic"

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

    objtype = "osimage"
    imagetype: str = "linux"
    osvers: str | None = None
    osarch: str | None = None
    provmethod: str | None = None
    pkglist: List = ()
    otherpkglist: List = ()
    otherpkgdir: List = ()

    _LINUX_ONLY: ClassVar = frozenset(
        "pkgdir pkglist otherpkgdir otherpkglist template partitionfile addkcmdline rootimgdir exlist postinstall".split()  # noqa: SIM905
    )

    def flaws(self) -> Iterator[tuple[str, str]]:
        if self.imagetype != "linux":
            for attribute in self._LINUX_ONLY & self.attributes.keys():
                yield attribute, f'"{attribute}" needs imagetype=linux, found imagetype={self.imagetype}'
        if len(local := [entry for entry in self.otherpkgdir if "://" not in entry]) > 1:
            yield "otherpkgdir", f"at most one entry may be a local directory, found {', '.join(local)}"


class Network(Definition):
    """A subnet."""

    objtype = "network"
    net: Annotated[str, AfterValidator(values.check_net)]
    mask: Annotated[str, AfterValidator(values.check_mask)]
    gateway: Annotated[str, AfterValidator(values.check_gateway)] | None = None

    @property
    def subnet(self) -> values.Network4or6:
        """Net and mask as one value."""
        return values.subnet_of(self.net, self.mask)

    def flaws(self) -> Iterator[tuple[str, str]]:
        try:
            values.subnet_of(self.net, self.mask)
        except ValueError as error:
            yield "net", str(error)


class Record(Definition):
    """Any other object: `clustersite`, routes, records of media, and what old scripts list. Its type is `kind`."""

    kind: str
