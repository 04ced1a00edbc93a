"""Templates of a site: lookups by name, nothing undefined, nothing dangerous, every mistake at its line."""

from pathlib import Path

import pytest

from xcatflow.errors import InvalidInput
from xcatflow.load.template import render

VALUES = {
    ("node", "name"): "host01",
    ("node", "ip"): "10.0.0.1",
    ("node", "network", "mask"): "255.255.0.0",
    ("site", "domain"): "cluster",
    ("input", "port"): "2375",
}


def rendered(tmp_path: Path, text: str, **variables: object) -> str:
    (tmp_path / "t.j2").write_text(text)
    return render(tmp_path, "t.j2", VALUES.get, variables)


def test_lookups_and_variables(tmp_path: Path) -> None:
    text = "{{ node.name }} {{ node['ip'] }} {{ node.network.mask }} {{ site.domain }} {{ input.port }} {{ more }}\n"
    assert rendered(tmp_path, text, more=[1, 2]) == "host01 10.0.0.1 255.255.0.0 cluster 2375 [1, 2]\n"


def test_text_is_left_as_it_is(tmp_path: Path) -> None:
    assert rendered(tmp_path, "<&> '\"'\n\n{# not this #}end\n\n") == "<&> '\"'\n\nend\n\n"


def test_a_missing_value_may_have_a_default(tmp_path: Path) -> None:
    assert rendered(tmp_path, "{{ node.mac | default('none') }} {% if node.mac is defined %}x{% endif %}") == "none "


def test_files_of_the_same_folder_may_be_included(tmp_path: Path) -> None:
    (tmp_path / "part.j2").write_text("part of {{ node.name }}")
    assert rendered(tmp_path, "{% include 'part.j2' %}") == "part of host01"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one\n{{ node.mac }}\n", "t.j2:2: template: "),
        ("{{ nod.ip }}", "t.j2:1: template: 'nod' is undefined"),
        ("one\n\n{% if %}", "t.j2:3: template: Expected an expression"),
        ("{{ 1 + 'a' }}", "t.j2:1: template: unsupported operand type"),
        ("\n{{ 1 / 0 }}", "t.j2:2: template: division by zero"),
        ("\n{% include 'absent.j2' %}", 't.j2:2: template: there is no "absent.j2" to include'),
        ("{% include '../secret' %}", 't.j2:1: template: there is no "../secret" to include'),
        ("{% include 'broken.j2' %}", "broken.j2:2: template: 'y' is undefined"),
        ("{{ ''.__class__.__mro__ }}", "t.j2:1: template: access to attribute '__class__'"),
        ("{{ [].append(1) }}", "t.j2:1: template: "),
    ],
)
def test_mistakes_are_told_at_their_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "broken.j2").write_text("x\n{{ y }}\n")
    with pytest.raises(InvalidInput) as caught:
        rendered(tmp_path, text)
    assert str(caught.value).startswith(message)
