"""A container's parameters as the body of the Engine API's create request.

Source: Engine API 1.24 to 1.45, `POST /containers/create`. Where a MAC stands in it depends on the version and is the adapter's business.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from xcatflow.model.values import memory_bytes
from xcatflow.steps.container_flags import merged
from xcatflow.steps.container_params import ContainerParams


def create_body(want: ContainerParams, labels: Mapping[str, str]) -> dict[str, Any]:
    """The body: parameters, `dockerflag` over them, and `labels` over all."""
    body = merged(_of_params(want), want.dockerflag)
    body["Image"] = want.image
    if want.command:
        body["Cmd"] = list(want.command)
    if not want.networked:
        body.pop("MacAddress", None)
        body.pop("NetworkingConfig", None)
        body.get("HostConfig", {}).pop("NetworkMode", None)
    return merged(body, {"Labels": labels})


def _of_params(want: ContainerParams) -> dict[str, Any]:
    body: dict[str, Any] = {
        "Hostname": want.hostname,
        "Env": [f"{name}={value}" for name, value in want.env.items()],
        "MacAddress": want.own_mac,
        "HostConfig": _host_config(want),
        "Labels": want.labels,
    }
    if want.address is not None:
        body["NetworkingConfig"] = {"EndpointsConfig": {want.mode: {"IPAMConfig": {"IPv4Address": want.address}}}}
    return {key: value for key, value in body.items() if value}


def _host_config(want: ContainerParams) -> dict[str, Any]:
    config: dict[str, Any] = {"NetworkMode": want.mode, "Binds": list(want.volumes)}
    if want.cpus is not None and want.cpus.startswith("cpuset:"):
        config["CpusetCpus"] = want.cpus.removeprefix("cpuset:")
    elif want.cpus is not None:
        config["NanoCpus"] = int(Decimal(want.cpus) * 10**9)
    if want.memory is not None:
        config["Memory"] = memory_bytes(want.memory)
    if want.restart != "no":
        name, _, count = want.restart.partition(":")
        config["RestartPolicy"] = {"Name": name, **({"MaximumRetryCount": int(count)} if count else {})}
    return {key: value for key, value in config.items() if value}
