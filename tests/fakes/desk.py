"""A site's files as a step's desk; templates are rendered by filling in `{{ name }}`."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import Definitions

T = TypeVar("T")


@dataclass
class FolderDesk:
    """Implements contract.Desk on a folder."""

    root: Path
    definitions: Definitions = field(default_factory=Definitions)
    node: str = "dh01"
    kept: dict[Hashable, Any] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        found = (self.root / name).resolve()
        if not Path(name).is_absolute() and not found.is_relative_to(self.root.resolve()):
            raise InvalidInput(f'"{name}" is outside of the site')
        return found

    def read(self, name: str) -> str:
        try:
            return self.path(name).read_text()
        except OSError as error:
            raise InvalidInput(f'cannot read "{name}": {error.strerror}') from None

    def render(self, name: str, variables: Mapping[str, Any]) -> str:
        text = self.read(name)
        for key, value in variables.items():
            text = text.replace("{{ " + key + " }}", str(value))
        return text

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        if key not in self.kept:
            self.kept[key] = make()
        return cast(T, self.kept[key])

    @property
    def authority(self) -> Any:
        raise AssertionError("this step must not use the authority")
