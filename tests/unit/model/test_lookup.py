"""The text form of lookups."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcatflow.model.lookup import BadTemplate, MissingValue, parse_template, resolve_tree, templates_in

VALUES = {("node", "ip"): "10.0.0.1", ("node", "empty"): "", ("input", "image"): "busybox"}


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("plain", "plain"),
        ("${node.ip}", "10.0.0.1"),
        ("a ${node.ip}/24 b", "a 10.0.0.1/24 b"),
        ("${node.none:-d}", "d"),
        ("${node.empty:-d}", "d"),
        ("${node.none:-}", ""),
        ("${node.none:-${input.image}:latest}", "busybox:latest"),
        ("${node.none:-${node.none:-x}}", "x"),
        ("$${node.ip}", "${node.ip}"),
        ("$node {} $", "$node {} $"),
        ("${node.none:-a}}", "a}"),
    ],
)
def test_resolving(text: str, resolved: str) -> None:
    assert parse_template(text).resolve(VALUES.get) == resolved


@pytest.mark.parametrize(
    ("text", "offset"), [("${", 0), ("x ${}", 2), ("${node.ip", 0), ("${node.ip:-x", 0), ("${1x}", 0), ("a${b c}", 1)]
)
def test_what_is_not_well_formed_is_refused_at_its_offset(text: str, offset: int) -> None:
    with pytest.raises(BadTemplate) as caught:
        parse_template(text)
    assert caught.value.offset == offset


def test_a_missing_value_is_named() -> None:
    with pytest.raises(MissingValue, match=r'"\$\{node.none\}" has no value'):
        parse_template("${node.none}").resolve(VALUES.get)


def test_trees() -> None:
    tree = {"a": ["${node.ip}", 3], "b": {"c": "x", "d": True}}
    assert resolve_tree(tree, VALUES.get) == {"a": ["10.0.0.1", 3], "b": {"c": "x", "d": True}}
    assert [path for path, _ in templates_in({"a": ["x", "${node.ip}"], "b": "${input.image}"})] == [("a", 1), ("b",)]


@given(st.text())
def test_any_text_is_a_template_or_refused(text: str) -> None:
    try:
        template = parse_template(text)
    except BadTemplate:
        assert "${" in text
    else:
        assert "${" in text or template.resolve(VALUES.get) == text
