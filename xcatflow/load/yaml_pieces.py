"""A YAML text as pieces that know where they stand, for those who change it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from xcatflow.load.yaml_tree import YamlMapping, YamlNode, YamlScalar, YamlSequence

Kind = Literal["scalar", "sequence", "mapping", "alias"]


@dataclass(slots=True, eq=False)
class Piece:
    """A node of the text: what is between `start` and `end`, characters counted from 0. `outer` is where its anchor begins, `start`
    where there is none. `style` is a scalar's quote ("" for plain, | and > for blocks), `flow` says that a collection has brackets."""

    kind: Kind
    outer: int
    start: int
    end: int
    text: str = ""
    style: str = ""
    flow: bool = False
    anchor: str = ""
    target: "Piece | None" = None
    items: list["Piece"] = field(default_factory=list)
    pairs: list[tuple["Piece", "Piece"]] = field(default_factory=list)

    @property
    def meant(self) -> "Piece":
        """The piece itself, or what it is an alias of."""
        return self.target.meant if self.target else self

    @property
    def empty(self) -> bool:
        """Whether nothing stands there."""
        return self.kind == "scalar" and self.start == self.end

    @property
    def node(self) -> YamlNode:
        """What it says."""
        piece = self.meant
        match piece.kind:
            case "sequence":
                return YamlSequence(tuple(item.node for item in piece.items), (0, 0))
            case "mapping":
                keys = dict.fromkeys((key.meant.text for key, _ in piece.pairs), (0, 0))
                return YamlMapping({key.meant.text: value.node for key, value in piece.pairs}, keys, (0, 0))
        return YamlScalar(piece.text, not piece.style, (0, 0))

    def get(self, name: str) -> tuple["Piece", "Piece"] | None:
        """The pair of a mapping with this key."""
        return next(((key, value) for key, value in self.meant.pairs if key.meant.text == name), None)

    def below(self) -> Iterator["Piece"]:
        """This piece and all inside it; what aliases mean is not inside."""
        yield self
        for item in self.items:
            yield from item.below()
        for key, value in self.pairs:
            yield from key.below()
            yield from value.below()
