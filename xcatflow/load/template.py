"""Jinja2 templates of a site, sandboxed and strict: the one file that imports jinja2."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from xcatflow.errors import InvalidInput, Source

Lookup = Callable[[tuple[str, ...]], str | None]


_NESTED = (("node", "osimage"), ("node", "network"), ("node", "host"), ("node", "facts"), ("node", "host", "facts"))


class _Names:
    """`node.ip` in a template: the same lookups as `${node.ip}` in a workflow. What has no value is undefined."""

    def __init__(self, lookup: Lookup, path: tuple[str, ...]) -> None:
        self._lookup, self._path = lookup, path

    def __getitem__(self, name: str) -> object:
        path = (*self._path, name)
        if path in _NESTED:
            return _Names(self._lookup, path)
        if value := self._lookup(path):
            return value
        raise KeyError(name)


def render(root: Path, name: str, lookup: Lookup, variables: Mapping[str, Any], *, shown: Path | None = None) -> str:
    """The template file `name` below `root` (others may be included from there), with `node`, `site`, `input`, `env` as in lookups.

    Raises InvalidInput with file and line, the file as it stands below `shown`.
    """
    shown = shown or Path()
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(root), undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    names = {root_name: _Names(lookup, (root_name,)) for root_name in ("node", "site", "input", "env")}
    try:
        return environment.get_template(name).render({**names, **variables})
    except TemplateSyntaxError as error:
        raise InvalidInput(
            f"template: {error.message}", Source(str(shown / (error.name or name)), error.lineno)
        ) from None
    except TemplateNotFound as error:
        raise InvalidInput(
            f'template: there is no "{error.name}" to include', _place(error, root, name, shown)
        ) from None
    except InvalidInput:
        raise
    except Exception as error:  # a template may do anything that Python's values refuse
        raise InvalidInput(f"template: {error}", _place(error, root, name, shown)) from None


def _place(error: BaseException, root: Path, name: str, shown: Path) -> Source:
    """The innermost template and line where it was raised; without a line where that is unknown."""
    trace, place = error.__traceback__, Source(str(shown / name))
    while trace:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.is_relative_to(root):
            place = Source(str(shown / file.relative_to(root)), trace.tb_lineno)
        trace = trace.tb_next
    return place
