"""Secrets are never shown: every text that leaves a lane passes here."""

from dataclasses import dataclass, field, replace

from xcatflow.model.change import Change

_MASK = "(secret)"


@dataclass(slots=True)
class Redactor:
    """Knows the secrets that were looked up, and masks them."""

    _known: set[str] = field(default_factory=set)

    @property
    def active(self) -> bool:
        return bool(self._known)

    def learn(self, secret: str) -> None:
        """From now on this text is masked."""
        if secret:
            self._known.add(secret)

    def text(self, text: str) -> str:
        for secret in self._known:
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
