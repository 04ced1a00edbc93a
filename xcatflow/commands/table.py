"""Every command by its name. Who runs one waits for the import of that one only."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from xcatflow.commands.command import Command

SUMMARIES: Mapping[str, str] = MappingProxyType(
    {
        "chdef": "Change object definitions.",
        "facts": "Tell what machines are: system, hardware, disks, NICs, Docker engine.",
        "copycds": "Copy installation media, and make osimages of them.",
        "lsdocker": "List containers, or show their logs.",
        "lsdef": "List object definitions.",
        "makehosts": "Keep /etc/hosts in step with the definitions.",
        "makeknownhosts": "Keep known_hosts in step with the nodes' keys.",
        "mkdef": "Make object definitions.",
        "mkdocker": "Create the containers of container nodes.",
        "nodeadd": "Add nodes.",
        "nodech": "Change nodes' attributes.",
        "nodegrpch": "Give groups attributes, and take them from their members.",
        "nodels": "List nodes, or some of their attributes.",
        "noderm": "Remove nodes.",
        "nodestat": "Tell which services nodes offer, or that they do not answer.",
        "pipework": "Give a running container an address on a bridge of its Docker host.",
        "pping": "Tell which nodes answer.",
        "rmdef": "Remove object definitions.",
        "rmdocker": "Remove the containers of container nodes.",
        "rpower": "Start, stop, restart, pause, unpause container nodes, or tell their state.",
        "updatenode": "Distribute files, bring software up to date and run postscripts on machines.",
        "xcoll": "Fold equal output of nodes.",
        "xdshbak": "Put the output of each host together.",
    }
)


OWN = frozenset({"facts", "pipework"})
"""Commands that are no programs: their names are too common, or are those of other programs."""


def find(name: str) -> Command:
    """The command of this name; raises KeyError where there is none."""
    if name not in SUMMARIES:
        raise KeyError(name)
    found = import_module(f"xcatflow.commands.{name}").COMMAND
    assert isinstance(found, Command)
    return found
