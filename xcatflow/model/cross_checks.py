"""What only shows when all definitions are seen together and cannot be worked with: broken rules, addresses used twice, references to
machines that are not there. What is merely odd is found by `model.checks`."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from xcatflow.errors import InvalidInput, Problem, Source
from xcatflow.model import values
from xcatflow.model.alike import Alike
from xcatflow.model.attributes import DOCKER_ONLY
from xcatflow.model.definitions import Definitions, Node
from xcatflow.model.endpoint import parse_endpoint
from xcatflow.model.findings import NOTHING_LOST, Findings, Lost, named
from xcatflow.model.names import container_problem, group_problem, name_problem
from xcatflow.model.written import written

_MOST_TOLD = 4
"""Pairs of nodes of two files that are told one by one."""


def check_definitions(definitions: Definitions, nodes: Iterable[str] | None = None) -> tuple[Problem, ...]:
    """What definitions must not say, in order of files; needs more than one object, and evaluates no address. With `nodes` the others are
    known to be well."""
    found = Findings()
    rules(found, definitions, nodes=nodes)
    return found.errors


def check_addresses(definitions: Definitions) -> tuple[Problem, ...]:
    """Addresses and MACs that two nodes share or that are none, and `dockerhost` values that name no node. Evaluates every node."""
    found = Findings()
    addresses(found, definitions)
    return found.errors


def rules(
    found: Findings, definitions: Definitions, lost: Lost = NOTHING_LOST, nodes: Iterable[str] | None = None
) -> None:
    """What definitions must not say, whatever the values come to. What a node must not say depends on itself, its groups and the site: with
    `nodes` only these are looked at."""
    _same_subnet(found, definitions)
    _group_names(found, definitions)
    dynamic = frozenset(name for name, group in definitions.groups.items() if group.dynamic)
    methods = definitions.values("mgt") if nodes is None else ((node, definitions.value(node, "mgt")) for node in nodes)
    for node, mgt in methods:
        _node(found, definitions, definitions.nodes[node], mgt, dynamic, lost)


def addresses(found: Findings, definitions: Definitions, lost: Lost = NOTHING_LOST) -> None:
    """What values must not come to."""
    used = written(definitions)
    if "ip" in used:
        _shared(found, definitions, "ip", lambda text: (values.same_ip(text),))
    if "mac" in used:
        _shared(found, definitions, "mac", lambda text: tuple(address for address, _ in values.macs_of(text)))
    if "dockerhost" in used:
        _docker_hosts(found, definitions, lost)


def _group_names(found: Findings, definitions: Definitions) -> None:
    for group in definitions.group_names:
        if group not in definitions.groups and (problem := group_problem(group)):
            for member in definitions.members(group) or ():
                source = definitions.nodes[member].source("groups")
                found.on_node("error", member, source, '"groups" of ', f": {problem}")


def _node(
    found: Findings, definitions: Definitions, node: Node, mgt: str | None, dynamic: frozenset[str], lost: Lost
) -> None:
    if dynamic and not dynamic.isdisjoint(node.groups):
        wrong = next(group for group in node.groups if group in dynamic)
        after = f' cannot be put into "{wrong}": a dynamic group finds its members by "wherevals"'
        found.on_node("error", node.name, node.source("groups"), "", after)
    docker = mgt == "docker"
    if docker and not name_problem("node", node.name) and (problem := container_problem(node.name)):
        found.error(problem, node.source())
    if not docker and not (lost and any(lost(group) for group in node.groups if group not in definitions.groups)):
        for attribute in sorted(node.attributes.keys() & DOCKER_ONLY):
            after = f" needs mgt=docker on the node or one of its groups, found {f'mgt={mgt}' if mgt else 'no mgt'}"
            found.on_node("error", node.name, node.source(attribute), f'"{attribute}" of ', after)


def _same_subnet(found: Findings, definitions: Definitions) -> None:
    seen: dict[values.Network4or6, str] = {}
    for network in sorted(definitions.networks.values(), key=lambda network: network.source()):
        first = seen.setdefault(network.subnet, network.name)
        if first != network.name:
            message = f'network "{network.name}" has the same net and mask as "{first}"'
            found.error(f"{message} ({definitions.networks[first].source()}): remove one", network.source("net"))


def _shared(found: Findings, definitions: Definitions, attribute: str, keys: Callable[[str], tuple[str, ...]]) -> None:
    seen: dict[str, str] = {}
    pairs: list[_Pair] = []
    for node in definitions.nodes:
        text = definitions.value(node, attribute)
        if text is None:
            continue
        try:
            addresses = keys(text)
        except ValueError as error:
            expected, _, example = str(error).partition(", found ")
            source = definitions.source(node, attribute)
            found.on_node("error", node, source, f'"{attribute}" of ', f": {expected}", f", found {example}")
            continue
        for address in dict.fromkeys(addresses):
            first = seen.setdefault(address, node)
            if first != node:
                here, there = definitions.source(node, attribute), definitions.source(first, attribute)
                pairs.append(_Pair(node, address, first, here or Source(""), there or Source("")))
    for together in _folded(pairs):
        found.error(_twice(attribute, together), together[0].here)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A node with an address that another one had first, and where both were written."""

    node: str
    address: str
    first: str
    here: Source
    there: Source


def _folded(pairs: Iterable[_Pair]) -> Iterator[list[_Pair]]:
    """Those that come from the same two lines together, and those of two files together where they are many: somebody copied."""
    lines: dict[tuple[Source, Source], list[_Pair]] = {}
    for pair in pairs:
        lines.setdefault((pair.here, pair.there), []).append(pair)
    files: dict[tuple[str, str], list[list[_Pair]]] = {}
    for (here, there), together in lines.items():
        files.setdefault((here.file, there.file), []).append(together)
    for groups in files.values():
        if len(groups) > _MOST_TOLD:
            yield sorted((pair for group in groups for pair in group), key=lambda pair: pair.here)
        else:
            yield from groups


def _twice(attribute: str, pairs: list[_Pair]) -> str:
    first = pairs[0]
    other = f'{first.address} of node "{first.first}" ({first.there}): give each its own'
    if len(pairs) == 1:
        return f'node "{first.node}" has the {attribute} {other}'
    nodes = list(dict.fromkeys(pair.node for pair in pairs))
    have = "have" if len(nodes) > 1 else "has"
    return f'{named(nodes)} {have} the {attribute} of another node, the first is "{first.node}" with {other}'


def _docker_hosts(found: Findings, definitions: Definitions, lost: Lost) -> None:
    judged: dict[str, str] = {}
    close = Alike(definitions.nodes)
    for node in definitions.nodes:
        text = definitions.value(node, "dockerhost")
        if text is None:
            continue
        if text not in judged:
            judged[text] = _docker_host_problem(definitions, text, lost, close)
        if judged[text]:
            source = definitions.source(node, "dockerhost")
            found.on_node("error", node, source, '"dockerhost" of ', f": {judged[text]}")


def _docker_host_problem(definitions: Definitions, text: str, lost: Lost, close: Alike) -> str:
    try:
        machine = parse_endpoint(text).machine
    except InvalidInput as error:
        return error.problems[0].message
    if machine is None or machine in definitions.nodes or values.is_address(machine) or lost(machine):
        return ""
    return f'there is no node "{machine}"{close.hint(machine)}'
