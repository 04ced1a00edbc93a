"""What is wrong or odd about what somebody wants to define, gathered before anything is written."""

from dataclasses import dataclass, field

from xcatflow.commands.talk import Talk
from xcatflow.errors import Problem, Source
from xcatflow.load.draft import Draft


@dataclass(slots=True)
class Remarks:
    """With `whole` a refused value keeps everything from being written, with `strict` any error does."""

    whole: bool = False
    strict: bool = False
    blocked: bool = False
    _found: dict[tuple[bool, str, Source | None], None] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Is anything wrong, and not only odd?"""
        return any(wrong for wrong, _, _ in self._found)

    def refuse(self, text: str, draft: Draft | None = None, attribute: str = "") -> None:
        """What somebody typed or wrote cannot be used; where it came from a text, its line is named."""
        self._error(text, _line(draft, attribute) if draft and draft.file else None)
        self.blocked = self.blocked or self.whole

    def problem(self, problem: Problem) -> None:
        """The text itself cannot be read."""
        at = problem.source
        self._error(problem.message, Source(at.file, at.line) if at else None)
        self.blocked = True

    def error(self, text: str) -> None:
        """It cannot be carried out for one object."""
        self._error(text, None)

    def warn(self, text: str) -> None:
        """Something is odd."""
        self._found[False, text, None] = None

    def _error(self, text: str, source: Source | None) -> None:
        self.blocked = self.blocked or self.strict
        self._found[True, text, source] = None

    def tell(self, talk: Talk) -> None:
        """Say everything, each once: what has a place in order of places, then the rest in the order found."""
        for wrong, text, source in sorted(self._found, key=lambda one: (one[2] is None, one[2] or Source(""))):
            (talk.error if wrong else talk.warn)(f"{source}: {text}" if source else text)


def _line(draft: Draft, attribute: str) -> Source:
    """The place of an attribute, without its column."""
    return Source(draft.file, draft.source(attribute).line)
