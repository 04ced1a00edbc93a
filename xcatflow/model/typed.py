"""What the values that we act on have to look like, by type of object: the rules that files are held against when they are read.

A model holds the values with their types, `typed(node.objtype, node.attributes).dockerflag` is a mapping. Everything else here goes
without them: values are texts, and were checked when they were read.
"""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainValidator

from xcatflow.model import values
from xcatflow.model.attributes import canonical
from xcatflow.model.formula import is_formula
from xcatflow.model.wherevals import Term, parse_terms


def _flags(text: str) -> Mapping[str, Any] | str:
    return text if is_formula(text) else values.read_dockerflag(text)


List = Annotated[tuple[str, ...], BeforeValidator(values.split_list)]
Ip = Annotated[str, AfterValidator(values.or_formula(values.check_ip))]
Mac = Annotated[str, AfterValidator(values.or_formula(values.check_mac))]
Word = Annotated[str, AfterValidator(values.or_formula(values.check_word))]
DockerHost = Annotated[str, AfterValidator(values.or_formula(values.check_dockerhost))]
DockerCpus = Annotated[str, AfterValidator(values.or_formula(values.check_dockercpus))]
DockerMemory = Annotated[str, AfterValidator(values.or_formula(values.check_dockermemory))]
DockerNics = Annotated[str, AfterValidator(values.or_formula(values.check_dockernics))]
DockerFlag = Annotated[Mapping[str, Any] | str, PlainValidator(_flags)]
ProvMethod = Annotated[str, AfterValidator(values.or_formula(values.check_provmethod))]
Terms = Annotated[tuple[Term, ...], PlainValidator(partial(parse_terms, canonical=partial(canonical, "node")))]


class Typed(BaseModel):
    """The typed values of an object; all others are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)


class _NodeLike(Typed):
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


class TypedNode(_NodeLike):
    """Of a node."""

    groups: List = ()


class TypedGroup(_NodeLike):
    """Of a group."""

    grouptype: Literal["static", "dynamic"] = "static"
    wherevals: Terms = ()


class TypedOsImage(Typed):
    """Of an osimage."""

    imagetype: str = "linux"
    osvers: str | None = None
    osarch: str | None = None
    provmethod: str | None = None
    pkglist: List = ()
    otherpkglist: List = ()
    otherpkgdir: List = ()


class TypedNetwork(Typed):
    """Of a network."""

    net: Annotated[str, AfterValidator(values.check_net)]
    mask: Annotated[str, AfterValidator(values.check_mask)]
    gateway: Annotated[str, AfterValidator(values.check_gateway)] | None = None


MODELS: Mapping[str, type[Typed]] = MappingProxyType(
    {"node": TypedNode, "group": TypedGroup, "osimage": TypedOsImage, "network": TypedNetwork}
)


def typed(objtype: str, attributes: Mapping[str, str]) -> Typed | None:
    """The typed values of an object; None for types that have none. Raises pydantic's ValidationError, a ValueError, with every
    complaint."""
    model = MODELS.get(objtype)
    return None if model is None else model.model_validate(dict(attributes))
