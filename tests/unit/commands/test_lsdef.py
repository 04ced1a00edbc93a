"""What sessions cannot show of `lsdef`: values no file holds, other programs as readers, how much is looked at, and by whom it is read."""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from xcatflow.commands.command import Context, Editing
from xcatflow.commands.lsdef import COMMAND
from xcatflow.commands.structured import json_lines, yaml_lines
from xcatflow.commands.talk import Talk
from xcatflow.errors import Problem
from xcatflow.load.stanza_text import spread
from xcatflow.model.definitions import Definition, Definitions, Network, Node, OsImage
from xcatflow.model.stock import Objects


class Desk:
    """A site in memory."""

    root = Path()

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions

    def editing(self) -> AbstractContextManager[Editing]:
        raise AssertionError("nothing is to be changed")


def said(definitions: Definitions, *words: str) -> tuple[str, str, int]:
    out, err = io.StringIO(), io.StringIO()
    code = COMMAND(words, Context(Desk(definitions), Talk(out, err), stdin=lambda: "", environ={}))
    return out.getvalue(), err.getvalue(), code


# --- what a stanza cannot hold ---

ODD = Definitions(
    [
        Node("a", {"groups": "all", "usercomment": "two\nlines", "arch": "x86_64"}),
        Node("b", {"groups": "all"}),
        Network("default-node", {"net": "10.0.0.0", "mask": "255.0.0.0"}),
        Network("lan", {"net": "10.1.0.0", "mask": "255.255.0.0"}),
    ]
)


def test_a_value_with_a_line_break_is_told_and_the_rest_is_written() -> None:
    out, err, code = said(ODD, "-z")
    assert out == (
        "# <xCAT data object stanza file>\n"
        "\na:\n    objtype=node\n    arch=x86_64\n    groups=all\n"
        "\nb:\n    objtype=node\n    groups=all\n"
    )
    assert err == 'Error: "usercomment" of node "a" has a line break, which a stanza cannot hold\n'
    assert code == 1


def test_only_shown_values_are_told() -> None:
    assert said(ODD, "-z", "-s") == ("# <xCAT data object stanza file>\n\na:\n\nb:\n", "", 0)
    assert said(ODD, "-z", "-i", "arch")[1:] == ("", 0)


@pytest.mark.parametrize("form", [["-z"], ["-z", "-s"]])
def test_a_name_that_means_defaults_is_told_and_left_out(form: list[str]) -> None:
    out, err, code = said(ODD, "-t", "network", *form)
    assert "default-node" not in out
    assert "\nlan:\n" in out
    assert err == (
        'Error: network "default-node" cannot be written as a stanza: a name such as default-node means defaults there\n'
    )
    assert code == 1


# --- other programs ---

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["\x85", "\u2028", "\ufeff", "\x7f", "😀", "\ufffe", "no", "1", "~", "- a", "a: b", "# c", "\\u0041", "\t", "\x00"]
)
values = st.fixed_dictionaries(
    {"imagetype": st.just("linux")},
    optional={"usercomment": texts, "pkglist": texts, "description": texts, "environvar": texts},
)


@given(st.dictionaries(st.sampled_from(["a", "b", "1", "no", "x:y", "é"]), values))
def test_json_and_yaml_say_what_the_objects_have(images: Mapping[str, Mapping[str, str]]) -> None:
    definitions = Definitions(OsImage(name, kept(attributes)) for name, attributes in images.items())
    expected = [
        {"objtype": "osimage", "name": name, "attrs": dict(spread("osimage", image.attributes))}
        for name, image in definitions.osimages.items()
    ]
    out, _, _ = said(definitions, "-t", "osimage", "--json")
    assert json.loads(out) == expected
    out, _, _ = said(definitions, "-t", "osimage", "--yaml")
    assert plain(YAML(typ="safe", pure=True).load(out)) == expected


def kept(attributes: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value}


def plain(found: object) -> object:
    assert isinstance(found, list)
    return [dict(one) for one in found]


@pytest.mark.parametrize("form", [json_lines, yaml_lines])
def test_nothing_is_an_empty_list(form: object) -> None:
    assert callable(form)
    assert list(form([])) == ["[]"]


# --- how much is looked at ---


class Watched(Mapping[str, Definition]):
    """A shelf that counts what is taken from it, and lists nothing."""

    def __init__(self, objects: Mapping[str, Definition], *, listed: bool) -> None:
        self.objects = objects
        self.listed = listed
        self.taken: list[str] = []

    def __getitem__(self, name: str) -> Definition:
        self.taken.append(name)
        return self.objects[name]

    def __contains__(self, name: object) -> bool:
        return name in self.objects

    def __iter__(self) -> Iterator[str]:
        assert self.listed, "all nodes were listed"
        return iter(self.objects)

    def __len__(self) -> int:
        return len(self.objects)


class Stock(Objects):
    """Many nodes."""

    warnings: tuple[Problem, ...] = ()

    def __init__(self, *, listed: bool) -> None:
        super().__init__(Node(f"n{number}", {"groups": "all", "ip": "10.0.0.1"}) for number in range(1000))
        self.watched = Watched(super().shelf("node"), listed=listed)

    def shelf(self, name: str) -> Mapping[str, Definition]:
        return self.watched if name == "node" else super().shelf(name)


@pytest.mark.parametrize(
    "words",
    [
        ["n7"],
        ["-z", "n7"],
        ["n7", "-c", "-i", "ip,vm.host"],
        ["n7", "-w", "ip==10.0.0.1", "-V"],
        ["n5-n7,-n5,-n6", "-l"],
        ["-o", "n7,ghost", "--json"],
        ["n7", "--osimage"],
    ],
    ids=" ".join,
)
def test_who_asks_for_one_node_waits_for_no_other(words: list[str]) -> None:
    stock = Stock(listed=False)
    assert "n7" in said(Definitions(stock=stock), *words)[0]
    assert set(stock.watched.taken) == {"n7"}


def test_nodes_are_looked_at_while_they_are_printed() -> None:
    class Reader(io.StringIO):
        """Closes after the first lines."""

        def write(self, text: str) -> int:
            got = super().write(text)
            self.text = self.getvalue()
            self.close()
            return got

    stock, out, err = Stock(listed=True), Reader(), io.StringIO()
    code = COMMAND(["-l", "-S"], Context(Desk(Definitions(stock=stock)), Talk(out, err), stdin=lambda: ""))
    assert (code, err.getvalue()) == (0, "")
    assert out.text.startswith("Object name: n0\n    groups=all\n")
    assert 100 <= len(set(stock.watched.taken)) < 200
