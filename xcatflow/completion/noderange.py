"""Candidates for the last piece of a text that is typed, and few of them: where very many names fit, only how they go on."""

MOST_SHOWN = 200
_SEPARATORS = ",@("


def last_item(text: str) -> tuple[str, str]:
    """A noderange cut before its last item: behind the last `,` `@` `(` outside of brackets, and the `-` of an exclusion."""
    at, bracket = 0, False
    for index, letter in enumerate(text):
        if letter in "[]":
            bracket = letter == "["
        elif letter in _SEPARATORS and not bracket:
            at = index + 1
    while text[at : at + 1] in (" ", "-"):
        at += 1
    return text[:at], text[at:]


def last_entry(text: str) -> tuple[str, str]:
    """A list cut before its last entry."""
    at = text.rfind(",") + 1
    return text[:at], text[at:]


def range_ends(item: str) -> list[tuple[str, str]]:
    """Where a range may be cut (`web1-we` behind `web1-`), the last place first: the name before, and what is typed of the other end."""
    return [(item[:at], item[at + 1 :]) for at in range(len(item) - 1, 0, -1) if item[at] in "-:"]


def fitting(names: "set[str] | list[str]", typed: str, *, head: str = "", end: str = " ") -> list[str]:
    """The names that go on from `typed`, with `head` in front and `end` behind. Of more than MOST_SHOWN only the beginnings that tell
    them apart, without an end."""
    found = sorted(name for name in set(names) if name.startswith(typed))
    if len(found) <= MOST_SHOWN:
        return [f"{head}{name}{end}" for name in found]
    # Of many the shell must see enough to know what all have in common, and no more than a person can read.
    length = len(_common(found[0], found[-1])) + 1
    count = len({name[:length] for name in found})
    while count < (further := len({name[: length + 1] for name in found})) <= MOST_SHOWN:
        length, count = length + 1, further
    return [f"{head}{name}{end}" if whole else f"{head}{name}" for name, whole in _stems(found, length).items()]


def _stems(names: list[str], length: int) -> dict[str, bool]:
    """The beginnings of sorted names, and the names that are alone with theirs: these as a whole."""
    found: dict[str, bool] = {}
    before = last = ""
    for name in names:
        stem = name[:length]
        if stem == before:
            found.pop(last, None)
            found[stem] = False
        else:
            found[name] = True
        before, last = stem, name
    return found


def _common(first: str, last: str) -> str:
    at = 0
    while at < min(len(first), len(last)) and first[at] == last[at]:
        at += 1
    return first[:at]
