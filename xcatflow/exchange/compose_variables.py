"""Variables in compose files: `${NAME:-default}` and its kin, and the `.env` files that they come from.

Source: Compose Specification, "Interpolation" and "Env_file format"; a variable of the environment is stronger than one of `.env`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from xcatflow.errors import InvalidInput, Source
from xcatflow.exchange.brought import Remark

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-+?]")
_ENTRY = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = (("n", "\n"), ("r", "\r"), ("t", "\t"), ("\\", "\\"), ('"', '"'), ("$", "$$"))
_COMMENT = re.compile(r"[ \t]+#.*|[ \t]+$")
_MOST_NESTED = 20


@dataclass(slots=True)
class Variables:
    """What variables are set to. `environment` is the shell's, `dotenv` of the project's `.env`; `used` are the names that were asked for
    and set, with where each was found; `notes` tell of those that are not set."""

    environment: Mapping[str, str] = field(default_factory=dict)
    dotenv: Mapping[str, str] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    notes: list[Remark] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        """The value, None where it is not set."""
        for place, values in (("environment", self.environment), (".env", self.dotenv)):
            if name in values:
                self.used[name] = place
                return values[name]
        return None

    def fill(self, text: str, source: Source) -> str:
        """The text with the values of its variables. Raises InvalidInput for what is no variable, or needs one that is not set."""
        return substituted(text, source, self.get, lambda name: self._unset(name, source))

    def _unset(self, name: str, source: Source) -> None:
        self.notes.append(Remark(f'the variable "{name}" is not set: nothing stands in its place', source))


def substituted(
    text: str, source: Source, get: Callable[[str], str | None], unset: Callable[[str], None], depth: int = 0
) -> str:
    """The text with the values of its variables; `unset` hears of those without value and default."""
    if depth > _MOST_NESTED:
        raise InvalidInput(f"variables nested deeper than {_MOST_NESTED} levels", source)
    made: list[str] = []
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        made.append(text[at:dollar])
        at = dollar + 2
        if text.startswith("$$", dollar):
            made.append("$")
        elif text.startswith("${", dollar):
            end = _closing(text, at, source)
            made.append(_braced(text[at:end], source, get, unset, depth))
            at = end + 1
        elif found := _NAME.match(text, dollar + 1):
            made.append(_value(found[0], get, unset))
            at = found.end()
        else:
            raise _bad(text[dollar : dollar + 20], source)
    return "".join(made) + text[at:]


def _closing(text: str, at: int, source: Source) -> int:
    """Where the brace that was opened before `at` is closed."""
    start, open_braces = at - 2, 1
    while at < len(text):
        if text.startswith("${", at):
            open_braces += 1
            at += 1
        elif text[at] == "}":
            open_braces -= 1
            if not open_braces:
                return at
        at += 1
    raise InvalidInput(f'the brace that is opened in "{text[start : start + 20]}" is not closed', source)


def _braced(
    inside: str, source: Source, get: Callable[[str], str | None], unset: Callable[[str], None], depth: int
) -> str:
    found = _NAME.match(inside)
    rest = inside[found.end() :] if found else inside
    operator = _OPERATOR.match(rest)
    if not found or (rest and not operator):
        raise _bad(f"${{{inside}}}"[:40], source)
    if not operator:
        return _value(found[0], get, unset)
    value = get(found[0])
    is_set = bool(value) if operator[0][0] == ":" else value is not None

    def other() -> str:
        return substituted(rest[operator.end() :], source, get, unset, depth + 1)

    match operator[0][-1]:
        case "-":
            return value or "" if is_set else other()
        case "+":
            return other() if is_set else ""
    if not is_set:
        reason = other() or "it is required"
        raise InvalidInput(f'the variable "{found[0]}" is not set: {reason}', source)
    return value or ""


def _value(name: str, get: Callable[[str], str | None], unset: Callable[[str], None]) -> str:
    value = get(name)
    if value is None:
        unset(name)
    return value or ""


def _bad(found: str, source: Source) -> InvalidInput:
    return InvalidInput(
        f'expected a variable such as "${{NAME}}" or "${{NAME:-default}}", found "{found}": a dollar sign is written "$$"',
        source,
    )


# --- files of variables ---


def read_env(text: str, file: str, get: Callable[[str], str | None]) -> dict[str, str | None]:
    """The variables of a file, None for a name without a value; what they are made of is had from `get`, else from lines above. Raises
    InvalidInput."""
    found: dict[str, str | None] = {}

    def known(name: str) -> str | None:
        return found.get(name) if (value := get(name)) is None else value

    for name, value, quote, line in _entries(text, file):
        if value and quote == '"':
            value = _unescaped(value)
        if value and quote != "'":
            value = substituted(value, Source(file, line), known, lambda _name: None)
        found[name] = value
    return found


def read_raw(text: str) -> dict[str, str | None]:
    """The variables of a file of plain `NAME=value` lines, which mean what they are."""
    lines = (line.partition("=") for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return {name.strip(): value if equals else None for name, equals, value in lines}


def _entries(text: str, file: str) -> Iterator[tuple[str, str | None, str, int]]:
    """Name, value, its quote and line of each entry, values as written."""
    text = text.replace("\r\n", "\n")
    at = 0
    while at < len(text):
        end = _end_of_line(text, at)
        line = text.count("\n", 0, at) + 1
        bare = text[at:end].strip()
        if not bare or bare.startswith("#"):
            at = end + 1
            continue
        begin = at + len(text[at:end]) - len(text[at:end].lstrip())
        found = _ENTRY.match(text, begin, end)
        if not found or text[found.end() : found.end() + 1] not in ("", "=", "\n"):
            raise InvalidInput(f'expected "NAME=value", found "{bare[:40]}"', Source(file, line))
        if text[found.end() : found.end() + 1] != "=":
            yield found[1], None, "", line
            at = end + 1
            continue
        start = found.end() + 1
        while text[start : start + 1] in (" ", "\t"):
            start += 1
        if (quote := text[start : start + 1]) in ("'", '"'):
            value, after = _quoted(text, start, Source(file, line))
            end = _end_of_line(text, after)
            if text[after:end].split("#")[0].strip():
                raise InvalidInput(f'expected nothing behind the closing quote of "{found[1]}"', Source(file, line))
            yield found[1], value, quote, line
        else:
            written = text[start:end]
            yield found[1], "" if written.startswith("#") else _COMMENT.sub("", written).strip(), "", line
        at = end + 1


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _quoted(text: str, start: int, source: Source) -> tuple[str, int]:
    """What stands between quotes that open at `start`, and where the rest begins; of escapes only that of the single quote is undone."""
    quote, at = text[start], start + 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at] == "\\" else 1
    if at >= len(text):
        raise InvalidInput("the quote that begins here has no end", source)
    inside = text[start + 1 : at]
    return inside.replace("\\'", "'") if quote == "'" else inside, at + 1


def _unescaped(value: str) -> str:
    escapes = dict(_ESCAPES)
    return _ESCAPE.sub(lambda found: escapes.get(found[1], found[0]), value)
