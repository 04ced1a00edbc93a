"""Which Ansible variable says what of a definition, in both directions.

`xcat_ATTRIBUTE` is what a node finally has; `xcat_own` lists the attributes that are its own (`ATTRIBUTE`, or `ATTRIBUTE=text` where the
text as written differs: formulas); `xcat_group` are the values of a group object, `xcat_objects` the objects that are neither.

Source: documentation of the collection community.docker, connection plugin `docker`: `ansible_docker_host` names the container,
`ansible_docker_extra_args` are words for the docker command, split at blanks.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from xcatflow.errors import InvalidInput
from xcatflow.model.attributes import ATTRIBUTES
from xcatflow.model.endpoint import parse_endpoint

PREFIX = "xcat_"
OWN = "xcat_own"
GROUP = "xcat_group"
OBJECTS = "xcat_objects"

CONNECTION = "community.docker.docker"
_CONNECTIONS = ("docker", CONNECTION, "community.docker.docker_api", "community.general.docker")
_UNSPEAKABLE = re.compile(r"[^A-Za-z0-9_]")
_DAEMON = re.compile(r"(?:-H|--host)(?:=|\s+|(?=\w))(\S+)")
_TLS = re.compile(r"--tls(?:verify)?(?:=true)?")


def variable(attribute: str) -> str:
    """The variable that holds an attribute: `xcat_ip`, `xcat_passwd_HMC`."""
    return PREFIX + _UNSPEAKABLE.sub("_", attribute)


ATTRIBUTE_OF: Mapping[str, str] = MappingProxyType(
    {variable(name): name for objtype in ("group", "node") for name in ATTRIBUTES[objtype]}
)
"""The attribute by its variable."""


def hints(name: str, values: Mapping[str, str]) -> dict[str, str]:
    """Variables by which Ansible reaches a node with these values finally."""
    found = {"ansible_host": values["ip"]} if "ip" in values else {}
    if values.get("mgt") == "docker":
        found |= {"ansible_connection": CONNECTION, "ansible_docker_host": name}
        if daemon := _daemon_words(values.get("dockerhost", "")):
            found["ansible_docker_extra_args"] = daemon
    return found


def _daemon_words(dockerhost: str) -> str:
    try:
        endpoint = parse_endpoint(dockerhost)
    except InvalidInput:
        return ""
    if endpoint.scheme == "unix":
        return f"-H unix://{endpoint.path}"
    return f"--tlsverify -H tcp://{endpoint.place}" if endpoint.tls else f"-H tcp://{endpoint.place}"


def is_docker(connection: str) -> bool:
    """Does a value of `ansible_connection` mean a container?"""
    return connection in _CONNECTIONS


def daemon_of(words: str) -> str:
    """The daemon that words for the docker command name, as `dockerhost` has it; empty where they say anything else."""
    found = _DAEMON.search(words)
    if not found or _TLS.sub("", _DAEMON.sub("", words)).strip():
        return ""
    return daemon_at(found[1], tls=bool(_TLS.search(words)))


def daemon_at(url: str, *, tls: bool) -> str:
    """A daemon's URL as `dockerhost` has it; empty where it cannot be one."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        scheme, rest = "tcp", url
    text = {"tcp": rest if tls else f"tcp+plain://{rest}", "https": rest, "unix": f"unix:///{rest.lstrip('/')}"}
    try:
        return str(parse_endpoint(text.get(scheme, "")))
    except InvalidInput:
        return ""
