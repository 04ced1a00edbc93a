"""Puts the commands' usages into `docs/commands.md`: python -m tests.usages"""

import re
from pathlib import Path

from xcatflow.commands.table import find

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"

if __name__ == "__main__":
    text = PAGE.read_text()
    PAGE.write_text(
        re.sub(
            r"^```usage (\w+)\n.*?^```$",
            lambda found: f"```usage {found[1]}\n{find(found[1]).usage}```",
            text,
            flags=re.MULTILINE | re.DOTALL,
        )
    )
