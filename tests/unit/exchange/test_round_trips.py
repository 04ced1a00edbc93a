"""Definitions that are exported and imported again are the same, whatever they are and in whatever form they went out."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from xcatflow.errors import InvalidInput
from xcatflow.exchange.ansible_out import inventory_of
from xcatflow.exchange.ansible_text import ini_text, yaml_text
from xcatflow.exchange.importing import Request, bring
from xcatflow.exchange.merge import key_of, merge, objects_of
from xcatflow.exchange.objects import chosen_objects, json_text, stanzas
from xcatflow.load.definitions import build_definitions
from xcatflow.load.draft import Draft
from xcatflow.model.attributes import ATTRIBUTES
from xcatflow.model.definitions import Definitions

FORMS: dict[str, tuple[str, Callable[[Definitions], str]]] = {
    "yaml": ("ansible", lambda it: yaml_text(inventory_of(it, it.nodes, whole=True))),
    "ini": ("ansible", lambda it: ini_text(inventory_of(it, it.nodes, whole=True))),
    "stanza": ("stanza", lambda it: stanzas(chosen_objects(it, it.nodes, whole=True))),
    "json": ("json", lambda it: json_text(chosen_objects(it, it.nodes, whole=True))),
}

NODES = ("n1", "n02", "web-3", "C4", "10.0.0.9", "007", "yes", "all")
GROUPS = ("docker", "all", "rack.1", "my-group", "no", "ungrouped", "n1")
WORDS = st.sampled_from(
    [
        "plain", "10.0", "1e3", "True", "None", "0x10", "null", "a b", "'quoted'", '"both"', "ends:", "#no comment", "; semicolon",
        "key=value", "[section]", "{{ jinja }}", "back\\slash", "dollar $1", "ünï\u2028cödé \U0001f600", "x\u0085y", "a,b,,c",
        "- dash", "~", "@at",
    ]
)  # fmt: skip
TEXTS = WORDS | st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=12)
FREE = ("usercomment", "os", "rack", "cons", "passwd.HMC", "prescripts-begin", "postscripts", "nicips", "hidden")
FORMULAS = st.sampled_from(
    ["|10.0.0.($1+0)|", r"|\D+(\d+)|10.1.($1/10).($1%10)|", "/^/10.2.0./", "|^.*$||", "10.9.9.9"]
)


def cleaned(text: str) -> str:
    """A stanza cannot hold blanks of other sorts at a value's edges without quotes, nor can a value be empty."""
    return text.strip() or "x"


VALUES = st.dictionaries(st.sampled_from(FREE), TEXTS.map(cleaned), max_size=4).flatmap(
    lambda values: st.dictionaries(st.just("ip"), FORMULAS, max_size=1).map(lambda ip: values | ip)
)


@st.composite
def sites(draw: st.DrawFn) -> Definitions:
    """Valid definitions of all sorts."""
    drafts = [
        Draft("node", name, "site", 1, 1, {**draw(VALUES), **draw(membership())})
        for name in draw(st.lists(st.sampled_from(NODES), unique=True, max_size=5))
    ]
    for name in draw(st.lists(st.sampled_from(GROUPS), unique=True, max_size=3)):
        values = draw(VALUES)
        values.pop("hidden", None)
        drafts.append(Draft("group", name, "site", 1, 1, values))
    if draw(st.booleans()):
        drafts.append(Draft("group", "found", "site", 1, 1, {"grouptype": "dynamic", "wherevals": "os=~^p::rack!=x"}))
    if draw(st.booleans()):
        drafts.append(Draft("network", "fd59::/64", "site", 1, 1, {"net": "10.0.0.0", "mask": "255.0.0.0"}))
        site = {"hierarchicalattrs": "postscripts", **draw(st.dictionaries(st.just("domain"), TEXTS.map(cleaned)))}
        drafts.append(Draft("site", "clustersite", "site", 1, 1, site))
        drafts.append(Draft("node", "xcatdefaults", "site", 1, 1, {"postscripts": "a,b"}))
    try:
        return build_definitions(
            replace(draft, values={k: v for k, v in draft.values.items() if v}) for draft in drafts
        )
    except InvalidInput:
        assume(False)
        raise


