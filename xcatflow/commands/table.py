"""Every command by its name. Who runs one waits for the import of that one only."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from xcatflow.commands.command import Command

SUMMARIES: Mapping[str, str] = MappingProxyType(
    {
        "chdef": "Change object definitions.",
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
        "rmdef": "Remove object definitions.",
        "rmdocker": "Remove the containers of container nodes.",
        "rpower": "Start, stop, restart, pause, unpause container nodes, or tell their state.",
        "xcoll": "Fold equal output of nodes.",
        "xdshbak": "Put the output of each host together.",
    }
)


def find(name: str) -> Command:
    """The command of this name; raises KeyError where there is none."""
    if name not in SUMMARIES:
        raise KeyError(name)
    found = import_module(f"xcatflow.commands.{name}").COMMAND
    assert isinstance(found, Command)
    return found
