"""Parameters of which an empty text counts as not given: that is what `${...:-}` leaves where there is no value."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator

from xcatflow.contract import Params


class LenientParams(Params):
    """Base of params that are usually filled from attributes which a node may or may not have."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty_texts(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value != "" or key not in cls.model_fields}


def words(value: object) -> object:
    """A list as it is, a text as its words between commas or blanks."""
    return [word for word in re.split(r"[,\s]+", value) if word] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(words, json_schema_input_type=str | list[str])]
"""A list, or text with commas or blanks between its words."""
