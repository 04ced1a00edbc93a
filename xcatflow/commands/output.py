"""What commands print about many nodes, read back: its lines, and who said the same."""

from collections.abc import Mapping, Sequence


def lines_of(text: str) -> Sequence[str]:
    """The lines of a text. Only line feeds end them: output may hold any other character."""
    return text.removesuffix("\n").split("\n") if text else ()


def alike(texts: Mapping[str, tuple[str, ...]]) -> Mapping[tuple[str, ...], list[str]]:
    """Each distinct text with the names that said it, in the order given."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name, lines in texts.items():
        found.setdefault(lines, []).append(name)
    return found
