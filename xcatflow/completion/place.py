"""What the word at the cursor is: a flag, the value of one, or an operand."""

from xcatflow.completion.table import Grammar


class Place:
    """`kind` is what `text` is the beginning of; `head` stands before it in the same word. `given` has the values of the flags typed
    before, `operands` the other words."""

    def __init__(self, kind: str, head: str, text: str, given: dict[str, str], operands: list[str]) -> None:
        self.kind = kind
        self.head = head
        self.text = text
        self.given = given
        self.operands = operands


def place_of(grammar: Grammar, words: list[str], current: str) -> Place:
    """The place of `current` behind the other words of a task or command."""
    given: dict[str, str] = {}
    operands: list[str] = []
    pending = ""
    only_operands = False
    for word in words:
        if pending:
            given[pending], pending = word, ""
        elif only_operands or not word.startswith("-") or word == "-":
            operands.append(word)
        elif word == "--":
            only_operands = True
        else:
            flag, value = _taken(grammar, word)
            if flag and value is None:
                pending = flag
            elif flag:
                given[flag] = value or ""
    if pending:
        return Place(grammar.flags[pending], "", current, given, operands)
    if not only_operands and current.startswith("-"):
        return _flag_place(grammar, current, given, operands)
    # With `-o` the objects are named, and what would name them is the next operand.
    index = len(operands) + (1 if "-o" in given and grammar.operands[:1] == ["objects"] else 0)
    return Place(grammar.operand(index), "", current, given, operands)


def _flag_place(grammar: Grammar, current: str, given: dict[str, str], operands: list[str]) -> Place:
    flag, value = _taken(grammar, current)
    if flag and value:
        return Place(grammar.flags[flag], current[: len(current) - len(value)], value, given, operands)
    if flag and current.startswith("--") and "=" in current:
        return Place(grammar.flags[flag], current, "", given, operands)
    return Place("flag", "", current, given, operands)


def _taken(grammar: Grammar, word: str) -> tuple[str, str | None]:
    """The flag of `word` that takes a value, empty for none, and that value; None where it is the next word."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return (name, value if equals else None) if grammar.flags.get(name) else ("", None)
    for at, letter in enumerate(word[1:], start=2):
        if grammar.flags.get(f"-{letter}"):
            return f"-{letter}", word[at:] or None
    return "", None
