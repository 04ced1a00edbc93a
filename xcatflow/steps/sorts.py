"""What may be where a step wants a regular file: that, or nothing."""

from xcatflow.errors import ActFailed
from xcatflow.model.question import FileFacts


def need_file(path: str, facts: FileFacts | None) -> None:
    """Raise ActFailed where something else than a regular file is at `path`; links are not followed."""
    if facts and facts.sort != "file":
        sort = {"directory": "directory", "link": "symbolic link"}.get(facts.sort, "device, pipe or socket")
        raise ActFailed(f'expected a file or nothing at "{path}", found a {sort}: move it out of the way')
