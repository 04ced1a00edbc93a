"""What only shows when all definitions are seen together: references, addresses used twice, attributes on the wrong sort of node."""

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address

from xcatflow.errors import InvalidInput, Problem, did_you_mean
from xcatflow.model import values
from xcatflow.model.attributes import DOCKER_ONLY
from xcatflow.model.definitions import Definitions, Node
from xcatflow.model.endpoint import parse_endpoint
from xcatflow.model.formula import FormulaError, is_formula, parse_formula
from xcatflow.model.names import container_problem, group_problem

_METHODS = ("install", "netboot", "statelite")
"""What `provmethod` could also say in old definitions."""


def check_definitions(definitions: Definitions) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """(errors, warnings) that need more than one object, without evaluating addresses."""
    errors: list[Problem] = [*_same_subnet(definitions), *_group_names(definitions)]
    warnings: list[Problem] = [*_bad_formulas(definitions)]
    dynamic = {name for name, group in definitions.groups.items() if group.dynamic}
    for node in definitions.nodes.values():
        errors += _node_errors(definitions, node, dynamic)
        warnings += _node_warnings(definitions, node)
    return tuple(errors), tuple(warnings)


def _group_names(definitions: Definitions) -> Iterator[Problem]:
    for group in definitions.group_names:
        if group not in definitions.groups and (problem := group_problem(group)):
            for member in definitions.members(group) or ():
                node = definitions.nodes[member]
                yield Problem(f'"groups" of node "{member}": {problem}', node.source("groups"))


def _bad_formulas(definitions: Definitions) -> Iterator[Problem]:
    judged: dict[str, str] = {}
    for holder in (*definitions.nodes.values(), *definitions.groups.values()):
        for attribute, text in holder.attributes.items():
            if text[0] in "|/" and is_formula(text) and attribute != "wherevals":
                if text not in judged:
                    judged[text] = _formula_problem(text)
                if judged[text]:
                    message = f'"{attribute}" of {holder.objtype} "{holder.name}": {judged[text]} in the formula {text}'
                    yield Problem(message, holder.source(attribute))


def _formula_problem(text: str) -> str:
    try:
        parse_formula(text)
    except FormulaError as error:
        return str(error)
    return ""


def _node_warnings(definitions: Definitions, node: Node) -> Iterator[Problem]:
    if node.name != node.name.lower():
        yield Problem(f'the node name "{node.name}" has capital letters, which DNS may not keep', node.source())
    if definitions.members(node.name) is not None:
        yield Problem(f'the node "{node.name}" hides the group of the same name in noderanges', node.source())
    if problem := _osimage_problem(definitions, node):
        yield Problem(f'"provmethod" of node "{node.name}": {problem}', node.source("provmethod"))


def _osimage_problem(definitions: Definitions, node: Node) -> str:
    image = node.attributes.get("provmethod")
    if not image or image in definitions.osimages or image in _METHODS or is_formula(image):
        return ""
    if definitions.value(node.name, "mgt") == "docker":
        return ""
    return f'there is no osimage "{image}"{did_you_mean(image, definitions.osimages)}'


def _node_errors(definitions: Definitions, node: Node, dynamic: Iterable[str]) -> Iterator[Problem]:
    if dynamic and (wrong := [group for group in node.groups if group in dynamic]):
        message = (
            f'node "{node.name}" cannot be put into "{wrong[0]}": a dynamic group finds its members by "wherevals"'
        )
        yield Problem(message, node.source("groups"))
    docker = definitions.value(node.name, "mgt") == "docker"
    if docker and (problem := container_problem(node.name)):
        yield Problem(problem, node.source())
    if not docker:
        for attribute in node.attributes.keys() & DOCKER_ONLY:
            found = definitions.value(node.name, "mgt")
            message = f'"{attribute}" of node "{node.name}" needs mgt=docker on the node or one of its groups, found '
            yield Problem(message + (f"mgt={found}" if found else "no mgt"), node.source(attribute))


def _same_subnet(definitions: Definitions) -> Iterator[Problem]:
    seen: dict[values.Network4or6, str] = {}
    for network in sorted(definitions.networks.values(), key=lambda network: network.source()):
        first = seen.setdefault(network.subnet, network.name)
        if first != network.name:
            message = f'network "{network.name}" has the same net and mask as "{first}"'
            yield Problem(f"{message} ({definitions.networks[first].source()}): remove one", network.source("net"))


def check_addresses(definitions: Definitions) -> tuple[Problem, ...]:
    """Addresses and MACs that two nodes share or that are none, and `dockerhost` values that name no node. Evaluates every node."""
    return (
        *_shared(definitions, "ip", lambda text: (values.same_ip(text),)),
        *_shared(definitions, "mac", lambda text: tuple(address for address, _ in values.macs_of(text))),
        *_docker_hosts(definitions),
    )


def _shared(definitions: Definitions, attribute: str, keys: Callable[[str], tuple[str, ...]]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for node in definitions.nodes:
        text = definitions.value(node, attribute)
        if text is None:
            continue
        try:
            found = keys(text)
        except ValueError as error:
            yield Problem(f'"{attribute}" of node "{node}": {error}', definitions.source(node, attribute))
            continue
        for key in dict.fromkeys(found):
            first = seen.setdefault(key, node)
            if first != node:
                there = definitions.source(first, attribute)
                message = f'node "{node}" has the {attribute} {key} of node "{first}" ({there}): give each its own'
                yield Problem(message, definitions.source(node, attribute))


def _docker_hosts(definitions: Definitions) -> Iterator[Problem]:
    judged: dict[str, str] = {}
    for node in definitions.nodes:
        text = definitions.value(node, "dockerhost")
        if text is None:
            continue
        if text not in judged:
            judged[text] = _docker_host_problem(definitions, text)
        if judged[text]:
            message = f'"dockerhost" of node "{node}": {judged[text]}'
            yield Problem(message, definitions.source(node, "dockerhost"))


def _docker_host_problem(definitions: Definitions, text: str) -> str:
    try:
        machine = parse_endpoint(text).machine
    except InvalidInput as error:
        return error.problems[0].message
    if machine is None or machine in definitions.nodes or _is_address(machine):
        return ""
    return f'there is no node "{machine}"{did_you_mean(machine, definitions.nodes)}'


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def check_networks(definitions: Definitions) -> tuple[Problem, ...]:
    """Nodes whose address lies outside every network, where networks are defined: worth a warning."""
    if not definitions.networks:
        return ()
    return tuple(
        Problem(f'"ip" of node "{node}": {ip} lies in no defined network', definitions.source(node, "ip"))
        for node in definitions.nodes
        if (ip := definitions.value(node, "ip")) and definitions.network_of(ip) is None
    )
