"""Jinja2 templates of a site, sandboxed and strict: the one file that imports jinja2."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from xcatflow.errors import InvalidInput, Source

Lookup = Callable[[tuple[str, ...]], str | None]


class _Names:
    """`node.ip` in a template: the same lookups as `${node.ip}` in a workflow. What has no value is undefined."""

    def __init__(self, lookup: Lookup, path: tuple[str, ...]) -> None:
        self._lookup, self._path = lookup, path

    def __getitem__(self, name: str) -> object:
        path = (*self._path, name)
        if path in (("node", "osimage"), ("node", "network"), ("node", "host")):
            return _Names(self._lookup, path)
        if value := self._lookup(path):
            return value
        raise KeyError(name)


def render(root: Path, name: str, lookup: Lookup, variables: Mapping[str, Any]) -> str:
    """The template file `name` below `root` (others may be included from there), with `node`, `site`, `input` as in lookups.

    Raises InvalidInput with file and line.
    """
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(root), undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    names = {root_name: _Names(lookup, (root_name,)) for root_name in ("node", "site", "input")}
    try:
        return environment.get_template(name).render({**names, **variables})
    except TemplateSyntaxError as error:
        raise InvalidInput(f"template: {error.message}", Source(error.name or name, error.lineno)) from None
    except (UndefinedError, TemplateError) as error:
        raise InvalidInput(f"template: {error}", Source(name, _line(error, root / name))) from None


def _line(error: BaseException, template: Path) -> int:
    """The line of the template where it was raised, 0 where unknown."""
    trace, line = error.__traceback__, 0
    while trace:
        if trace.tb_frame.f_code.co_filename == str(template):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
