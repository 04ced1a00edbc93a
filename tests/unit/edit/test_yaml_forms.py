"""YAML in odd forms: changed as is wanted, or refused and left alone."""

from pathlib import Path

import pytest

from xcatflow.edit.editing import editing
from xcatflow.errors import InvalidInput
from xcatflow.model.edit import Edit, Remove, Rename, Write, edited

ODD = (
    "? nodes\n: ? c1\n  : ip: 10.0.0.1\n    ? mgt\n    : kvm\n  ? c2\n  : {}\n",
    "--- # doc\nnodes: # n\n  c1: # one\n\n    # deep\n\n    ip: 10.0.0.1\n    mgt:\n      kvm\n  c2: ~\n...\n",
    "nodes:\n  c1:\n    {ip: 10.0.0.1,\n     mgt: kvm, }\n  c2: {\n  }\n# end\n",
    "nodes: !\n  c1: ! {ip: ! '10.0.0.1', mgt: &m kvm}\n  c2: &e {}\n",
    'nodes:\n    "c1" :\n        \'ip\' : 10.0.0.1\n        mgt : "k\\\n          vm"\n    c2 :\n',
    "nodes:\n  c1: &x\n    ip: &y 10.0.0.1\n    mgt: kvm\n    usercomment: *y\n  c2: &z\n",
    "{nodes: {c1: {ip: 10.0.0.1, mgt: kvm,},c2: {,}}}\n".replace("{,}", "{}"),
    "nodes:\n  c1:\n    mgt: >-\n      kvm\n\n    # between\n    ip: |-\n      10.0.0.1\n\n\n  c2: null\n\n\n",
    "nodes: {c1: {ip: 10.0.0.1, mgt: kvm}, # one\n  c2: {} # two\n  }",
    "# only\n\n%YAML 1.2\n---\nnodes: {c1: {ip: 10.0.0.1, mgt: kvm}, c2: }\n",
    "nodes:\n  ? &k c1\n  : ip: 10.0.0.1\n    mgt: kvm\n    usercomment: *k\n  c2:\n",
    "nodes:\n  c2:\n  c1: {ip: 10.0.0.1\n    , mgt: kvm\n    }\n",
)
EDITS: tuple[tuple[Edit, ...], ...] = (
    (Write("node", "c1", {"ip": "10.0.0.9"}),),
    (Write("node", "c1", {"mgt": "ipmi", "groups": "a,b"}),),
    (Write("node", "c1", {"ip": "", "mgt": ""}),),
    (Write("node", "c1", {"ip": "", "usercomment": "a: b"}),),
    (Write("node", "c1", {"hostnames": "h", "xx": ""}, replace=True),),
    (Write("node", "c2", {"ip": "10.0.0.2"}), Write("node", "c3", {"groups": "a"})),
    (Remove("node", "c1"),),
    (Remove("node", "c2"), Write("group", "g", {"mgt": "kvm"})),
    (Remove("node", "c1"), Remove("node", "c2"), Write("node", "c4")),
    (Rename("node", "c1", "d1"), Write("node", "d1", {"ip": "10.0.0.3"})),
)


@pytest.mark.parametrize("number", range(len(ODD)))
@pytest.mark.parametrize("edits", EDITS, ids=lambda edits: "-".join(type(edit).__name__ for edit in edits))
def test_odd_forms_are_changed_or_refused(number: int, edits: tuple[Edit, ...], tmp_path: Path) -> None:
    path = tmp_path / "inventory/a.yaml"
    path.parent.mkdir()
    path.write_text(ODD[number])
    with editing(tmp_path) as held:
        before = {("node", name): node.attributes for name, node in held.definitions.nodes.items()}
        wanted = edited(before, edits)
        try:
            held.write(edits)
        except InvalidInput as error:
            assert "? c1" in ODD[number] or "? &k c1" in ODD[number], error
            assert "cannot be changed here: write it in a simpler form, or edit it by hand" in str(error)
            assert path.read_text() == ODD[number]
            return
    with editing(tmp_path) as held:
        found = {("node", name): dict(node.attributes) for name, node in held.definitions.nodes.items()}
        assert found == {key: values for key, values in wanted.items() if key[0] == "node"}