def membership() -> st.SearchStrategy[dict[str, str]]:
    lists = st.lists(st.sampled_from(GROUPS), max_size=3)
    return st.builds(
        lambda names, comma: {"groups": comma.join(names)} if names else {}, lists, st.sampled_from([",", ", "])
    )


def content(definitions: Definitions) -> dict[tuple[str, str], dict[str, str]]:
    return {key_of(item): dict(item.attributes) for item in objects_of(definitions)}


def placeholders(found: dict[tuple[str, str], dict[str, str]]) -> dict[tuple[str, str], dict[str, str]]:
    """Without what stands for members, which are in the nodes' lists."""
    return {key: {name: value for name, value in values.items() if name != "members"} for key, values in found.items()}


@pytest.mark.parametrize("form", FORMS)
@given(site=sites())
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_what_goes_out_comes_back(form: str, site: Definitions) -> None:
    given_form, write = FORMS[form]
    assume(content(site))
    text = write(site)
    try:
        result = bring(Request(text, f"x.{form}", given_form), Definitions())
    except InvalidInput as error:
        raise AssertionError(text) from error
    assert not result.refused, text
    assert not result.left, text
    assert not [
        note for note in result.notes if "the dump shows no" not in note.message and "take it out" not in note.message
    ], text
    found: Any = {(write.objtype, write.name): dict(write.values) for write in result.writes}
    assert placeholders(found) == placeholders(content(site)), text


@pytest.mark.parametrize("form", FORMS)
@given(site=sites())
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_what_a_site_has_is_already_there(form: str, site: Definitions) -> None:
    given_form, write = FORMS[form]
    assume(content(site))
    result = bring(Request(write(site), f"x.{form}", given_form), site)
    assert not result.writes
    assert sum(result.merge.equal.values()) == len(content(site))


@given(site=sites())
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_nodes_may_inherit_again_what_a_dump_wrote_down_for_them(site: Definitions) -> None:
    groups = [item for item in objects_of(site) if item.name not in site.nodes]
    dumped = [
        Draft(
            "node",
            name,
            "dump",
            values={it: value for it in ATTRIBUTES["node"] if it != "node" and (value := site.value(name, it))},
        )
        for name in site.nodes
    ]
    given = (*dumped, *(Draft(*key_of(item), "dump", values=dict(item.attributes)) for item in groups))
    try:
        whole = merge(Definitions(), given).definitions
    except InvalidInput:  # a formula gave what is no value of that attribute
        assume(False)
        raise
    short = merge(Definitions(), given, inherit=True).definitions
    for name in site.nodes:
        assert short.nodes[name].attributes.items() <= whole.nodes[name].attributes.items()
        for attribute in ATTRIBUTES["node"]:
            assert short.value(name, attribute) == whole.value(name, attribute)


def names(items: Iterable[Any]) -> list[str]:
    return [item.name for item in items]


def test_a_choice_of_nodes_goes_out_with_their_groups_only() -> None:
    site = build_definitions(
        [
            Draft("node", "n1", values={"groups": "web,all"}),
            Draft("node", "n2", values={"groups": "db"}),
            Draft("group", "web", values={"os": "x"}),
            Draft("group", "db", values={"os": "y"}),
            Draft("network", "lan", values={"net": "10.0.0.0", "mask": "255.0.0.0"}),
        ]
    )
    assert names(chosen_objects(site, ["n1"], whole=False)) == ["n1", "web"]
    out = inventory_of(site, ["n1"], whole=False)
    assert set(out.hosts) == {"n1"}
    assert set(out.groups) == {"web", "all"}
    assert not out.vars
