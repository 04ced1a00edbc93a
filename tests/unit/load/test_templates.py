"""The shipped templates: whoever fills in what they demand gets a valid object."""

import pytest

from xcatflow.load.templates import templates
from xcatflow.model.attributes import ATTRIBUTES, KEYS, TYPES
from xcatflow.model.objects import make
from xcatflow.model.typed import typed

TEMPLATES = [(objtype, name) for objtype in TYPES for name in templates(objtype)]
DEMANDS = {
    "dockerhost-template": {"ip"},
    "docker-template": {"dockerhost"},
    "x86_64-template": {"ip", "bmc"},
    "x86_64kvmguest-template": {"ip", "vmhost"},
    "switch-template": set(),
    "dockerhost-image-template": {"osvers", "osarch"},
}
FILLED = {
    "ip": "10.20.0.1",
    "mac": "52:54:00:00:00:01",
    "dockerhost": "dh01:2376",
    "provmethod": "nginx:1.27",
    "dockerflag": "{}",
    "dockernics": "net1",
    "dockercpus": "0-3",
    "dockermemory": "512m",
}


def test_these_are_shipped() -> None:
    assert {name for _, name in TEMPLATES} == DEMANDS.keys()
    assert not templates("site")


@pytest.mark.parametrize(("objtype", "name"), TEMPLATES)
def test_a_template_makes_a_valid_object(objtype: str, name: str) -> None:
    template = templates(objtype)[name]
    assert template.keys() <= ATTRIBUTES[objtype].keys() - {KEYS[objtype]}
    assert {attribute for attribute, text in template.items() if text.startswith("MANDATORY:")} == DEMANDS[name]
    assert template["usercomment"]
    asked = {attribute: text for attribute, text in template.items() if ":" in text and text.split(":")[0].isupper()}
    for text in asked.values():
        mark, _, words = text.partition(":")
        assert mark in ("MANDATORY", "OPTIONAL")
        assert words.strip() == words != ""
    given = {**template, **{attribute: FILLED.get(attribute, "x") for attribute in asked}}
    assert typed(objtype, given) is not None
    assert not list(make(objtype, "x", given).flaws())
    if objtype == "node":
        assert template["groups"]


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("x86_64-template", {"mgt": "ipmi", "netboot": "xnba", "groups": "all", "arch": "x86_64"}),
        ("switch-template", {"groups": "switch", "mgt": "switch", "nodetype": "switch"}),
        ("dockerhost-template", {"groups": "dockerhost,all"}),
        ("docker-template", {"groups": "docker,all", "mgt": "docker"}),
    ],
)
def test_defaults(name: str, defaults: dict[str, str]) -> None:
    assert defaults.items() <= templates("node")[name].items()
