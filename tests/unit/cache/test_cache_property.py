"""After any edits of any files the cache says what reading all files says: objects, places, values, members, and every complaint."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.cache.said import cached, cold

FILES = ("a.stanza", "b/one.stanza", "b/two.yaml", "c.yml", "z.stanza")
GROUPS = ("web", "docker", "dyn", "spare", "n1", "lists")
Item = tuple[str, str, dict[str, str]]
Content = tuple[list[Item], int] | str | None

VALUES = {
    "mgt": ("docker", "docker", "kvm"),
    "ip": ("10.0.0.1", "|n(\\d)|10.0.0.($1)|", "/n/10.0.0.1/", "|(|x|"),
    "nicips.eth0": ("10.0.0.2", "|(\\d)|10.0.0.($1)|"),
    "nicips": ("eth0!10.0.0.3,eth1!10.0.0.4",),
    "hosts.ip": ("10.0.0.9",),
    "usercomment": ("a b", "ä€😀", "", "|x|"),
    "arch": ("x86_64",),
    "postscripts": ("one,two",),
}
BAD = {"mgt": "a b", "ip": "nonsense", "color": "red", "dockerhost": "dh01", "groups": "-bad", "nicips.eth0": "x"}
OTHERS = (
    ("osimage", "deb", {"osvers": "debian12"}),
    ("network", "lan", {"net": "10.0.0.0", "mask": "255.0.0.0"}),
    ("network", "lan2", {"net": "10.0.0.0", "mask": "/8"}),
    ("network", "lan2", {"net": "10.1.0.0", "mask": "/16"}),
    ("site", "clustersite", {"domain": "x", "hierarchicalattrs": "mgt"}),
    ("site", "clustersite", {"domain": "y"}),
    ("policy", "1", {"name": "root"}),
    ("policy", "n1", {"rule": "ä"}),
)


@st.composite
def nodes(draw: st.DrawFn, number: int) -> Item:
    """A node; each file has names of its own, and all share some."""
    own = [f"n{number}", f"m{number}", f"web{number}"]
    name = draw(st.sampled_from(own * 8 + ["n1", "xcatdefaults", "web"]))
    groups = draw(st.lists(st.sampled_from((*GROUPS, "all")), max_size=3, unique=True))
    values = {"groups": ",".join(groups)}
    for attribute in draw(st.lists(st.sampled_from(tuple(VALUES)), max_size=3, unique=True)):
        values[attribute] = draw(st.sampled_from(VALUES[attribute]))
    if draw(st.booleans()) and (values.get("mgt") == "docker" or "docker" in groups):
        values["dockerhost"] = "n0"
    return "node", name, spoilt(draw, values)


@st.composite
def groups(draw: st.DrawFn, number: int) -> Item:
    """A group, some dynamic, some with a list of members."""
    name = draw(st.sampled_from([GROUPS[number]] * 20 + [*GROUPS]))
    values = {
        attribute: draw(st.sampled_from(VALUES[attribute]))
        for attribute in draw(st.sets(st.sampled_from(("mgt", "arch", "ip"))))
    }
    match draw(st.integers(0, 15)):
        case 0 | 1:
            values = {"grouptype": "dynamic", "wherevals": draw(st.sampled_from(("mgt==kvm", "mgt=~(", "node=~n")))}
        case 2:
            values["members"] = draw(st.sampled_from((f"n{number}", f"n{number},m{number}", "n0", "static", "nobody")))
    return "group", name, spoilt(draw, values)


def spoilt(draw: st.DrawFn, values: dict[str, str]) -> dict[str, str]:
    """The values, seldom with one that is wrong."""
    if draw(st.integers(0, 25)) == 13:
        attribute = draw(st.sampled_from(tuple(BAD)))
        return values | {attribute: BAD[attribute]}
    return values


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, Content]:
    """A file with new content, without one where it goes away."""
    number = draw(st.integers(0, len(FILES) - 1))
    one = st.one_of(nodes(number), nodes(number), nodes(number), groups(number), st.sampled_from(OTHERS))
    items = st.lists(one, max_size=4, unique_by=lambda item: item[:2])
    content: st.SearchStrategy[Content] = st.tuples(items, st.integers(0, 1))
    match draw(st.integers(0, 15)):
        case 0:
            content = st.none()
        case 1:
            content = st.sampled_from(("nodes: [", "n1:\n  ip=1\n", "\xff"))
    return FILES[number], draw(content)


def stanzas(items: list[Item], blank: int) -> str:
    lines = [""] * blank
    for objtype, name, values in items:
        lines += [f"{name}:", f"    objtype={objtype}", *(f"    {key}={text}" for key, text in values.items()), ""]
    return "\n".join(lines)


def yaml(items: list[Item], blank: int) -> str:
    sections = {"node": "nodes", "group": "groups", "osimage": "osimages", "network": "networks", "policy": "policies"}
    lines = [""] * blank
    for objtype, section in sections.items():
        found = {name: values for sort, name, values in items if sort == objtype}
        if found:
            lines += [f"{section}:"]
        for name, values in found.items():
            lines += (
                [f"  {name!r}:", *(f"    {key}: {text!r}" for key, text in values.items())]
                if values
                else [f"  {name!r}: {{}}"]
            )
    return "\n".join(lines) + "\n"


def carry_out(site: Path, name: str, content: Content) -> None:
    path = site / "inventory" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    match content:
        case None:
            path.unlink(missing_ok=True)
        case str():
            path.write_text(content, encoding="latin-1")
        case (items, blank):
            path.write_text((stanzas if path.suffix == ".stanza" else yaml)(items, blank))


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.lists(edits(), min_size=1, max_size=2), min_size=1, max_size=8))
def test_after_any_edits_the_cache_says_what_the_files_say(
    steps: list[list[tuple[str, Content]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = tmp_path_factory.mktemp("site")
    (site / "inventory").mkdir()
    for step in steps:
        for name, content in step:
            carry_out(site, name, content)
        expected = cold(site)
        assert cached(site) == expected
        assert cached(site) == expected
    shutil.rmtree(site)


HOST = ("node", "h", {})
DOCKER = ("node", "c1", {"groups": "a,b", "dockerhost": "h"})
CASES: dict[str, tuple[dict[str, list[Item] | None], ...]] = {
    "the site gathers what was first wins": (
        {
            "a.stanza": [HOST, DOCKER],
            "z.stanza": [("group", "a", {"mgt": "docker"}), ("group", "b", {"mgt": "kvm"})],
        },
        {"c.yml": None, "b/one.stanza": [("site", "clustersite", {"hierarchicalattrs": "mgt"})]},
        {"b/one.stanza": [("site", "clustersite", {"hierarchicalattrs": "ip"})]},
    ),
    "a group changes what its members are": (
        {"a.stanza": [HOST, DOCKER], "z.stanza": [("group", "a", {"mgt": "docker"})]},
        {"z.stanza": [("group", "a", {"mgt": "kvm"})]},
        {"z.stanza": [("group", "b", {"mgt": "docker"})]},
        {"z.stanza": []},
    ),
    "a group turns dynamic and back": (
        {"a.stanza": [("node", "n", {"groups": "g"})], "z.stanza": [("group", "g", {}), ("group", "k", {})]},
        {"z.stanza": [("group", "g", {}), ("group", "k", {"grouptype": "dynamic", "wherevals": "node=~n"})]},
        {"z.stanza": [("group", "g", {"grouptype": "dynamic", "wherevals": "mgt==kvm"})]},
        {"z.stanza": [("group", "k", {})]},
        {"a.stanza": [("node", "n", {})]},
        {"z.stanza": None},
    ),
    "a listed node changes, goes and comes back": (
        {
            "a.stanza": [("group", "g", {"members": "n,m"})],
            "z.stanza": [("node", "n", {"ip": "10.0.0.2"}), ("node", "m", {"groups": "x"})],
        },
        {"z.stanza": [("node", "m", {"groups": "x", "ip": "10.0.0.1"}), ("node", "n", {"groups": "y,g"})]},
        {"z.stanza": [("node", "m", {})]},
        {"z.stanza": [("node", "m", {})], "c.yml": [("node", "n", {"groups": "z"})]},
        {"a.stanza": [("group", "g", {"members": "n"})]},
        {"a.stanza": None},
    ),
    "lists of members come in another order": (
        {
            "a.stanza": [("group", "g", {"members": "n"})],
            "c.yml": [("group", "k", {"members": "n"}), ("node", "n", {"groups": "x"})],
        },
        {"a.stanza": None, "z.stanza": [("group", "g", {"members": "n"})]},
        {
            "c.yml": [("node", "n", {})],
            "z.stanza": [("group", "g", {"members": "n"}), ("group", "k", {"members": "n"})],
        },
        {"z.stanza": [("group", "k", {"members": "n"}), ("group", "g", {"members": "n"})]},
    ),
    "an object moves to another file": (
        {"a.stanza": [("node", "n", {"groups": "g"}), ("policy", "1", {})], "z.stanza": [("node", "m", {})]},
        {"a.stanza": [("policy", "1", {})], "z.stanza": [("node", "m", {}), ("node", "n", {"groups": "g"})]},
        {"a.stanza": None, "b/two.yaml": [("policy", "1", {"x": "y"})]},
    ),
    "objects are defined twice": (
        {"a.stanza": [("node", "n", {}), ("node", "xcatdefaults", {"postscripts": "a"})], "z.stanza": []},
        {"z.stanza": [("node", "n", {"ip": "x"})]},
        {"z.stanza": [("node", "xcatdefaults", {"postscripts": "b"})]},
        {"z.stanza": [("node", "m", {})], "c.yml": [("node", "m", {})]},
        {"z.stanza": None, "c.yml": [("group", "n", {})]},
    ),
    "places in a line of their own and in another's": (
        {"a.stanza": [("node", "n", {"ip": "10.0.0.1", "nicips.eth1": "10.0.0.2", "nicips.eth0": "10.0.0.3"})]},
        {"a.stanza": [("node", "n", {"nicips.eth0": "10.0.0.3", "hosts.ip": "10.0.0.1", "nicips": "eth1!10.0.0.2"})]},
    ),
    "what is wrong in a file that has changed, and in another that has not": (
        {"a.stanza": [HOST, DOCKER], "z.stanza": [("group", "a", {"mgt": "docker"})]},
        {"z.stanza": [("group", "a", {"mgt": "kvm"})], "c.yml": [("node", "n", {"groups": "-bad"})]},
        {"z.stanza": [("group", "a", {"mgt": "kvm"}), ("group", "w", {"wherevals": "mgt==kvm"})]},
        {
            "c.yml": [("network", "lan", {"net": "10.0.0.0", "mask": "/8"})],
            "z.stanza": [("group", "a", {"mgt": "docker"})],
        },
        {"z.stanza": [("network", "lan2", {"net": "10.0.0.0", "mask": "/8"}), ("group", "a", {"mgt": "docker"})]},
    ),
}


@pytest.mark.parametrize("steps", CASES.values(), ids=CASES)
def test_changes_that_reach_into_other_files(steps: tuple[dict[str, list[Item] | None], ...], tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    for step in steps:
        for name, items in step.items():
            carry_out(tmp_path, name, None if items is None else (items, 0))
        expected = cold(tmp_path)
        assert cached(tmp_path) == expected
        assert cached(tmp_path) == expected
