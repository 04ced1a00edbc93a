"""From the text after `at:` to a target: which machine, and which daemon on it."""

from xcatflow.errors import InvalidInput, did_you_mean
from xcatflow.model.definitions import Definitions
from xcatflow.model.endpoint import parse_endpoint
from xcatflow.model.placed import PlacedStep
from xcatflow.model.target import TargetRef
from xcatflow.model.values import is_address

CONTROLLER = "localhost"


def locate(at: str, node: str, definitions: Definitions, placed: PlacedStep) -> TargetRef:
    """The target that `at` means for `node`; the node itself where it is empty. Raises InvalidInput."""
    where = placed.place(("at",))
    if not at:
        if definitions.value(node, "mgt") == "docker":
            raise InvalidInput(
                f'step "{placed.id}" acts on the node itself, but {{nodes}} cannot be acted on, '
                'being a container: add "at: ${node.dockerhost}"',
                where,
            )
        return TargetRef(node, str(parse_endpoint(node)))
    try:
        endpoint = parse_endpoint(at)
    except InvalidInput as error:
        raise InvalidInput(f'"at": {error.problems[0].message}', where) from None
    name = endpoint.machine or CONTROLLER
    if endpoint.machine and name not in definitions.nodes and not is_address(name):
        hint = did_you_mean(name, definitions.nodes)
        raise InvalidInput(f'step "{placed.id}" is to act at "{at}", but there is no node "{name}"{hint}', where)
    return TargetRef(name, str(endpoint))
