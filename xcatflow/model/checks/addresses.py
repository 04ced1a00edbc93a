"""Addresses of nodes: outside every network, or such as no node can have; those of adapters as well."""

from collections.abc import Iterator
from ipaddress import ip_address

from xcatflow.model.checks.networks import Subnets, end_of
from xcatflow.model.definitions import Definitions
from xcatflow.model.findings import Findings, Lost
from xcatflow.model.nics import nic_values
from xcatflow.model.written import written


def check(found: Findings, definitions: Definitions, lost: Lost) -> None:
    """Find addresses that do not fit their network or that two nodes share."""
    if definitions.networks:
        _places(found, definitions, lost)
    if "nicips" in written(definitions):
        _adapters(found, definitions)


def _places(found: Findings, definitions: Definitions, lost: Lost) -> None:
    subnets = Subnets.of(definitions)
    gateways = {network.gateway: network for network in definitions.networks.values() if network.gateway}
    for node in definitions.nodes:
        for attribute, text in _addresses(definitions, node):
            try:
                address = ip_address(text)
            except ValueError:
                continue
            source = definitions.source(node, attribute)
            network = next(subnets.around(address), None)
            if network is None:
                if lost:
                    continue
                after, example = ": outside every defined network", f", found {text}"
                found.on_node("warning", node, source, f'"{attribute}" of ', after, example)
            elif problem := end_of(address, network):
                found.on_node("error", node, source, f'"{attribute}" of ', f": {text} is {problem}")
            elif text in gateways and definitions.value(node, "mgt") == "docker":
                owner = gateways[text]
                after = f': {text} is the gateway of network "{owner.name}" ({owner.source("gateway")})'
                found.on_node("warning", node, source, f'"{attribute}" of ', after)


def _addresses(definitions: Definitions, node: str) -> Iterator[tuple[str, str]]:
    if ip := definitions.value(node, "ip"):
        yield "ip", ip
    yield from _adapter_addresses(definitions, node)


def _adapter_addresses(definitions: Definitions, node: str) -> Iterator[tuple[str, str]]:
    for nic, text in nic_values(definitions.value(node, "nicips") or ""):
        yield f"nicips.{nic}", text


def _adapters(found: Findings, definitions: Definitions) -> None:
    """Adapters' addresses that are none, and those that belong to another node as well."""
    owners: dict[str, tuple[str, str]] = {}
    for node in definitions.nodes:
        if ip := definitions.value(node, "ip"):
            owners.setdefault(ip, (node, "ip"))
    for node in definitions.nodes:
        for attribute, text in _adapter_addresses(definitions, node):
            source = definitions.source(node, attribute)
            try:
                address = str(ip_address(text))
            except ValueError:
                after, example = ": expected addresses such as 10.0.0.1, joined with |", f', found "{text}"'
                found.on_node("error", node, source, f'"{attribute}" of ', after, example)
                continue
            owner, theirs = owners.setdefault(address, (node, attribute))
            if owner != node:
                there = definitions.source(owner, theirs)
                before, after = f'"{attribute}" of ', f' is also "{theirs}" of another node'
                example = f': {address} of node "{owner}" ({there})'
                found.on_node("warning", node, source, before, after, example)
