"""Every attribute has a description, and nothing else has one."""

import pytest

from xcatflow.model.attributes import ATTRIBUTES, KEYS
from xcatflow.model.descriptions import descriptions

SITE = """
FQDNfirst cleanupdiskfullxcatpost domain excludenodes hierarchicalattrs httpport installdir master nameservers nmapoptions nodestatus
nodesyncfiledir ntpservers precreatemypostscripts runbootscripts sshbetweennodes tftpdir timezone xcatdebugmode
"""
"""What a site's settings are at least."""


@pytest.mark.parametrize("objtype", sorted(ATTRIBUTES))
def test_exactly_the_attributes_of_a_type_are_described(objtype: str) -> None:
    assert set(descriptions(objtype)) == ATTRIBUTES[objtype].keys() - {KEYS[objtype]}


def test_the_known_settings_of_a_site_are_described() -> None:
    assert descriptions("site").keys() >= set(SITE.split())
    assert descriptions("policy").keys() >= {"name", "rule"}
    assert not descriptions("auditlog")


@pytest.mark.parametrize("objtype", [*sorted(ATTRIBUTES), "site", "policy"])
def test_a_description_is_a_line_without_a_stop(objtype: str) -> None:
    assert list(descriptions(objtype)) == sorted(descriptions(objtype))
    for name, text in descriptions(objtype).items():
        assert text.strip() == text != "", name
        assert not text.endswith("."), name
        assert "\t" not in text, name
