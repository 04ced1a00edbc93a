"""YAML text: what scalars mean, where everything stands, and that no text breaks the reader."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from xcatflow.errors import InvalidInput, Source
from xcatflow.load.yaml_text import YamlDocument, parse_yaml, read_yaml

TEXT = """\
name: demo   # comment
steps:
  - id: one
    with: {a: 1, b: [x, y]}
  - id: two
    with:
      c: "1"
empty:
"""


def document(text: str) -> YamlDocument:
    return parse_yaml(text, Path("x.yaml"))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1),
        ("-17", -17),
        ("007", 7),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.10", 1.1),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("~", None),
        ("null", None),
        ("", None),
        ("'null'", "null"),
        ('"1"', "1"),
        ("02:11:22:33:44:55", "02:11:22:33:44:55"),
        ("10:20:30", "10:20:30"),
        ("1_000", "1_000"),
        ("2024-01-01", "2024-01-01"),
        ("10.0.0.1", "10.0.0.1"),
        ("0b11", "0b11"),
        ("-", "-"),
        ("1.2.3", "1.2.3"),
        (".inf", ".inf"),
        ("9" * 400, "9" * 400),
    ],
)
def test_scalars_follow_the_core_schema(written: str, value: object) -> None:
    found = document(f"a: {written}" if written != "-" else "a: '-'").value["a"]
    assert found == value
    assert type(found) is type(value) or isinstance(found, type(value))


def test_numbers_remember_how_they_were_written() -> None:
    class Params(BaseModel):
        model_config = ConfigDict(coerce_numbers_to_str=True)
        tag: str
        mode: str
        count: int

    found = document("{tag: 1.10, mode: 0644, count: 007}")
    assert Params.model_validate(found.value) == Params(tag="1.10", mode="0644", count=7)
    assert [str(found.value[key]) for key in ("tag", "mode", "count")] == ["1.10", "0644", "007"]
    assert json.dumps(found.value) == '{"tag": 1.1, "mode": 644, "count": 7}'


def test_text_tree() -> None:
    found = document("a: [yes, 007, ~, 'null', true]\nb: {c: 1.10}\n")
    assert found.text == {"a": ["yes", "007", "", "null", "true"], "b": {"c": "1.10"}}
    assert found.value == {"a": ["yes", 7, None, "null", True], "b": {"c": 1.1}}


@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        ((), False, (1, 1)),
        (("name",), False, (1, 7)),
        (("name",), True, (1, 1)),
        (("steps",), False, (2, 1)),
        (("steps", 0), False, (3, 5)),
        (("steps", 1, "id"), False, (5, 9)),
        (("steps", 1, "id"), True, (5, 5)),
        (("steps", 0, "with"), False, (4, 11)),
        (("steps", 0, "with", "b", 1), False, (4, 25)),
        (("steps", 1, "with"), False, (6, 5)),
        (("steps", 1, "with", "c"), False, (7, 10)),
        (("steps", 1, "with", "nothing"), False, (6, 5)),
        (("steps", 9, "with"), False, (2, 1)),
        (("name", "below"), False, (1, 7)),
        (("empty",), True, (8, 1)),
    ],
)
def test_places(path: tuple[str | int, ...], key: bool, place: tuple[int, int]) -> None:
    assert document(TEXT).source_of(path, key=key) == Source("x.yaml", *place)


def test_anchors_within_reason() -> None:
    assert document("a: &x {b: 1}\nc: *x\n").value == {"a": {"b": 1}, "c": {"b": 1}}
    assert document("a: &x word\n*x : 1\n").value == {"a": "word", "word": 1}


MERGED = """\
a: &a {x: 1, y: 2}
b: &b {y: 3, z: 4}
one: {<<: *a, y: 5}
two:
  <<: [*a, *b]
  w: 6
three: {<<: {x: 7}}
"""


def test_merge_keys_only_where_asked_for() -> None:
    with pytest.raises(InvalidInput, match=r'x.yaml:3:7: merge keys \("<<"\) are not used here'):
        document(MERGED)
    found = parse_yaml(MERGED, Path("x.yaml"), merge_keys=True)
    assert {name: found.value[name] for name in ("one", "two", "three")} == {
        "one": {"x": 1, "y": 5},
        "two": {"x": 1, "y": 2, "z": 4, "w": 6},
        "three": {"x": 7},
    }
    assert found.source_of(("two", "z")) == Source("x.yaml", 2, 17)
    for wrong in ("a: {<<: 1}\n", "a: &a [1]\nb: {<<: *a}\n"):
        with pytest.raises(InvalidInput, match='expected a mapping, or a list of them, as "<<"'):
            parse_yaml(wrong, Path("x.yaml"), merge_keys=True)


def test_empty_and_comment_only_files_are_nothing() -> None:
    assert document("").value is document("# nothing\n").value is document("---\n").value is None
    assert document("").source_of(()) == Source("x.yaml", 1, 1)


def test_reading_files(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    found = read_yaml(tmp_path / "x.yaml", root=tmp_path)
    assert (found.value, found.name, found.path) == ({"a": 1, "b": 2}, "x.yaml", tmp_path / "x.yaml")
    assert read_yaml(tmp_path / "x.yaml").name == str(tmp_path / "x.yaml")
    with pytest.raises(InvalidInput) as caught:
        read_yaml(tmp_path / "y.yaml", root=tmp_path)
    assert str(caught.value) == "y.yaml: cannot be read: no such file or directory"


trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(trees)
def test_json_is_yaml(tree: object) -> None:
    assert document(json.dumps(tree)).value == tree


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@` \t\n?,\x07\x85", max_size=40))
def test_any_text_is_read_or_complained_about_at_a_place(text: str) -> None:
    problem = None
    try:
        document(text)
    except InvalidInput as error:
        (problem,) = error.problems
    assert problem is None or (problem.source and problem.source.line and "\n" not in problem.message)
