"""Cases of import as data: a directory has `in.*`, and what comes of it.

`site.stanza`: what the site has before; `words`: options of `xcatflow import`. `out.stanza`: the objects that are to be written,
`said.txt`: what is told about it, `kept.yaml` and `aside.txt`: what was not taken over, `workflow.yaml`: what is to be run. Files that are
missing mean: nothing of that. Beside a compose file, `environ` has the environment; the files of `beside/` are there as well.
"""

import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path

from xcatflow.errors import InvalidInput
from xcatflow.exchange.importing import Request, bring, variables
from xcatflow.load.definitions import assemble
from xcatflow.load.inventory_file import parse_inventory
from xcatflow.load.stanza_text import stanza_text
from xcatflow.model.definitions import Definitions

RESULTS = ("out.stanza", "said.txt", "kept.yaml", "aside.txt", "workflow.yaml")


def played(case: Path) -> dict[str, str]:
    """What comes of a case, by the name of the file that has it."""
    (source,) = case.glob("in.*")
    request = _asked(Request(source.read_text(), source.name), case / "words")
    request = replace(request, directory="My.Shop", environment=_environ(case / "environ"), read=partial(_beside, case))
    try:
        result = bring(request, _site(case / "site.stanza"))
    except InvalidInput as error:
        return {"said.txt": "".join(f"error: {problem}\n" for problem in error.problems)}
    said = [f"note: {problem}" for problem in result.notes]
    said += [f"refused: {problem}" for problem in result.refused]
    said += [] if result.refused else [f"not taken over: {problem}" for problem in result.left]
    said += [f"already there: {number} {objtype}" for objtype, number in sorted(result.merge.equal.items())]
    changed = {(write.objtype, write.name) for write in result.merge.changed}
    said += [
        f"changed: {objtype} {name}: {', '.join(write.values)}"
        for write in result.merge.changed
        for objtype, name in [(write.objtype, write.name)]
    ]
    writes = sorted(result.writes, key=lambda write: (write.objtype, write.name))
    new = [write for write in writes if (write.objtype, write.name) not in changed]
    found = {
        "out.stanza": "" if result.refused or not new else stanza_text((it.objtype, it.name, it.values) for it in new),
        "said.txt": "".join(f"{line}\n" for line in said),
        "kept.yaml": result.kept,
        "aside.txt": "".join(f"{line}\n" for line in result.brought.aside),
        "workflow.yaml": "".join(result.brought.workflows.values()),
    }
    return {name: text for name, text in found.items() if text}


def _environ(path: Path) -> dict[str, str]:
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines)


def _beside(case: Path, name: str) -> str | None:
    path = case / "beside" / name
    return path.read_text() if path.is_file() else None


def _asked(request: Request, words: Path) -> Request:
    given = shlex.split(words.read_text()) if words.exists() else []
    while given:
        match given.pop(0):
            case "--force":
                request = replace(request, force=True)
            case "--inherit":
                request = replace(request, inherit=True)
            case "--skip-unknown":
                request = replace(request, skip_unknown=True)
            case "--docker":
                request = replace(request, docker=given.pop(0))
            case "--from":
                request = replace(request, form=given.pop(0))
            case "--map":
                request = replace(request, mapped=variables([given.pop(0)]))
            case other:
                raise AssertionError(other)
    return request


def _site(path: Path) -> Definitions:
    if not path.exists():
        return Definitions()
    return assemble(*parse_inventory(path.read_text(), path, "inventory/site.stanza")).definitions
