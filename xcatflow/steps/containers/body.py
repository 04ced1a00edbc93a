"""A container's parameters as the body of the Engine API's create request.

Source: Engine API 1.24 to 1.45, `POST /containers/create`. Where a MAC stands in it depends on the version and is the adapter's business.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from xcatflow.model.values import memory_bytes
from xcatflow.steps.containers import ports
from xcatflow.steps.containers.flags import merged
from xcatflow.steps.containers.health import HealthcheckParams
from xcatflow.steps.containers.params import ContainerParams

_NOTHING: tuple[Any, ...] = (None, "", [], {}, ())
_TOP: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "hostname": ("Hostname", str),
    "user": ("User", str),
    "workdir": ("WorkingDir", str),
    "stop_signal": ("StopSignal", str),
    "entrypoint": ("Entrypoint", list),
    "env": ("Env", lambda env: [f"{name}={value}" for name, value in env.items()]),
    "labels": ("Labels", dict),
    "healthcheck": ("Healthcheck", HealthcheckParams.body),
    "own_mac": ("MacAddress", str),
    "ports": ("ExposedPorts", lambda items: {own: {} for own in ports.port_bindings(items)}),
}
_HOST: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "mode": ("NetworkMode", str),
    "volumes": ("Binds", list),
    "ports": ("PortBindings", ports.port_bindings),
    "init": ("Init", bool),
    "tmpfs": ("Tmpfs", ports.tmpfs),
    "cap_add": ("CapAdd", list),
    "cap_drop": ("CapDrop", list),
    "devices": ("Devices", ports.devices),
    "sysctls": ("Sysctls", dict),
    "extra_hosts": ("ExtraHosts", list),
    "dns": ("Dns", list),
    "memory": ("Memory", memory_bytes),
}
"""Parameters by what the request calls them, and how it has them."""


def create_body(want: ContainerParams, labels: Mapping[str, str], *, fixed: bool = True) -> dict[str, Any]:
    """The body: parameters, `dockerflag` over them, and `labels` over all. Without `fixed` the addresses are the daemon's choice."""
    body = merged(_of_params(want, fixed=fixed), want.dockerflag)
    body["Image"] = want.image
    if want.command:
        body["Cmd"] = list(want.command)
    if not want.networked:
        body.pop("MacAddress", None)
        body.pop("NetworkingConfig", None)
        body.get("HostConfig", {}).pop("NetworkMode", None)
    return merged(body, {"Labels": labels})


def _of_params(want: ContainerParams, *, fixed: bool) -> dict[str, Any]:
    body = {**_told(want, _TOP), "HostConfig": _host_config(want)}
    addresses = {"IPv4Address": want.fixed_address, "IPv6Address": want.fixed_address6}
    if asked := {key: value for key, value in addresses.items() if value and fixed}:
        body["NetworkingConfig"] = {"EndpointsConfig": {want.mode: {"IPAMConfig": asked}}}
    return {key: value for key, value in body.items() if value not in _NOTHING}


def _told(want: ContainerParams, names: Mapping[str, tuple[str, Callable[[Any], Any]]]) -> dict[str, Any]:
    given = {name: getattr(want, name) for name in names}
    return {names[name][0]: names[name][1](value) for name, value in given.items() if value not in _NOTHING}


def _host_config(want: ContainerParams) -> dict[str, Any]:
    config = _told(want, _HOST)
    if want.privileged:
        config["Privileged"] = True
    if want.cpus is not None and want.cpus.startswith("cpuset:"):
        config["CpusetCpus"] = want.cpus.removeprefix("cpuset:")
    elif want.cpus is not None:
        config["NanoCpus"] = int(Decimal(want.cpus) * 10**9)
    if want.restart != "no":
        name, _, count = want.restart.partition(":")
        config["RestartPolicy"] = {"Name": name, **({"MaximumRetryCount": int(count)} if count else {})}
    if want.log_driver is not None:
        config["LogConfig"] = {"Type": want.log_driver, "Config": want.log_options}
    return config
