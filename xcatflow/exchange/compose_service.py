"""A service of a compose file as values of a node: attributes where there are such, everything else in `dockerflag`.

Source: Compose Specification, services; docker compose 2 for how they become create requests.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from types import MappingProxyType
from typing import Any

from xcatflow.errors import InvalidInput, did_you_mean
from xcatflow.exchange.compose_deploy import Deploy, deploy_of
from xcatflow.exchange.compose_environment import environment_of, labels_of
from xcatflow.exchange.compose_flags import HOST, TOP_LEVEL, flags_of
from xcatflow.exchange.compose_making import Making
from xcatflow.exchange.compose_networks import joined
from xcatflow.exchange.compose_parts import PARTS
from xcatflow.exchange.compose_project import Project, Service
from xcatflow.exchange.compose_tree import Tree, size, text, whole, wrong
from xcatflow.exchange.compose_words import words
from xcatflow.exchange.container_node import command_text, secrets_told
from xcatflow.exchange.containers import limits_of

_FILE = "a file of the container; put it on the host with file.present, and mount it as a volume"
_LEFT: Mapping[str, str] = MappingProxyType(
    {
        "attach": "it is for the terminal of docker compose up",
        "build": "images are not built here; build it, and push it to a registry or put an archive of it into images/",
        "configs": _FILE,
        "credential_spec": "it is for Windows",
        "depends_on": "containers are created and started side by side, in no order",
        "develop": "it is for work on the sources",
        "models": "there is nothing like it here",
        "platform": "the image is taken as the daemon's own platform has it",
        "post_start": "a step of docker.exec can do it",
        "pre_stop": "a step of docker.exec can do it",
        "provider": "only containers can be nodes",
        "secrets": _FILE,
        "use_api_socket": "mount the socket as a volume",
    }
)
_TOGETHER = (
    "command", "container_name", "cpus", "cpuset", "deploy", "env_file", "environment", "image", "label_file", "labels", "mac_address",
    "mem_limit", "network_mode", "networks", "pids_limit", "profiles", "scale",
)  # fmt: skip
"""Keys that are read with others, or were before."""
_NO_LINKS = ("none", "host")


def made_of(service: Service, project: Project) -> Making:
    """What becomes of a service; what is wrong with it is among the project's problems."""
    made = Making(service, project)
    for key in service.tree.items:
        value = service.tree.get(key)
        if not key.startswith("x-") and key not in _TOGETHER and value is not None:
            _attempt(made, partial(_key, made, key, value))
    for part in (_image, _environment, _limits, _networks):
        _attempt(made, partial(part, made))
    return made


def _attempt(made: Making, act: Callable[[], None]) -> None:
    try:
        act()
    except InvalidInput as error:
        made.project.said.problems += error.problems


def _key(made: Making, key: str, value: Tree) -> None:
    if key in PARTS:
        PARTS[key](made, value)
    elif key in TOP_LEVEL or key in HOST or key == "blkio_config":
        made.put(flags_of(key, value))
    else:
        known = (*PARTS, *TOP_LEVEL, *HOST, *_LEFT, *_TOGETHER)
        why = _LEFT.get(key) or f"it is not known here{did_you_mean(key, known)}"
        made.leave(f'"{key}"', why, made.service.tree.at(key))


def _image(made: Making) -> None:
    image, command = (made.service.tree.get(key) for key in ("image", "command"))
    assert image is not None, "services without an image become no nodes"
    written = command_text(listed) if command is not None and (listed := words(command)) else ""
    made.values["provmethod"] = (f"{text(image)}!{written}" if written else text(image), image.source)


def _environment(made: Making) -> None:
    tree = made.service.tree
    entries = environment_of(made.service, made.project)
    if entries:
        made.put({"Env": entries})
    if said := secrets_told(entries):
        made.note(said, tree.at("environment" if tree.get("environment") is not None else "env_file"))
    if labels := labels_of(made.service, made.project):
        made.put({"Labels": labels})


