"""What the objects of a type are called together: keys of YAML files, and the names of files that hold nothing else."""

from collections.abc import Mapping
from types import MappingProxyType

SECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "nodes": "node",
        "groups": "group",
        "osimages": "osimage",
        "networks": "network",
        "routes": "route",
        "osdistros": "osdistro",
        "policies": "policy",
        "site": "site",
    }
)
"""The types by what their objects are called together."""


def section_of(objtype: str) -> str:
    """What the objects of a type are called together; empty for a type that has no such word."""
    return next((section for section, each in SECTIONS.items() if each == objtype), "")
