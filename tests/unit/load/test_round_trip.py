"""The canonical stanza text: what is written is read again, by the same values and the same bytes."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.edit.inventories import EXAMPLES, GROUPS, NODES, OTHERS, texts, values_of
from xcatflow.errors import InvalidInput
from xcatflow.load.definitions import build_definitions
from xcatflow.load.normal import normalised
from xcatflow.load.stanza import HEADER, read_stanzas
from xcatflow.load.stanza_text import quoted, stanza_text
from xcatflow.model.attributes import ATTRIBUTES, FREE_TYPES, KEYS, NICS, TYPES

Objects = dict[tuple[str, str], dict[str, str]]


def written(objects: Mapping[tuple[str, str], Mapping[str, str]]) -> str:
    return stanza_text((objtype, name, values) for (objtype, name), values in objects.items())


def read(text: str) -> Objects:
    drafts, problems = normalised(read_stanzas(text, "-"))
    assert not problems
    return {(draft.objtype, draft.name): draft.values for draft in drafts}


def test_the_form() -> None:
    objects = {
        ("node", "c21"): {
            "mgt": "docker",
            "groups": "docker,all",
            "dockerhost": "dh01",
            "nicips": "eth1!10.30.0.7|10.31.0.7,eth0!|10.30.0.($1+0)|",
            "usercomment": "see also:",
        },
        ("network", "fd59::/64"): {"net": "fd59::", "mask": "/64", "gateway": ""},
        ("site", "clustersite"): {},
    }
    assert written(objects) == (
        "# <xCAT data object stanza file>\n"
        "\n"
        "c21:\n"
        "    objtype=node\n"
        "    dockerhost=dh01\n"
        "    groups=docker,all\n"
        "    mgt=docker\n"
        "    nicips.eth1=10.30.0.7|10.31.0.7\n"
        "    nicips.eth0=|10.30.0.($1+0)|\n"
        '    usercomment="see also:"\n'
        "\n"
        "fd59::/64:\n"
        "    objtype=network\n"
        "    gateway=\n"
        "    mask=/64\n"
        '    net="fd59::"\n'
        "\n"
        "clustersite:\n"
        "    objtype=site\n"
    )
    assert stanza_text([]) == HEADER + "\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        ("a b", "a b"),
        ("a b ", '"a b "'),
        (" lead", '" lead"'),
        ("\tx", '"\tx"'),
        ("ends:", '"ends:"'),
        ("a:b", "a:b"),
        ('"', '"""'),
        ('"x" or "y"', '""x" or "y""'),
        ('12" disk', '12" disk'),
        ('size 12"', '"size 12""'),
        ("'q'", "'q'"),
        ("a,b # later", "a,b # later"),
        ('{"Tty":true}', '{"Tty":true}'),
        ("|10.20.0.($1+20)|", "|10.20.0.($1+20)|"),
        ("a=b", "a=b"),
    ],
)
def test_quotes(value: str, text: str) -> None:
    assert quoted(value) == text
    if value:
        assert read(written({("node", "c1"): {"usercomment": value}})) == {("node", "c1"): {"usercomment": value}}


def test_every_attribute_of_every_type() -> None:
    objects: Objects = {}
    for objtype in TYPES:
        values = {
            attribute: f"eth0!{attribute}-0,eth1!{attribute}-1|2" if attribute in NICS else f"value of {attribute}:"
            for attribute in ATTRIBUTES.get(objtype, ("domain", "any-thing", "x.y"))
            if attribute != KEYS.get(objtype)
        }
        objects[objtype, "clustersite" if objtype == "site" else "o1"] = values
    assert sum(map(len, objects.values())) > 300
    text = written(objects)
    assert read(text) == objects
    assert written(read(text)) == text
    for line in text.splitlines()[1:]:
        assert not line or line.endswith(":") or line.startswith("    ")


def test_what_a_stanza_cannot_hold() -> None:
    with pytest.raises(InvalidInput) as caught:
        written(
            {
                ("node", "default-node"): {"usercomment": "a\nb", "ip": "10.0.0.1"},
                ("policy", "1"): {"objtype": "x", "a b": "y", "=": "z"},
            }
        )
    assert str(caught.value).splitlines() == [
        'node "default-node" cannot be written as a stanza: a name such as default-node means defaults there',
        '"usercomment" of node "default-node" has a line break, which a stanza cannot hold',
        *(
            f'"{name}" of policy "1" cannot be written as a stanza: an attribute\'s name has letters, digits and _.:@- only'
            for name in ("objtype", "a b", "=")
        ),
    ]


anything = texts | st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1, max_size=20)
anything |= st.text(alphabet='":= \t#|!,x', min_size=1, max_size=8)


@st.composite
def models(draw: st.DrawFn) -> Objects:
    """Objects that the rules of definitions accept, some with values of any sort where any are allowed."""
    found: Objects = {}
    keys = [("node", name) for name in NODES] + [("group", name) for name in GROUPS] + list(OTHERS)
    for key in draw(st.lists(st.sampled_from(keys), unique=True, max_size=6)):
        found[key] = draw(values_of(*key))
        if key[0] in FREE_TYPES:
            found[key] |= draw(
                st.dictionaries(st.from_regex(r"[A-Za-z0-9_.:@-]{1,8}", fullmatch=True), anything, max_size=3)
            )
            found[key].pop("objtype", None)
        else:
            free = st.sampled_from(("usercomment", *(sorted(NICS) if key[0] in ("node", "group") else ())))
            found[key] |= draw(st.dictionaries(free, anything, max_size=2))
    return found


@settings(max_examples=EXAMPLES, deadline=None)
@given(models())
def test_what_the_rules_accept_is_read_as_it_was_written(objects: Objects) -> None:
    text = written(objects)
    if not objects:
        return
    drafts = read_stanzas(text, "-")
    assert read(text) == objects
    assert written(read(text)) == text
    build_definitions(drafts)
