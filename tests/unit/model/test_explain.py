"""Explanations agree with the values they explain; the text is held by the sessions of `tests/unit/sites`."""

from hypothesis import given
from hypothesis import strategies as st

from xcatflow.model.attributes import ATTRIBUTES, OWN_ONLY
from xcatflow.model.definitions import Definition, Definitions, Group, Node, Record
from xcatflow.model.explain import Verdict, explain, valued

VALUES = st.sampled_from(
    [
        "",
        "a",
        "b,c",
        "docker",
        "kvm",
        "|web(\\d+)|v($1+1)|",
        "|($1)|",
        "|(|x|",
        "|^.*$||",
        "eth0!a|b,eth1!|($1*2)|",
        "/web/db/",
    ]
)
ASKED = (
    "arch",
    "ip",
    "nicips",
    "nicips.eth1",
    "postscripts",
    "vm.host",
    "hosts.ip",
    "status",
    "dockerhost",
    "vmhost",
    "node",
    "tags",
)


@st.composite
def sites(draw: st.DrawFn) -> Definitions:
    attributes = st.dictionaries(
        st.sampled_from(["arch", "ip", "nicips", "postscripts", "mgt", "dockerhost", "vmhost", "status"]), VALUES
    )
    objects: list[Definition] = []
    for name in ("one", "two", "three"):
        kind = draw(st.sampled_from(["static", "dynamic", ""]))
        values = {attribute: value for attribute, value in draw(attributes).items() if value}
        if kind:
            objects.append(Group(name, values | {"grouptype": kind, "wherevals": "node==web"}))
    for name in ("web1", "web", "db07"):
        groups = draw(st.lists(st.sampled_from(["one", "two", "three", "four"]), unique=True))
        values = {attribute: value for attribute, value in draw(attributes).items() if value}
        objects.append(Node(name, values | ({"groups": ",".join(groups)} if groups else {})))
    merged = draw(st.sampled_from(["", "postscripts", "arch:;,nicips"]))
    objects.append(Record(kind="site", name="clustersite", attributes={"hierarchicalattrs": merged} if merged else {}))
    return Definitions(objects)


@given(sites())
def test_what_counts_is_the_value(definitions: Definitions) -> None:
    for node in definitions.nodes:
        for asked in ASKED:
            told = explain(definitions, node, asked)
            assert told.value == definitions.value(node, asked)
            holders = [node, *(() if told.attribute in OWN_ONLY else definitions.nodes[node].groups)]
            if told.attribute != "node":
                assert [candidate.name for candidate in told.candidates] == holders
            adding = [candidate for candidate in told.candidates if candidate.verdict is Verdict.ADDS]
            counting = [candidate for candidate in told.candidates if candidate.verdict is Verdict.COUNTS]
            assert len(counting) <= 1
            if counting:
                assert (counting[0].value or None) == told.value
                raw = definitions.raw(node, asked)
                assert raw is not None
                assert raw[1] == counting[0].written
            if adding and "." not in told.attribute:
                delimiter = ";" if told.attribute == "arch" else ","
                entries = [entry for candidate in adding for entry in candidate.added]
                assert (delimiter.join(entries) or None) == told.value


@given(sites())
def test_all_that_has_a_value_is_listed(definitions: Definitions) -> None:
    for node in definitions.nodes:
        with_value = {name for name in ATTRIBUTES["node"] if name != "node" and definitions.value(node, name)}
        assert with_value <= set(valued(definitions, node))
