"""What the tables do not show: files, the environment, excluded nodes, hints, size."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.fakes.facts import GivenFacts
from tests.unit.selection.conftest import definitions
from xcatflow.errors import InvalidInput, Source
from xcatflow.model.definitions import Definitions
from xcatflow.model.fact_names import FactSource
from xcatflow.selection import UnknownNames, abbreviate, expand, select


class Counting:
    """An inventory of many nodes that counts what is asked."""

    def __init__(self, names: tuple[str, ...], groups: Mapping[str, tuple[str, ...]]) -> None:
        self.nodes: Mapping[str, None] = MappingProxyType(dict.fromkeys(names))
        self.group_names = tuple(sorted(groups))
        self.site: Mapping[str, str] = MappingProxyType({})
        self.facts: FactSource = GivenFacts({})
        self._groups = groups
        self.asked = 0

    def members(self, group: str) -> tuple[str, ...] | None:
        self.asked += 1
        return self._groups.get(group)

    def values(self, attribute: str) -> Iterator[tuple[str, str | None]]:
        for node in self.nodes:
            self.asked += 1
            yield node, "x86_64" if attribute == "arch" else None

    def canonical(self, attribute: str) -> str | None:
        return attribute


def test_nothing_selects_nothing(inventory: Definitions) -> None:
    assert [select(text, inventory) for text in ("", " ", ",", "()", '""', "-lab")] == [()] * 6


def test_prefix_and_suffix_come_from_the_process_by_default(
    inventory: Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XCAT_NODE_PREFIX", "web")
    assert select("1-3", inventory) == ("web1", "web2", "web3")


def test_a_file_is_relative_to_the_current_directory_by_default(
    inventory: Definitions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "some nodes").write_bytes(b"\xef\xbb\xbfweb1\r\nweb2:22\tx\r\n\r\n# web3")
    monkeypatch.chdir(tmp_path)
    assert select("^some nodes, lab", inventory) == ("lab", "web1", "web2")
    assert select(f"^{tmp_path}/some nodes", inventory) == ("web1", "web2")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("web@", """Invalid noderange 'web@': expected a name after "@" (column 5)"""),
        ("lab,^list", "Cannot open noderange file 'list': it is being read already, by one of its own lines"),
        ("bogus==1", "Unknown attribute 'bogus' in noderange 'bogus==1'"),
    ],
)
def test_an_error_in_a_file_names_file_and_line(
    line: str, message: str, inventory: Definitions, tmp_path: Path
) -> None:
    (tmp_path / "list").write_text(f"# tonight\nlab\n{line}\n")
    with pytest.raises(InvalidInput) as raised:
        select("^list", inventory, cwd=tmp_path)
    (problem,) = raised.value.problems
    assert (problem.message, problem.source) == (message, Source(str(tmp_path / "list"), 3))


def test_unknown_names_in_a_file_are_reported_like_others(inventory: Definitions, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("web9\nlab\n")
    with pytest.raises(UnknownNames) as raised:
        select("x,^list", inventory, cwd=tmp_path)
    assert (raised.value.names, raised.value.valid) == (("x", "web9"), ("lab",))


def test_a_file_that_is_no_text(inventory: Definitions, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match=r"Cannot open noderange file 'list': not a text file \("):
        select("^list", inventory, cwd=tmp_path)


def test_a_name_with_a_zero_byte_is_no_file(inventory: Definitions) -> None:
    with pytest.raises(InvalidInput, match="Cannot open noderange file 'a b': "):
        select("^a\0b", inventory)


def test_names_in_excludenodes_that_are_gone_exclude_nothing() -> None:
    assert select("dockerhost", definitions("gone,dh02")) == ("dh01", "dh03")


def test_excludenodes_that_cannot_be_read_let_nothing_through() -> None:
    with pytest.raises(InvalidInput, match=r'^in "excludenodes" of the site: Invalid noderange .dh02@.'):
        select("dh01", definitions("dh02@"))


def test_excluded_nodes_can_still_be_defined() -> None:
    assert expand("dh01-dh02", definitions("dh02")) == ("dh01", "dh02")


def test_parentheses_may_be_nested_but_not_without_end(inventory: Definitions) -> None:
    assert select("(" * 40 + "lab" + ")" * 40, inventory) == ("lab",)
    with pytest.raises(InvalidInput, match=r"parentheses are nested more than 40 deep \(column 42\)"):
        select("(" * 10_000 + "lab" + ")" * 10_000, inventory)


@pytest.mark.parametrize("text", ["web\nlab(", "~we\nb", "x\ny==1", "^no\nfile", "no\nname", "/[\n", "web@\n"])
def test_a_complaint_is_one_line(text: str, inventory: Definitions) -> None:
    with pytest.raises(InvalidInput) as raised:
        select(text, inventory)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("'web1','web2'", "web1,web2"),
        ('"mgt==docker",-db', "web1,web10,web11,web2,web3"),
        ('"mgt==kvm","lab"', "dh03,lab"),
        ("'groups==\"all,docker,web\"',lab", "lab,web1,web10,web11,web2,web3"),
        ("groups=~\"docker,(web|x)\"", "web1,web10,web11,web2,web3"),
        ("os=~/^ubuntu/@rack1", "dh01"),
        ("os=~/[/]|deb/ ,lab", "dh02,lab"),
        ("groups=~/,rack1$/", "dh01,dh02"),
        ("groups=~r[,a-b]ck1", "dh01,dh02"),
        ("groups=~rack\\d , lab", "dh01,dh02,dh03,lab"),
        ("groups=~/rack/x", ""),
        ("groups=~/rack/\\z/", ""),
        ("os=~/debian12\\z/", "dh02"),
        ("/web1/", "web1"),
        ("/web[]1],lab", "lab,web1"),
        ("/web\\,x,lab", "lab"),
        (" ( web , -web1 ) @ web2 ", "web2"),
        ("tags=~rack1", "dh01,dh02"),
        ("7-8,node8", "node7,node8"),
    ],
)  # fmt: skip
def test_quotes_blanks_and_expressions(text: str, names: str, inventory: Definitions) -> None:
    assert ",".join(select(text, inventory, environ={})) == names


@pytest.mark.parametrize("text", ["mgt== docker", "m gt==docker", "mgt==doc ker", "web [1-2]", "web[1, 2]"])
def test_a_blank_inside_makes_an_atom_unknown(text: str, inventory: Definitions) -> None:
    with pytest.raises(UnknownNames) as raised:
        select(f"{text} ,lab", inventory)
    assert ",".join(raised.value.names) == text


def test_a_node_hides_a_group_of_its_name() -> None:
    inventory = Counting(("a", "b", "n1"), {"a": ("b",), "n1-n2": ("b",)})
    assert select("a", inventory) == ("a",)
    assert select("n1-n2", inventory) == ("b",)


def test_names_that_need_not_exist_among_those_that_do(inventory: Definitions) -> None:
    assert expand("web,web[3-4],-web10,mgt==kvm,/new.*,new", inventory) == (
        "/new.*", "dh03", "new", "web1", "web11", "web2", "web3", "web4",
    )  # fmt: skip


@pytest.mark.parametrize("text", ["g1-g3", "g[1-2]", "a,b", "a@b", "x=1", "g1+2", "7", "-g", "(g)", "/g", "^g", '"g"'])
def test_without_an_inventory_what_is_no_plain_name_does_not_mean_itself(text: str) -> None:
    assert expand(text) != (text,)


@pytest.mark.parametrize("text", ["web", "rack1", "os.jammy", "my-group"])
def test_without_an_inventory_a_plain_name_means_itself(text: str) -> None:
    assert expand(text) == (text,)


def test_a_hundred_thousand_nodes_are_asked_once_each() -> None:
    names = tuple(f"n{number:05d}" for number in range(100_000))
    inventory = Counting(names, {"all": names, "half": names[::2]})
    assert select("all@half,-n[00000-99997]", inventory) == ("n99998",)
    assert inventory.asked < 10
    found = select("arch==x86_64@half,-(arch==x86_64,-n00002),arch!=x86_64,n00001-n50000", inventory)
    assert found == ("n00002",)
    assert inventory.asked < 210_000
    with pytest.raises(UnknownNames, match='did you mean "n00001"'):
        select("m00001", inventory)


def test_abbreviation_names_complete_groups_first(inventory: Definitions) -> None:
    assert abbreviate(["web1", "web2", "web3", "web10", "web11", "dh03"], inventory) == "web,dh03"
    assert abbreviate(inventory.nodes, inventory) == "all"
    assert abbreviate(["dh02", "dh01", "web1", "dh02"], inventory) == "rack1,web1"
    assert abbreviate(["dh01", "dh03", "x"], inventory) == "ubuntus,x"
    assert abbreviate([], inventory) == ""


def test_abbreviation_breaks_ties_by_name_and_names_no_hidden_group() -> None:
    groups = {"b": ("n1", "n2"), "a": ("n2", "n3"), "n9": ("n1", "n2", "n3"), "one": ("n1",), "-x": ("n1", "n2", "n3")}
    inventory = Counting(("n1", "n2", "n3", "n9"), groups)
    assert abbreviate(["n1", "n2", "n3"], inventory) == "a,n1"
