"""Files beside the inventory for what definitions have no place for: nothing reads them, and nothing is overwritten."""

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
            reason = getattr(error, "strerror", None) or str(error)
            raise InvalidInput(f'cannot write "{path.relative_to(root)}": {reason.lower()}') from None
        return str(path.relative_to(root))