# --- limits ---


def _limits(made: Making) -> None:
    tree = made.service.tree
    deploy = deploy_of(made.service, made.project.said)
    host: dict[str, Any] = {}
    readers = (("cpus", "NanoCpus", _nano), ("mem_limit", "Memory", size), ("pids_limit", "PidsLimit", whole))
    for key, name, read in readers:
        if value := _agreed(made, key, deploy, read):
            host[name] = value
    cpuset = tree.get("cpuset")
    chosen = {"CpusetCpus": text(cpuset)} if cpuset is not None else {}
    found = limits_of({**host, **chosen})
    for attribute, key in (("dockercpus", "cpus"), ("dockermemory", "mem_limit")):
        if attribute in found:
            place = tree.get(key) or deploy.limits.get(key) or cpuset or tree
            made.values[attribute] = (found[attribute], place.source)
    if "NanoCpus" in host and chosen:
        made.host(**chosen)
    if "PidsLimit" in host:
        made.host(PidsLimit=host["PidsLimit"])
    made.put(deploy.flags)


def _agreed(made: Making, key: str, deploy: Deploy, read: Callable[[Tree], Any]) -> Any:
    """A limit, which two keys may name. Raises InvalidInput where they do not say the same."""
    own, other = made.service.tree.get(key), deploy.limits.get(key)
    if own is not None and other is not None and read(own) != read(other):
        raise InvalidInput(
            f'"{key}" and "deploy" of the service "{made.service.name}" say different limits', other.source
        )
    chosen = own if own is not None else other
    return read(chosen) if chosen is not None else None


def _nano(tree: Tree) -> int:
    try:
        found = Decimal(text(tree))
    except InvalidOperation:
        found = Decimal("nan")
    if not found.is_finite() or not 0 <= found < 10**6:
        raise wrong("a number of CPUs such as 1.5", tree)
    return int(found * 10**9)


# --- networks ---


def _networks(made: Making) -> None:
    tree = made.service.tree
    if mac := tree.get("mac_address"):
        made.values["mac"] = (text(mac), mac.source)
    mode, networks = tree.get("network_mode"), tree.get("networks")
    if mode is not None and networks is not None:
        raise InvalidInput('"network_mode" and "networks" exclude each other', mode.source)
    end = _mode(made, mode) if mode is not None else _joined(made, networks or tree)
    if made.links:
        _linked(made, end)
    if end:
        name = made.values["dockernics"][0].partition(",")[0]
        made.put({"NetworkingConfig": {"EndpointsConfig": {name: end}}})
    count = len(made.service.nodes)
    for attribute in ("ip", "mac") if count > 1 else ():
        if attribute in made.values:
            value, source = made.values.pop(attribute)
            made.leave(f'the {attribute} "{value}"', f"it is for one container, and there are {count}", source)


def _mode(made: Making, tree: Tree) -> dict[str, Any]:
    mode = made.namespace(tree)
    if mode.startswith("container:"):
        made.host(NetworkMode=mode)
    else:
        made.values["dockernics"] = ("bridge" if mode == "default" else mode, tree.source)
    return {}


def _joined(made: Making, place: Tree) -> dict[str, Any]:
    """Take in the networks; what is set in the main one beside the addresses."""
    found = joined(made.service.name, made.service.tree, made.project.networks)
    made.used = found.used
    made.values |= {"dockernics": (",".join(found.nics), place.source), **found.values}
    for what, why, source in found.left:
        made.leave(what, why, source)
    return found.end


def _linked(made: Making, end: dict[str, Any]) -> None:
    """Links stand with the network; those of the daemon's default one have a place of their own."""
    mode = made.values.get("dockernics", ("none", made.service.tree.source))[0]
    if end:
        end["Links"] = made.links
    elif mode in _NO_LINKS:
        made.leave('"links"', f'there are none in the network "{mode}"', made.service.tree.source)
    else:
        made.host(Links=made.links)
