"""The shipped templates for new objects: stanzas whose values may also say what somebody has to give, or may give.

`MANDATORY:text` has to be given, `OPTIONAL:text` is unset unless given, anything else is a default.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from xcatflow.load.stanza import read_stanzas

_FILE = Path(__file__).with_name("templates.stanza")


def templates(objtype: str) -> Mapping[str, Mapping[str, str]]:
    """The templates for a type by name, in order; attributes in the order written."""
    found = {
        draft.name: draft.values for draft in read_stanzas(_FILE.read_text(), _FILE.name) if draft.objtype == objtype
    }
    return MappingProxyType(dict(sorted(found.items())))
