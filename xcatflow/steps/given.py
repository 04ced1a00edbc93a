"""Parameters of which an empty text counts as not given: that is what `${...:-}` leaves where there is no value."""

from typing import Any

from pydantic import model_validator

from xcatflow.contract import Params


class LenientParams(Params):
    """Base of params that are usually filled from attributes which a node may or may not have."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty_texts(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value != "" or key not in cls.model_fields}
