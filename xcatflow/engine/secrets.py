"""Secrets are never shown: every text that leaves a lane passes here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from xcatflow.errors import InvalidInput
from xcatflow.model.change import Change

_MASK = "(secret)"
_ELLIPSES = ("...", "…")
_SHORTEST = 4
"""Characters of a line, or of what an ellipsis left of a secret, that are masked by themselves: fewer are in any text."""


@dataclass(slots=True)
class Redactor:
    """Knows the secrets that were looked up, and masks them: whole, line by line (as a diff shows them), with blanks joined (as messages
    are), and where the end of one was cut off."""

    _known: set[str] = field(default_factory=set)

    @property
    def active(self) -> bool:
        return bool(self._known)

    def learn(self, secret: str) -> None:
        """From now on this text is masked."""
        if secret:
            lines = {text for line in secret.splitlines() for text in (line.strip(), " ".join(line.split()))}
            self._known |= {secret, *(line for line in lines if len(line) >= _SHORTEST)}

    def text(self, text: str) -> str:
        known = sorted(self._known, key=len, reverse=True)  # one secret may be part of another
        for mark in _ELLIPSES:
            if known and mark in text:
                *cut, last = text.split(mark)
                text = mark.join((*(_without_beginning(piece, known) for piece in cut), last))
        for secret in known:
            text = text.replace(secret, _MASK)
        return text

    def change(self, change: Change) -> Change:
        if not self._known:
            return change
        return replace(
            change,
            what=self.text(change.what),
            before=None if change.before is None else self.text(change.before),
            after=None if change.after is None else self.text(change.after),
            why=self.text(change.why),
            diff=self.text(change.diff),
        )

    @contextmanager
    def hiding(self) -> Iterator[None]:
        """What is raised about input inside shows no secret either."""
        try:
            yield
        except InvalidInput as error:
            raise InvalidInput(replace(it, message=self.text(it.message)) for it in error.problems) from None


def _without_beginning(text: str, known: list[str]) -> str:
    """`text` without the beginning of a secret at its end."""
    for secret in known:
        for length in range(min(len(secret), len(text)), _SHORTEST - 1, -1):
            if text.endswith(secret[:length]):
                return text[:-length] + _MASK
    return text
