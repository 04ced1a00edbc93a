"""A machine's network, from the plain data of golden cases."""

from collections.abc import Mapping
from typing import Any

from xcatflow.model.links import Address, Link, Route
from xcatflow.steps.networks.bridge_look import Network
from xcatflow.steps.networks.files import mark, paths
from xcatflow.steps.networks.want import BridgeParams


def host_network(data: Mapping[str, Any]) -> Network:
    """`links` are without what is as usual; `routes` are destination, gateway, link and protocol; `kept` are the params that the files
    for booting were made from."""
    kept = data.get("kept")
    marks: tuple[tuple[str, str], ...] = ()
    if kept is not None:
        made_for = BridgeParams.model_validate(kept).chain
        stack = data.get("stack", "none")
        marks = tuple((path, mark(stack, made_for)) for path in paths(stack, made_for))
    return Network(
        links=tuple(_link(number, link) for number, link in enumerate(data["links"], start=1)),
        routes=tuple(Route(*route) for route in data.get("routes", ())),
        stack=data.get("stack", "none"),
        marks=marks,
        enabled=data.get("enabled", kept is not None and data.get("stack") != "ifupdown"),
        filter=data.get("filter", "open"),
        client=data.get("client", False),
    )


def _link(number: int, data: Mapping[str, Any]) -> Link:
    addresses = tuple(Address(text, 6 if ":" in text else 4) for text in data.get("addresses", ()))
    leased = tuple(Address(text, 6 if ":" in text else 4, dynamic=True) for text in data.get("leased", ()))
    usual = {"stp": False, "forward_delay_s": 0.0} if data.get("kind") == "bridge" else {}
    rest = {key: value for key, value in data.items() if key not in ("addresses", "leased")}
    return Link(**{"index": number, **usual, **rest, "addresses": (*addresses, *leased)})
