"""Plain listings read back: what is a value, whose it is, and what is no listing."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcatflow.errors import Source
from xcatflow.load.plain import is_plain, parse_plain

LISTING = """\
# a remark

Object name: c21
    dockerhost=dh01
    usercomment=  "a" = b # c:\t
    ip=
Object name: lan10  (network)
    objtype=network
\tnet = 10.20.0.0\r
Object name:c22 (node)
"""


def test_a_listing() -> None:
    drafts, problems = parse_plain(LISTING, "-")
    assert not problems
    assert [draft.content for draft in drafts] == [
        ("node", "c21", {"dockerhost": "dh01", "usercomment": '  "a" = b # c:', "ip": ""}),
        ("network", "lan10", {"net": " 10.20.0.0"}),
        ("node", "c22", {}),
    ]
    assert drafts[0].source("usercomment") == Source("-", 5, 5)
    assert drafts[1].source() == Source("-", 7, 1)


def test_the_type_of_headers_without_one() -> None:
    drafts, problems = parse_plain("Object name: a\nobjtype=network\nObject name: b  (node)\n", "-", "network")
    assert not problems
    assert [(draft.objtype, draft.name) for draft in drafts] == [("network", "a"), ("node", "b")]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (LISTING, True),
        ("\n  # x\n  Object name: c1  (node)\n", True),
        ("Object name:c1", True),
        ("c21:\n    objtype=node\n", False),
        ("Object name:\n    objtype=node\n", False),
        ("ip=1\nObject name: c1\n", False),
        ("# Object name: c1\n", False),
        ("", False),
    ],
)
def test_which_form_a_text_has(text: str, plain: bool) -> None:
    assert is_plain(text) is plain


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ip=1\nObject name: c1", '-:1:1: "ip" stands before the first "Object name:"'),
        ("Object name: c1\n  c2:", '-:2:3: the stanza "c2:" stands in a plain listing: give one form at a time'),
        ("Object name: c1\njunk", '-:2:1: expected "Object name: ..." or "attribute=value", found "junk"'),
        ("Object name: c1\n =x", '-:2:2: expected the name of an attribute before "=", found nothing'),
        ("Object name: c1\nobjtype=group", '-:2:1: objtype=group of "c1", which is a node'),
        ("Object name: c1 (nod)\na=1", '-:1:1: unknown object type "nod", did you mean "node"?'),
        ("Object name: c1 ()", '-:1:1: unknown object type ""'),
        (
            "Object name: a b",
            '-:1:1: expected "Object name: NAME" or "Object name: NAME  (TYPE)", found "Object name: a b"',
        ),
        ("Object name: a\nObject name: a (node)", '-:2:1: node "a" is defined twice, first in line 1: write it once'),
    ],
)
def test_what_is_no_listing(text: str, problem: str) -> None:
    _, problems = parse_plain(text, "-")
    assert [str(each) for each in problems] == [problem]


texts = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=12)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True).filter(lambda name: name != "objtype"), texts, max_size=4
    )
)
def test_values_are_read_as_they_are_printed(values: Mapping[str, str]) -> None:
    text = "".join(["Object name: c1\n", *(f"    {name}={value}\n" for name, value in values.items())])
    (draft,), problems = parse_plain(text, "-")
    assert not problems
    assert draft.values == {name: value.rstrip(" \t") for name, value in values.items()}


@given(st.text(alphabet="Object name:ab=#() \t\n", max_size=60))
def test_any_text_is_read_or_complained_about(text: str) -> None:
    drafts, problems = parse_plain("Object name: c1\n" + text, "-")
    assert drafts
    assert all(problem.source and problem.source.line for problem in problems)
