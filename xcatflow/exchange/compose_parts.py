"""Keys of a service that are more than a flag: ports, links, namespaces, volumes, security.

Source: Compose Specification, services; docker compose 2 for how they become create requests.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from xcatflow.exchange.compose_making import Making
from xcatflow.exchange.compose_mounts import Mounts, devices
from xcatflow.exchange.compose_ports import exposed, published, unsaid
from xcatflow.exchange.compose_tree import Tree, items, text, texts

_USUAL_PULLS = ("missing", "if_not_present")
_SECCOMP = ("seccomp:", "seccomp=")
_BUILTIN = ("unconfined", "builtin", "{")

Reader = Callable[[Making, Tree], None]


def _devices(made: Making, tree: Tree) -> None:
    made.host(**devices(tree))


def _expose(made: Making, tree: Tree) -> None:
    made.put({"ExposedPorts": exposed(tree)})


def _external_links(made: Making, tree: Tree) -> None:
    made.links += (link if ":" in link else f"{link}:{link}" for link in texts(tree))


def _ipc(made: Making, tree: Tree) -> None:
    made.host(IpcMode=made.namespace(tree))


def _pid(made: Making, tree: Tree) -> None:
    made.host(PidMode=made.namespace(tree))


def _links(made: Making, tree: Tree) -> None:
    """Other names for services; by their own they are known anyway."""
    for item in items(tree):
        service, _, alias = text(item).partition(":")
        node = made.project.node_of(service, item.source)
        if alias not in ("", service):
            made.links.append(f"{node}:{alias}")


def _ports(made: Making, tree: Tree) -> None:
    bindings = published(tree)
    made.put({"ExposedPorts": {port: {} for port in bindings}, "HostConfig": {"PortBindings": bindings}})
    for key, item in unsaid(tree):
        made.leave(f'"{key}" of a port', "it only describes", item.source)
    count = len(made.service.nodes)
    if count > 1 and any(each["HostPort"].isdecimal() for listed in bindings.values() for each in listed):
        made.note(f"its {count} containers publish the same ports, which one host has once", tree.source)


def _pull_policy(made: Making, tree: Tree) -> None:
    if text(tree) not in _USUAL_PULLS:
        made.leave(f'"pull_policy: {text(tree)}"', "a step of docker.image says when images are pulled", tree.source)


def _security(made: Making, tree: Tree) -> None:
    options: list[str] = []
    for item in items(tree):
        option = text(item)
        if option.startswith(_SECCOMP) and not option[len(_SECCOMP[0]) :].startswith(_BUILTIN):
            why = "the profile is a file beside the compose file; a request holds its text"
            made.leave(f'"{option}"', why, item.source)
        else:
            options.append(option)
    if options:
        made.host(SecurityOpt=options)


def _volumes(made: Making, tree: Tree) -> None:
    mounts = Mounts(made.project.volume_name)
    mounts.read(tree)
    made.put(mounts.flags)
    for what, why, item in mounts.left:
        made.leave(f"the mount {what}", why, item.source)


def _volumes_from(made: Making, tree: Tree) -> None:
    found: list[str] = []
    for item in items(tree):
        written = text(item)
        service, colon, mode = written.partition(":")
        if service == "container":
            found.append(mode)
        else:
            found.append(f"{made.project.node_of(service, item.source)}{colon}{mode}")
    made.host(VolumesFrom=found)


PARTS: Mapping[str, Reader] = MappingProxyType(
    {
        "devices": _devices,
        "expose": _expose,
        "external_links": _external_links,
        "ipc": _ipc,
        "links": _links,
        "pid": _pid,
        "ports": _ports,
        "pull_policy": _pull_policy,
        "security_opt": _security,
        "volumes": _volumes,
        "volumes_from": _volumes_from,
    }
)
