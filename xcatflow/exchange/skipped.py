"""Files beside the inventory for what definitions have no place for: nothing reads them, and nothing is overwritten; and workflows that
make what imported objects need."""

from pathlib import Path

from xcatflow.errors import InvalidInput

DIRECTORY = "inventory-skipped"


def save(root: Path, name: str, suffix: str, text: str) -> str:
    """Write `text` to a file called like `name`, unless one of its content is there already; its name in the site. Raises InvalidInput."""
    directory = root / DIRECTORY
    stem = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name).strip("-.") or "import"
    number = 1
    while True:
        path = directory / (f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}")
        try:
            if not path.exists():
                directory.mkdir(exist_ok=True)
                path.write_text(text)
            elif path.read_text() != text:
                number += 1
                continue
        except (OSError, UnicodeDecodeError) as error:
            raise _cannot_write(path.relative_to(root), error) from None
        return str(path.relative_to(root))


def save_workflow(root: Path, name: str, text: str) -> str:
    """Write a workflow, unless there is one of this name, which stays; what to say about it. Raises InvalidInput."""
    path = root / "workflows" / f"{name}.yaml"
    shown = path.relative_to(root)
    try:
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            return f"wrote {shown}: it makes what the new nodes need, before create-instance"
        if path.read_text() == text:
            return f"{shown} is there already"
    except (OSError, UnicodeDecodeError) as error:
        raise _cannot_write(shown, error) from None
    return f"{shown} is there and differs: it stays as it is; what was brought is in {save(root, name, '.yaml', text)}"


def _cannot_write(path: Path, error: OSError | UnicodeDecodeError) -> InvalidInput:
    reason = getattr(error, "strerror", None) or str(error)
    return InvalidInput(f'cannot write "{path}": {reason.lower()}')
