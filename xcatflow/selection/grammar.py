"""The grammar of noderanges: text to tree, by recursive descent.

    noderange = [ item ] { "," [ item ] }
    item      = [ "-" ] term
    term      = factor { "@" factor }
    factor    = "(" noderange ")" | atom

Source: xCAT's manual page noderange(3). Other than there, parentheses nest, and a misplaced operator is an error.
"""

from collections.abc import Iterator

from xcatflow.errors import InvalidInput
from xcatflow.selection.tokens import Token, tokens, wrong
from xcatflow.selection.tree import Factor, Intersection, Item, Level

UNBALANCED = "Unbalanced parentheses in noderange"
_DEEPEST = 40


def parse(text: str) -> Level:
    """The tree of a noderange. Raises InvalidInput with the reason, and the column but for parentheses."""
    parser = _Parser(text)
    level = parser.level(0)
    if parser.sign == ")":
        raise InvalidInput(UNBALANCED)
    return level


class _Parser:
    """Reads tokens one ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: Iterator[Token] = tokens(text)
        self._token: Token | None = next(self._tokens, None)
        self._before = ""

    @property
    def sign(self) -> str:
        """The sign that comes next; empty for an atom, "end" at the end."""
        return self._token.sign if self._token else "end"

    @property
    def column(self) -> int:
        """Where the next token begins, counted from 1."""
        return self._token.column if self._token else len(self._text) + 1

    def _advance(self) -> None:
        self._before = self.sign
        self._token = next(self._tokens, None)

    def level(self, depth: int) -> Level:
        if depth > _DEEPEST:
            raise self._wrong(f"parentheses are nested more than {_DEEPEST} deep")
        items: list[Item] = []
        while self.sign not in (")", "end"):
            if self.sign != ",":
                items.append(self._item(depth))
                if self.sign not in (",", ")", "end"):
                    raise self._wrong(f'expected "," or "@" before {self._found()}')
            else:
                self._advance()
        return Level(tuple(items))

    def _item(self, depth: int) -> Item:
        excluded = self.sign == "-"
        if excluded:
            self._advance()
        factors = [self._factor(depth)]
        while self.sign == "@":
            self._advance()
            factors.append(self._factor(depth))
        return Item(factors[0] if len(factors) == 1 else Intersection(tuple(factors)), excluded)

    def _factor(self, depth: int) -> Factor:
        if self._token and self._token.atom is not None:
            atom = self._token.atom
            self._advance()
            return atom
        sign = self.sign
        match sign:
            case "(":
                self._advance()
                level = self.level(depth + 1)
                if self.sign != ")":
                    raise InvalidInput(UNBALANCED)
                self._advance()
                return level
            case "-":
                raise self._wrong('"-" cannot follow "@": exclude with ",-"')
            case "@" if self._before not in ("@", "-"):
                raise self._wrong('expected a name before "@"')
        raise self._wrong(f'expected a name after "{self._before}"')

    def _found(self) -> str:
        return f'"{self.sign}"' if self.sign else "another name"

    def _wrong(self, reason: str) -> InvalidInput:
        return wrong(self._text, reason, self.column)
