"""More of what a container is made of: what people know from `docker run` and compose files."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from xcatflow.steps.containers import forms
from xcatflow.steps.containers import ports as published
from xcatflow.steps.containers.health import HealthcheckParams
from xcatflow.steps.containers.settings import ContainerSettings, Entries, Lines, Words


class ContainerOptions(ContainerSettings):
    """All that a container is made of."""

    ports: Annotated[Entries, AfterValidator(published.check_ports)] = Field(
        (),
        description="Ports of the host that lead into it: `8080:80`, `127.0.0.1:8080:80`, `53:53/udp`; `80` alone gets a port of the "
        "daemon's choice.",
    )
    entrypoint: Words = Field((), description="What runs in it before `command`, instead of the image's: as `command`.")
    user: Annotated[str, AfterValidator(forms.check_user)] | None = Field(
        None, description="Who runs it: `name`, `1000`, `name:group`."
    )
    workdir: Annotated[str, AfterValidator(forms.check_directory)] | None = Field(
        None, description="The directory that it runs in."
    )
    stop_signal: Annotated[str, AfterValidator(forms.check_signal)] | None = Field(
        None, description="The signal that tells it to stop, such as `SIGRTMIN+3`."
    )
    init: bool | None = Field(
        None, description="Run a small init in it, which reaps processes; left out: the daemon's choice."
    )
    healthcheck: HealthcheckParams | None = Field(
        None, description="How the daemon looks whether it is healthy, instead of the image's own check."
    )
    tmpfs: Annotated[Lines, AfterValidator(published.check_tmpfs)] = Field(
        (), description="Directories in memory: `/run`, `/tmp:size=64m`."
    )
    privileged: bool = Field(False, description="May it do on the host whatever root may?")
    cap_add: Annotated[Entries, AfterValidator(forms.check_capabilities)] = Field(
        (), description="Capabilities it has beside the usual ones, such as `NET_ADMIN`."
    )
    cap_drop: Annotated[Entries, AfterValidator(forms.check_capabilities)] = Field(
        (), description="Capabilities it has not."
    )
    devices: Annotated[Entries, AfterValidator(published.check_devices)] = Field(
        (), description="Devices of the host: `/dev/ttyS0`, `/dev/on/host:/dev/in/container:rw`."
    )
    sysctls: dict[str, str] = Field(default_factory=dict, description="Settings of its kernel namespaces.")
    log_driver: str | None = Field(
        None, description="Where its output goes: `json-file`, `journald`, `none` and others."
    )
    log_options: dict[str, str] = Field(default_factory=dict, description="Options of that, such as `max-size: 10m`.")
    extra_hosts: Annotated[
        tuple[str, ...],
        BeforeValidator(published.read_hosts, json_schema_input_type=str | list[str] | dict[str, str]),
        AfterValidator(published.check_hosts),
    ] = Field((), description="More names in its `/etc/hosts`: a mapping to addresses, or a list of `name:address`.")
    dns: Annotated[Entries, AfterValidator(published.check_addresses)] = Field(
        (), description="The name servers it asks."
    )
