"""Lines of /etc/hosts that sessions cannot show: names that only a resolver knows, and what holds for any file."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.commands.sessions import typed
from xcatflow.commands import makehosts
from xcatflow.commands.hosts_entries import Entry, Form
from xcatflow.commands.hosts_text import changed, gathered, hosts_text, without
from xcatflow.model.definitions import Definitions, Node, Record

SITE = Record("clustersite", {"domain": "lab.example"}, kind="site")


def node(name: str, **values: str) -> Node:
    return Node(name, {"groups": "all", **values})


def test_only_nodes_without_an_address_are_looked_up() -> None:
    asked: list[str] = []

    def resolve(name: str) -> str | None:
        asked.append(name)
        return {"n2": "10.0.0.2"}.get(name)

    definitions = Definitions([SITE, node("n1", ip="10.0.0.1"), node("n2"), node("n3", otherinterfaces="-x:10.1.0.3")])
    found = gathered(definitions, definitions.nodes, resolve)
    assert asked == ["n2", "n3"]
    assert found.warnings == ["Ignoring node 'n3', it can not be resolved."]
    assert changed("", found.entries, Form()).splitlines() == [
        "10.0.0.1 n1 n1.lab.example",
        "10.0.0.2 n2 n2.lab.example",
        "10.1.0.3 n3-x n3-x.lab.example",
    ]


def test_a_node_without_a_domain_is_left_out_as_a_whole() -> None:
    definitions = Definitions([node("n1", ip="10.0.0.1", otherinterfaces="-x:10.1.0.3", nicips="eth0!10.2.0.1")])
    found = gathered(definitions, ("n1",), lambda _name: None)
    assert found.entries == []
    assert found.warnings == [
        "No domain can be determined for node 'n1'. The domain of the xCAT node must be provided in an xCAT network "
        "definition or the xCAT site definition."
    ]


def test_a_whole_file_knows_the_machine_itself() -> None:
    definitions = Definitions([SITE, node("n1", ip="10.0.0.1"), node("n2", ip="fd59::2")])
    assert hosts_text(definitions) == ("127.0.0.1 localhost\n10.0.0.1 n1 n1.lab.example\nfd59::2 n2 n2.lab.example\n")
    assert hosts_text(definitions, ("n2",)) == "127.0.0.1 localhost\nfd59::2 n2 n2.lab.example\n"


def test_lines_are_removed_by_what_the_resolver_says_too() -> None:
    definitions = Definitions([SITE, node("n1"), node("n2")])
    text = "10.0.0.1 what\n10.0.0.2 n2.lab.example n2\n10.0.0.3 n3\n"
    assert without(text, definitions, ("n1", "n2"), {"n1": "10.0.0.1"}.get) == "10.0.0.3 n3\n"
    assert without(text, definitions, ("n1", "n2")) == "10.0.0.1 what\n10.0.0.3 n3\n"


def test_nodes_that_swap_their_addresses_have_one_line_each() -> None:
    definitions = Definitions([SITE, node("n1", ip="10.0.0.2"), node("n2", ip="10.0.0.1")])
    entries = gathered(definitions, definitions.nodes, lambda _name: None).entries
    old = "10.0.0.1 n1 n1.lab.example\n10.0.0.2 n2 n2.lab.example\n"
    assert changed(old, entries, Form()) == "10.0.0.2 n1 n1.lab.example\n10.0.0.1 n2 n2.lab.example\n"


def test_a_line_made_for_one_entry_is_not_taken_by_another_with_its_name() -> None:
    entries = (Entry("10.0.0.1", "n1-eth0", "d", keeps_name=True), Entry("10.0.0.2", "vip", "d"))
    assert changed("10.0.0.1 vip\n", entries, Form()) == "10.0.0.1 vip vip.d\n10.0.0.2 vip vip.d\n"


def test_the_command_asks_the_resolver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "a.stanza").write_text(
        "clustersite:\n    objtype=site\n    domain=lab.example\n"
        "n1:\n    objtype=node\n    groups=all\nn2:\n    objtype=node\n    groups=all\n"
    )

    def known(names: list[str]) -> Mapping[str, str]:
        return {name: "10.0.0.1" for name in names if name == "n1"}

    monkeypatch.setattr(makehosts, "addresses_of", known)
    said = typed("makehosts --hosts-file hosts", tmp_path)
    assert (said.out, said.code) == ([], 0)
    assert said.err == ["Warning: Ignoring node 'n2', it can not be resolved."]
    assert (tmp_path / "hosts").read_text() == "10.0.0.1 n1 n1.lab.example\n"
    typed("makehosts -d n1 --hosts-file hosts", tmp_path)
    assert (tmp_path / "hosts").read_text() == ""


NAMES = st.sampled_from(["n1", "n2", "n3", "n1-x", "vip"])
ADDRESSES = st.sampled_from([f"10.0.0.{last}" for last in range(1, 6)])
LINES = st.one_of(
    st.builds(
        lambda address, name, rest: f"{address} {name}{rest}", ADDRESSES, NAMES, st.sampled_from(["", ".d x", " y"])
    ),
    st.sampled_from(["", "# 10.0.0.1 n1", "10.0.0.1", "\t10.0.0.9\tother # n1", "a\x0cb\x85c\u2028d", "\udcff raw"]),
)
FORMS = st.builds(Form, long_first=st.booleans(), names_last=st.booleans(), full_aliases=st.booleans())
ENTRIES = st.lists(
    st.builds(Entry, ADDRESSES, NAMES, st.just("d"), st.lists(st.sampled_from(["w", "w.d", "v"])).map(tuple)),
    unique_by=(lambda entry: entry.address, lambda entry: entry.name),
)


@given(st.lists(LINES), ENTRIES, FORMS)
def test_every_entry_has_one_line_and_nobody_else_loses_any(lines: list[str], entries: list[Entry], form: Form) -> None:
    old = "".join(f"{line}\n" for line in lines)
    new = changed(old, entries, form)
    made = [entry.line(form) for entry in entries]
    assert new.endswith("\n") or not new
    found = new.split("\n")[:-1]
    assert sorted(line for line in found if line in made) == sorted(made)
    ours = {entry.address for entry in entries} | {name for entry in entries for name in entry.names}
    foreign = [
        line for line in lines if not ours & set(line.split("#")[0].split()[:2]) or len(line.split("#")[0].split()) < 2
    ]
    assert [line for line in found if line not in made] == foreign
    assert changed(new, entries, form) == new


def test_many_nodes_take_no_time() -> None:
    """Ten thousand nodes against as many lines: what is looked for line by line takes minutes."""
    nodes = [node(f"n{number}", ip=f"10.{number // 250}.{number % 250}.1") for number in range(10_000)]
    definitions = Definitions([SITE, *nodes])
    text = hosts_text(definitions)
    assert text.count("\n") == 10_001
    entries = gathered(definitions, definitions.nodes, lambda _name: None).entries
    assert changed(text, entries, Form()) == text
    assert without(text, definitions, definitions.nodes) == "127.0.0.1 localhost\n"
