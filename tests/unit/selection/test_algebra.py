"""Properties: noderanges against plain set arithmetic, and that no text does more harm than a complaint."""

from dataclasses import dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.selection.conftest import DATA, definitions
from xcatflow.errors import InvalidInput
from xcatflow.selection import UnknownNames, abbreviate, expand, select

INVENTORY = definitions()
NODES = sorted(INVENTORY.nodes)
GROUPS = {name: frozenset(INVENTORY.members(name) or ()) for name in INVENTORY.group_names}


@dataclass(frozen=True)
class Said:
    """A noderange, and the nodes it means by another reckoning."""

    text: str
    nodes: frozenset[str]


def span(names: list[str], form: str) -> Said:
    """A range from the first to the last of `names`, which are consecutive."""
    prefix = names[0].rstrip("0123456789")
    first, last = (name[len(prefix) :] for name in (names[0], names[-1]))
    texts = {
        "-": f"{names[0]}-{names[-1]}",
        ":": f"{names[0]}:{names[-1]}",
        "[": f"{prefix}[{first}-{last}]",
        "+": f"{names[0]}+{len(names) - 1}",
        ",": f"{prefix}[{','.join(name[len(prefix) :] for name in names)}]",
    }
    return Said(texts[form], frozenset(names))


def spans() -> st.SearchStrategy[Said]:
    rows = (
        [f"db{number:03}" for number in range(1, 6)],
        [f"node{number}" for number in range(7, 11)],
        ["web1", "web2", "web3"],
        ["dh01", "dh02", "dh03"],
        ["r2s1", "r2s2", "r2s3"],
    )
    pieces = [row[low : high + 1] for row in rows for low in range(len(row)) for high in range(low, len(row))]
    return st.builds(span, st.sampled_from(pieces), st.sampled_from("-:[+,"))


ATOMS = st.one_of(
    st.sampled_from(NODES).map(lambda name: Said(name, frozenset([name]))),
    st.sampled_from(sorted(GROUPS)).map(lambda name: Said(name, GROUPS[name])),
    st.sampled_from(NODES).map(lambda name: Said(f"/{name[:-1]}.", frozenset(n for n in NODES if n[:-1] == name[:-1]))),
    st.sampled_from(["docker", "ipmi", "kvm"]).map(
        lambda mgt: Said(f"mgt!={mgt}", frozenset(n for n in NODES if INVENTORY.value(n, "mgt") != mgt))
    ),
    spans(),
)
BLANKS = st.sampled_from(["", "", " "])


def deeper(inner: st.SearchStrategy[Said]) -> st.SearchStrategy[Said]:
    grouped = inner.map(lambda said: Said(f"({said.text})", said.nodes))
    factor = st.one_of(ATOMS, grouped)
    term = st.lists(factor, min_size=1, max_size=3).map(
        lambda all_: Said("@".join(one.text for one in all_), frozenset.intersection(*(one.nodes for one in all_)))
    )
    items = st.lists(st.tuples(term, st.booleans(), BLANKS), max_size=4)
    return items.map(listed)


def listed(items: list[tuple[Said, bool, str]]) -> Said:
    texts = [f"{blank}{'-' if excluded else ''}{said.text}{blank}" for said, excluded, blank in items]
    plain = frozenset(node for said, excluded, _ in items if not excluded for node in said.nodes)
    return Said(",".join(texts), plain - {node for said, excluded, _ in items if excluded for node in said.nodes})


@given(st.recursive(ATOMS, deeper, max_leaves=12))
def test_a_noderange_means_what_set_arithmetic_says(said: Said) -> None:
    assert select(said.text, INVENTORY, environ={}) == tuple(sorted(said.nodes))


@given(st.recursive(ATOMS, deeper, max_leaves=6), st.recursive(ATOMS, deeper, max_leaves=6))
def test_operators_are_those_of_sets(left: Said, right: Said) -> None:
    def nodes(text: str) -> set[str]:
        return set(select(text, INVENTORY, environ={}))

    a, b = left.text, right.text
    assert nodes(f"({a}),({b})") == nodes(a) | nodes(b) == nodes(f"({b}),({a})")
    assert nodes(f"({a})@({b})") == nodes(a) & nodes(b) == nodes(f"({a}),-(({a}),-({b}))")
    assert nodes(f"-({b}),({a})") == nodes(a) - nodes(b) == nodes(f"({a}),-({b})@all")


@given(st.sets(st.sampled_from(NODES)))
def test_what_is_abbreviated_is_meant_again(names: set[str]) -> None:
    assert select(abbreviate(names, INVENTORY), INVENTORY, environ={}) == tuple(sorted(names))


SIGNS = st.text(alphabet="^/,@()[]-+:=!~\"'\\ {}.*|?$ab019\n\tz", max_size=20)
WORDS = st.lists(
    st.sampled_from([*"^/,@()[]-+:~\"' {}\\", "==", "=~", "!=", "!~", "web", "dh01", "mgt", "7", "1-3", "hosts.lst", ".*"]),
    max_size=14,
).map("".join)  # fmt: skip


@given(st.one_of(st.text(max_size=30), SIGNS, WORDS))
def test_no_text_does_more_harm_than_a_complaint_of_one_line(text: str) -> None:
    for of in (
        lambda: select(text, INVENTORY, environ={}, cwd=DATA),
        lambda: expand(text, INVENTORY, environ={}, cwd=DATA),
        lambda: expand(text, environ={}, cwd=Path("/nowhere")),
    ):
        try:
            found = of()
        except UnknownNames as error:
            assert error.names
            assert "\n" not in str(error)
        except InvalidInput as error:
            assert "\n" not in str(error)
        else:
            assert list(found) == sorted(set(found))
