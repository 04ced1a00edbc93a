"""The values of Ansible's variables as texts of attributes."""

import json
from typing import Any

from xcatflow.exchange.ansible import Plain
from xcatflow.model.attributes import LISTS, NICS
from xcatflow.model.nics import join_nics

_NULLS = ("", "~", "null", "Null", "NULL")


def text_of(value: Any) -> str:
    """A value as one text: as it was written, empty for none, lists and mappings as JSON."""
    match value:
        case Plain(text):
            return "" if text in _NULLS else text
        case str():
            return value
    return json.dumps(_data(value), separators=(",", ":"), ensure_ascii=False)


def as_attribute(attribute: str, value: Any) -> str:
    """A value as an attribute has it: lists joined, those of network adapters in their stored form."""
    match value:
        case dict() if attribute in NICS:
            return join_nics((nic, _addresses(one)) for nic, one in value.items())
        case list() if attribute in LISTS:
            return ",".join(map(text_of, value))
    return text_of(value)


def _addresses(value: Any) -> str:
    return "|".join(map(text_of, value)) if isinstance(value, list) else text_of(value)


def _data(value: Any) -> Any:
    """A value for JSON."""
    match value:
        case Plain(text):
            try:
                return json.loads(text)
            except ValueError:
                return text
        case dict():
            return {key: _data(below) for key, below in value.items()}
        case list():
            return [_data(below) for below in value]
    return value
