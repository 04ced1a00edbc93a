"""Where the data of these tests is, and loading one inventory file as a site has it."""

import shutil
from pathlib import Path

from xcatflow.load.definitions import load_definitions
from xcatflow.model.definitions import Definitions

DATA = Path(__file__).parent / "data"


def load_file(path: Path, site: Path) -> Definitions:
    """The file alone in the inventory of a new site at `site`."""
    (site / "inventory").mkdir()
    shutil.copy(path, site / "inventory")
    return load_definitions(site / "inventory")


def load_texts(site: Path, **texts: str) -> Definitions:
    """An inventory of files: `hosts_stanza="..."` is `hosts.stanza`."""
    (site / "inventory").mkdir(exist_ok=True)
    for name, text in texts.items():
        (site / "inventory" / name.replace("_", ".")).write_text(text)
    return load_definitions(site / "inventory")
