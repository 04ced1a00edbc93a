"""Reading text files of a site, and how messages call them."""

from pathlib import Path

from xcatflow.errors import InvalidInput, Source, reason_of


def shown_name(path: Path, root: Path | None) -> str:
    """`path` as messages name it: relative to `root` where it is below it."""
    if root is not None:
        for one, other in ((path, root), (path.absolute(), root.absolute())):
            if one.is_relative_to(other):
                return str(one.relative_to(other))
    return str(path)


def read_text(path: Path, *, root: Path | None = None) -> str:
    """The file's text; a byte order mark is dropped. Raises InvalidInput when it cannot be read or is not UTF-8."""
    name = shown_name(path, root)
    return decoded(read_content(path, name), name)


def read_content(path: Path, name: str) -> bytes:
    """The file's bytes; `name` is the file's in messages. Raises InvalidInput when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot be read: {reason_of(error)}", Source(name)) from None


def decoded(content: bytes, name: str) -> str:
    """The text of a file's bytes, without a byte order mark; `name` is the file's in messages. Raises InvalidInput."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        place = Source(name, before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        raise InvalidInput("expected UTF-8 text, found other bytes", place) from None
