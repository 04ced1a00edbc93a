"""The table of words: what tasks and commands take, and what the lists hold. Text of one line each:

    list types node group osimage
    lsdef objects -t=types -o=objects -l --long
    mkdef objects assignment* -t=types !-a

Behind a name stand what its operands are (`*`: this and all that follow) and its flags, with `=` what they take; `!` stands before
flags that are understood, but not offered.
"""


class Grammar:
    """What may stand behind a name. `flags` has what each flag takes, empty for nothing; those `offered` are for people."""

    def __init__(self, line: str) -> None:
        self.operands: list[str] = []
        self.flags: dict[str, str] = {}
        self.offered: list[str] = []
        for word in line.split()[1:]:
            if word.startswith(("-", "!-")):
                flag, _, takes = word.removeprefix("!").partition("=")
                self.flags[flag] = takes
                self.offered += [] if word.startswith("!") else [flag]
            else:
                self.operands.append(word)

    def operand(self, index: int) -> str:
        """What the operand of this index is; empty where there is none."""
        if index < len(self.operands):
            return self.operands[index].removesuffix("*")
        last = self.operands[-1] if self.operands else ""
        return last[:-1] if last.endswith("*") else ""


class Table:
    """The words by name."""

    def __init__(self, text: str) -> None:
        self._lines = {line.partition(" ")[0]: line for line in text.splitlines() if not line.startswith("list ")}
        self._lists = {line.split(None, 2)[1]: line for line in text.splitlines() if line.startswith("list ")}

    def names(self) -> list[str]:
        """All tasks and commands."""
        return list(self._lines)

    def grammar(self, name: str) -> "Grammar | None":
        """What a task or command takes."""
        line = self._lines.get(name)
        return Grammar(line) if line is not None else None

    def list(self, name: str) -> list[str]:
        """The words of a list; none where there is no such."""
        return self._lists.get(name, "").split()[2:]
