"""Stanza text: the worked examples, the canonical form, and back again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.load.golden import DATA
from tests.unit.model.tables import rows
from xcatflow.errors import InvalidInput, Source
from xcatflow.load.stanza import parse_stanzas, read_stanzas

WORKED = """\
default-node:
    groups=docker,all
    mgt=docker
c21:
    objtype=node
    dockerhost=dh01
c22:
    objtype=node
    groups=special
    dockerhost=dh02
default-node:
    mgt=
h31:
    objtype=node
    ip=10.20.0.31
"""


def test_default_stanzas() -> None:
    c21, c22, h31 = read_stanzas(WORKED, "x.stanza")
    assert (c21.name, c21.values) == ("c21", {"dockerhost": "dh01", "groups": "docker,all", "mgt": "docker"})
    assert (c22.name, c22.values) == ("c22", {"groups": "special", "dockerhost": "dh02", "mgt": "docker"})
    assert (h31.name, h31.values) == ("h31", {"ip": "10.20.0.31", "groups": "docker,all", "mgt": ""})
    assert c21.source("mgt") == Source("x.stanza", 3, 5)
    assert c22.source("groups") == Source("x.stanza", 9, 5)
    assert c22.source() == Source("x.stanza", 7, 1)


@pytest.mark.parametrize(("line", "stored"), rows(DATA / "stanza_lines.txt"))
def test_single_lines(line: str, stored: str) -> None:
    (draft,) = read_stanzas(f"c1:\n  {line}\n  objtype=node", "-")
    assert list(draft.values.values()) == [stored]


def test_blanks_in_quotes_are_kept() -> None:
    (draft,) = read_stanzas('c1:\n  objtype=node\n  usercomment=" lead"  \n\tip =\t"10.0.0.4"\t\r\n', "-")
    assert draft.values == {"usercomment": " lead", "ip": "10.0.0.4"}
    assert draft.source("ip") == Source("-", 4, 2)


def test_headers() -> None:
    found = read_stanzas("fd59::/64:\n objtype=network\n  c1  :\nobjtype = node\n# c2:\n  # c3:\n", "-")
    assert [(draft.objtype, draft.name) for draft in found] == [("network", "fd59::/64"), ("node", "c1")]


def test_the_last_of_two_equal_attributes_counts_and_objtype_may_come_late() -> None:
    text = "default-node:\n ip=1\nc1:\n ip=2\n mgt=a\n ip=3\n objtype=node\n"
    (draft,) = read_stanzas(text, "-")
    assert list(draft.values.items()) == [("mgt", "a"), ("ip", "3")]
    assert draft.source("ip").line == 6


def test_an_explicitly_empty_value_beats_the_default() -> None:
    (draft,) = read_stanzas("default-node:\n mgt=docker\nc1:\n objtype=node\n mgt=\n", "-")
    assert draft.values == {"mgt": ""}


def test_no_stanza_at_all() -> None:
    with pytest.raises(InvalidInput, match="no object names were provided"):
        read_stanzas("# nothing\n", "-")


def test_problems_do_not_hide_the_rest() -> None:
    drafts, problems = parse_stanzas("c1:\n objtype=node\n junk\n ip=10.0.0.1\n", "f")
    assert drafts[0].values == {"ip": "10.0.0.1"}
    assert [str(problem) for problem in problems] == ['f:3:2: expected "name:" or "attribute=value", found "junk"']
    with pytest.raises(InvalidInput, match="junk"):
        read_stanzas("c1:\n objtype=node\n junk\n", "f")


@given(st.text(alphabet='ab:="# \t\n', max_size=60))
def test_any_text_is_read_or_complained_about(text: str) -> None:
    drafts, problems = parse_stanzas("c:\nobjtype=node\n" + text, "-")
    assert drafts or problems
    assert all(problem.source and problem.source.line for problem in problems)
