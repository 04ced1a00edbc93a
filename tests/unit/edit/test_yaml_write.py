"""Values as YAML text: read back, they are the same, in brackets or not, as a value or a key."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.edit.inventories import texts
from xcatflow.edit.yaml_write import key_text, piece_text, scalar_text, value_text
from xcatflow.load.yaml_text import parse_pieces, parse_yaml

anything = (
    texts
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.text(alphabet=":-#,[]{}'\"!&*?|> %@`\\\t\n\r~a1.", min_size=1, max_size=6)
)


def read(text: str) -> Any:
    return parse_yaml(text, Path("a.yaml")).text


@settings(max_examples=300, deadline=None)
@given(anything, anything, st.sampled_from(("", "'", '"')))
def test_any_text_is_read_as_it_was(text: str, key: str, style: str) -> None:
    block = f"{key_text(key, flow=False, style=style)}: {scalar_text(text, flow=False, style=style)}\n"
    assert read(block) == {key: text}
    flow = f"{{{key_text(key, flow=True, style=style)}: [{scalar_text(text, flow=True, style=style)}, x]}}\n"
    assert read(flow) == {key: [text, "x"]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(json_values)
def test_values_keep_their_types(value: Any) -> None:
    text = f"a: {value_text(value, flow=False, typed=True)}\n"
    assert parse_yaml(text, Path("a.yaml")).value == {"a": value}
    root = parse_pieces(text)
    assert root
    assert parse_yaml(piece_text(root), Path("a.yaml")).value == {"a": value}


@pytest.mark.parametrize(
    ("text", "block", "flow"),
    [
        ("docker,all", "docker,all", '"docker,all"'),
        ("10.0.0.1", "10.0.0.1", "10.0.0.1"),
        ("nginx:1.25", "nginx:1.25", "nginx:1.25"),
        ("true", "true", "true"),
        ("~", '"~"', '"~"'),
        ("null", '"null"', '"null"'),
        ("a: b", '"a: b"', '"a: b"'),
        ('{"Tty":true}', "'{\"Tty\":true}'", "'{\"Tty\":true}'"),
        ("|h(\\d+)|b|", "'|h(\\d+)|b|'", "'|h(\\d+)|b|'"),
        ("it's", "it's", "it's"),
        ("", '""', '""'),
        ("a\tb", '"a\\tb"', '"a\\tb"'),
    ],
)
def test_quotes_only_where_they_are_needed(text: str, block: str, flow: str) -> None:
    assert scalar_text(text, flow=False) == block
    assert scalar_text(text, flow=True) == flow
