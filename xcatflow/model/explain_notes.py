"""What else there is to know about a node's attribute: what an alias means, what applies to it, what its value leads to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xcatflow.errors import InvalidInput, Source, did_you_mean
from xcatflow.model import attributes as table
from xcatflow.model.alike import Alike
from xcatflow.model.definitions import Definition, Definitions
from xcatflow.model.endpoint import parse_endpoint
from xcatflow.model.meaning import Meaning
from xcatflow.model.values import is_address, split_list

_ADDRESSES = ("ip", "nicips")
_MOST_FOR_HINTS = 10_000
"""Nodes among which a misspelt one is looked for: each explanation looks anew."""


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence, without the final dot; `amiss` where it tells of something that is not there."""

    text: str
    amiss: bool = False


def notes_on(definitions: Definitions, node: str, meant: Meaning) -> Iterator[Note]:
    """What there is to know besides the places that were considered."""
    value = definitions.value(node, meant.attribute)
    yield from map(Note, _rules(definitions, meant))
    yield from map(Note, _other_field(definitions, node, meant))
    if meant.head in table.SCRIPTS:
        yield Note(_defaults(definitions, meant.head, value))
    if meant.head == "status" and value is None:
        yield Note("a node without status counts as defined")
    if value is not None:
        yield from _led_to(definitions, node, meant, value)


def _rules(definitions: Definitions, meant: Meaning) -> Iterator[str]:
    if meant.condition:
        yield f"the field means {meant.attribute} on this node, because {meant.condition}"
    if meant.head == "node":
        yield "this is the node's name"
    elif meant.head in table.OWN_ONLY:
        yield f"{meant.head} is a node's own: groups hand none down"
    if meant.delimiter:
        clustersite = definitions.records["site", "clustersite"]
        place = _at(clustersite.source("hierarchicalattrs"))
        joined = f'joined with "{meant.delimiter}"'
        yield f"hierarchicalattrs of the site{place} gathers the entries of {meant.head} from all, each once, {joined}"


def _other_field(definitions: Definitions, node: str, meant: Meaning) -> Iterator[str]:
    """Is the attribute for such nodes at all, and which one stands in its place?"""
    columns = table.ATTRIBUTES["node"].get(meant.head, ())
    conditions = [condition for column in columns for condition in column.conditions]
    if conditions and all(column.conditions for column in columns):
        if not any(definitions.holds(node, *condition) for condition in conditions):
            keys = dict.fromkeys(key for key, _ in conditions)
            has = {key: definitions.value(node, key) for key in keys}
            found = ", ".join(f"{key}={value}" if value else f"no {key}" for key, value in has.items())
            wanted = " or ".join("=".join(condition) for condition in conditions)
            yield f"{meant.head} is for nodes with {wanted}; this one has {found}"
        return
    for column in columns:
        for other, field in table.ALIASES["node"][f"{column.table}.{column.column}"]:
            for condition in field.conditions:
                if other != meant.head and definitions.holds(node, *condition):
                    yield f"nodes with {'='.join(condition)} have {other} in its place"


def _defaults(definitions: Definitions, attribute: str, value: str | None) -> str:
    defaults = definitions.xcatdefaults
    text = defaults.attributes.get(attribute, "")
    if not text:
        return f"xcatdefaults{_place_of(defaults, attribute)} puts nothing in front"
    shown = ",".join((text, value)) if value else text
    return (
        f"lsdef and listings show {shown}: every list begins with that of xcatdefaults{_place_of(defaults, attribute)}"
    )


def _led_to(definitions: Definitions, node: str, meant: Meaning, value: str) -> Iterator[Note]:
    match meant.head:
        case "provmethod" if definitions.value(node, "mgt") == "docker":
            image, mark, command = value.partition("!")
            yield Note(f"the image is {image}, the command {command if mark else 'its own'}")
        case "provmethod":
            yield _object("osimage", value, definitions.osimage_of(node), definitions.osimages)
        case "dockerhost":
            yield _daemon(definitions, value)
        case "groups":
            yield from (_group(definitions, name) for name in split_list(value))
        case "routenames":
            routes = definitions.objects("route")
            yield from (_object("route", name, routes.get(name), routes) for name in split_list(value))
        case "nicnetworks":
            for name in _each(value):
                yield _object("network", name, definitions.networks.get(name), definitions.networks)
        case head if head in _ADDRESSES:
            yield from (_network(definitions, address) for address in _each(value))


def _each(value: str) -> Iterator[str]:
    """The values of all adapters, or of the one that was asked for."""
    for entry in value.split(","):
        yield from entry.rpartition("!")[2].split("|")


def _object(objtype: str, name: str, found: Definition | None, known: Mapping[str, Definition]) -> Note:
    if found is None:
        return Note(f'there is no {objtype} "{name}"{did_you_mean(name, known)}', amiss=True)
    return Note(f'this is the {objtype} "{name}"{_place_of(found)}')


def _daemon(definitions: Definitions, value: str) -> Note:
    try:
        endpoint = parse_endpoint(value)
    except InvalidInput as error:
        return Note(error.problems[0].message, amiss=True)
    machine = endpoint.machine
    if machine is None:
        return Note(f"the daemon is that of this machine, at {endpoint.path}")
    if machine in definitions.nodes:
        return Note(f'the daemon is that of node "{machine}"{_place_of(definitions.nodes[machine])}, at {endpoint}')
    hint = Alike(definitions.nodes).hint(machine) if len(definitions.nodes) <= _MOST_FOR_HINTS else ""
    missing = f'there is no node "{machine}"{hint}'
    return Note(f"the daemon is at {endpoint}; {missing}", amiss=not is_address(machine))


def _group(definitions: Definitions, name: str) -> Note:
    group = definitions.groups.get(name)
    if group is None:
        return Note(f'group "{name}" is named by nodes only: it hands nothing down')
    sort = "a dynamic group, which hands nothing down" if group.dynamic else "a group"
    return Note(f'"{name}" is {sort}{_place_of(group)}')


def _network(definitions: Definitions, address: str) -> Note:
    network = definitions.network_of(address)
    if network is None:
        return Note(f"{address} lies in no defined network", amiss=True)
    return Note(f'{address} lies in network "{network.name}", {network.subnet}{_place_of(network)}')


def _place_of(holder: Definition, attribute: str = "") -> str:
    return _at(holder.source(attribute)) if holder.origin.file else " (built in)"


def _at(source: Source) -> str:
    return f" ({source})" if source.file else ""
