"""Properties on inventories made up: what noderanges mean is what counting and sets say, and the laws of sets hold."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.selection.oracle import Made, Maker
from xcatflow.model.names import group_problem
from xcatflow.selection import UnknownNames, abbreviate, expand, select

THOROUGH = settings(max_examples=max(400, settings().max_examples), deadline=None)
FEWER = settings(max_examples=max(60, settings().max_examples // 5), deadline=None)
"""For what selects many times, and says each time what unknown names may have meant."""

MAKERS = st.builds(Maker, st.integers(0, 2**32), st.integers(1, 3))


def meaning(text: str, inventory: Made) -> tuple[set[str], set[str]]:
    """The nodes, and the names that mean nothing."""
    try:
        return set(select(text, inventory, environ={})), set()
    except UnknownNames as error:
        assert len(set(error.names)) == len(error.names)
        return set(error.valid), set(error.names)


def nodes(text: str, inventory: Made) -> set[str]:
    return meaning(text, inventory)[0]


@THOROUGH
@given(MAKERS)
def test_a_noderange_means_what_counting_says(maker: Maker) -> None:
    inventory = maker.inventory()
    said = maker.noderange(inventory)
    excluded = set(filter(None, inventory.site["excludenodes"].split(",")))
    assert meaning(said.text, inventory) == (said.nodes - excluded, said.unknown), (said.text, inventory)


@FEWER
@given(MAKERS)
def test_the_order_of_items_does_not_matter(maker: Maker) -> None:
    inventory = maker.inventory()
    one, other = maker.noderange(inventory), maker.noderange(inventory)
    items = [f"({one.text})", f"-({other.text})", "all", f"-({one.text})@all", one.text, f"({other.text})"]
    assert meaning(",".join(items), inventory) == meaning(",".join(maker.shuffled(items)), inventory)


@FEWER
@given(MAKERS)
def test_the_laws_of_sets_hold(maker: Maker) -> None:
    inventory = maker.inventory()
    a, b, c = (f"({maker.noderange(inventory).text})" for _ in range(3))

    def same(left: str, right: str) -> None:
        assert nodes(left, inventory) == nodes(right, inventory), (left, right, inventory)

    same(f"{a},{a}", a)
    same(f"{a}@{a}", a)
    same(f"{a},{b}", f"{b},{a}")
    same(f"{a}@{b}", f"{b}@{a}")
    same(f"{a},-{b}", f"{a}@(all,-{b})")
    same(f"{a}@{b}", f"{a},-({a},-{b})")
    same(f"all,-({a},{b})", f"(all,-{a})@(all,-{b})")
    same(f"all,-({a}@{b})", f"(all,-{a}),(all,-{b})")
    same(f"({a},{b})@{c}", f"{a}@{c},{b}@{c}")
    same(f"{a}@{b}@{c}", f"{a}@({b}@{c})")
    same(f"{a},({b},{c})", f"({a},{b}),{c}")
    same(f"{a},{b},-{b}", f"{a},-{b}")


@THOROUGH
@given(MAKERS)
def test_what_is_printed_means_the_same_again(maker: Maker) -> None:
    inventory = maker.inventory()
    found = nodes(maker.noderange(inventory).text, inventory)
    printed = ",".join(sorted(found))
    assert select(printed, inventory, environ={}) == expand(printed, inventory, environ={}) == tuple(sorted(found))
    short = abbreviate(found, inventory)
    assert nodes(short, inventory) == found
    assert len(short.split(",")) <= max(1, len(found))


@THOROUGH
@given(MAKERS)
def test_where_all_exists_expanding_is_selecting(maker: Maker) -> None:
    made = maker.inventory()
    said = maker.noderange(made)
    inventory = Made(made.nodes, made.grouped)
    if not said.unknown:
        assert set(expand(said.text, inventory, environ={})) == nodes(said.text, inventory)


@THOROUGH
@given(MAKERS)
def test_names_that_need_not_exist_are_names(maker: Maker) -> None:
    inventory = maker.inventory()
    items = [maker.atom(inventory) for _ in range(4)]
    text, names = ",".join(one.text for one in items), {name for one in items for name in one.nodes | one.unknown}
    assert set(expand(text, inventory, environ={})) == names
    nothing = Made({}, {})
    forms = [Maker(len(text), 1).atom(Made({}, {"all": ()})) for _ in range(4)]
    formed = {name for one in forms for name in one.unknown or {"all"}}
    assert set(expand(",".join(one.text for one in forms), nothing, environ={})) == formed


@THOROUGH
@given(st.text(alphabet="agrs019-._", min_size=1, max_size=9))
def test_a_group_may_have_a_name_that_means_only_itself(name: str) -> None:
    if not name.startswith(("-", "__")):
        assert (group_problem(name) == "") == (expand(name, environ={}) == (name,))
