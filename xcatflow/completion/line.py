"""A command line cut into words, as far as it is typed."""

_ENDS = ";|&\n"
_BLANKS = " \t"
_QUOTES = "'\""
_LEFT_IN = "@"  # the one break that bash gives to completion with what follows it


class Line:
    """`words` stand before the cursor's word, `current` is that word without quotes. `tail` is the end of it that the shell replaces, as
    it is typed; `quoted` says that it is in quotes that are still open."""

    def __init__(self, words: list[str], current: str, tail: str, *, quoted: bool) -> None:
        self.words = words
        self.current = current
        self.tail = tail
        self.quoted = quoted


def read_line(text: str, breaks: str = "") -> Line:
    """The last command in `text`. At `breaks` and at quotes a shell begins a new piece of a word, of which it replaces the last."""
    words: list[str] = []
    word: str | None = None
    quote, start, at = "", 0, 0
    while at < len(text):
        letter = text[at]
        if quote:
            if letter == quote:
                quote, start = "", at + 1
            elif letter == "\\" and quote == '"' and text[at + 1 : at + 2] in ('"', "\\", "$", "`"):
                at += 1
                word = (word or "") + text[at]
            else:
                word = (word or "") + letter
        elif letter in _BLANKS or letter in _ENDS:
            if word is not None:
                words.append(word)
            if letter in _ENDS:
                words = []
            word, start = None, at + 1
        elif letter in _QUOTES:
            word = word or ""
            quote, start = letter, at + 1
        elif letter == "\\":
            at += 1
            word = (word or "") + text[at : at + 1]
        else:
            word = (word or "") + letter
            if letter in breaks:
                start = at if letter in _LEFT_IN else at + 1
        at += 1
    return Line(words, word or "", text[start:], quoted=bool(quote))
