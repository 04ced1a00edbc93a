"""What a container is made of, as `docker.container` may be told: image, command, limits, networks and the like."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from xcatflow.model.image import check_reference
from xcatflow.steps.containers import forms
from xcatflow.steps.containers.flags import check_flags, check_labels, read_flags
from xcatflow.steps.given import LenientParams

Words = Annotated[tuple[str, ...], BeforeValidator(forms.read_command, json_schema_input_type=str | list[str])]
Entries = Annotated[tuple[str, ...], BeforeValidator(forms.read_list, json_schema_input_type=str | list[str])]
Lines = Annotated[tuple[str, ...], BeforeValidator(forms.read_lines, json_schema_input_type=str | list[str])]


class ContainerSettings(LenientParams):
    """What xCAT's attributes can say, and what goes with it."""

    name: Annotated[str, AfterValidator(forms.check_name)] = Field(description="The container.")
    image: Annotated[str, AfterValidator(check_reference)] | None = Field(
        None, description="The image it is made of, such as `debian:12`; needed unless `state` is `absent`."
    )
    command: Words = Field(
        (),
        description="What runs in it: words, or text that is split like a shell does (quotes count, nothing is expanded).",
    )
    dockerflag: Annotated[
        dict[str, Any],
        BeforeValidator(read_flags, json_schema_input_type=str | dict[str, Any]),
        AfterValidator(check_flags),
    ] = Field(
        default_factory=dict,
        description="A JSON object, merged into the Engine API's create request and stronger than the other parameters, except for "
        "`image` and `command`.",
    )
    cpus: Annotated[str, AfterValidator(forms.read_cpus)] | None = Field(
        None, description="A number of CPUs (`1.5`), or the CPUs themselves (`0-3`, `0,2`, `cpuset:1`)."
    )
    memory: Annotated[str, AfterValidator(forms.read_memory)] | None = Field(
        None, description="The most memory it may use: megabytes, or a size with `k`, `m` or `g`."
    )
    mac: Annotated[str, AfterValidator(forms.check_mac)] | None = Field(
        None, description="The MAC address of its adapter; of several (`MAC!NAME|MAC!NAME`) the one for this name."
    )
    network: Annotated[Entries, AfterValidator(forms.check_networks)] = Field(
        (),
        description="`none`, `host`, `bridge`, or Docker networks, the main one first: a list, or text with commas. Left out: the daemon's "
        "default network.",
    )
    address: Annotated[str, AfterValidator(forms.check_address)] | None = Field(
        None, description="A fixed IPv4 address in its main network, which must be a Docker network with a subnet."
    )
    address6: Annotated[str, AfterValidator(forms.check_address6)] | None = Field(
        None,
        description="A fixed IPv6 address in its main network, which must be a Docker network with an IPv6 subnet.",
    )
    ip: Annotated[str, AfterValidator(forms.check_any_address)] | None = Field(
        None,
        description="The node's own address: fixed as with `address` (`address6`) where the main network is a Docker network with a subnet "
        "of its own; without effect elsewhere, and beside `address`.",
    )
    restart: Annotated[str, BeforeValidator(forms.read_restart, json_schema_input_type=str)] = Field(
        "no",
        description="When the daemon starts it again by itself: `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:N`.",
    )
    labels: Annotated[dict[str, str], AfterValidator(check_labels)] = Field(
        default_factory=dict, description="Labels of the container."
    )
    env: Annotated[
        dict[str, str],
        BeforeValidator(forms.read_environment, json_schema_input_type=dict[str, str] | list[str]),
        AfterValidator(forms.check_environment),
    ] = Field(
        default_factory=dict,
        description="Its environment: a mapping, or a list of `NAME=value`. Plans show names only.",
    )
    volumes: Annotated[Lines, AfterValidator(forms.check_volumes)] = Field(
        (),
        description="Directories of the host and named volumes in it: `/on/host:/in/container`, `name:/in/container:ro`.",
    )
    hostname: Annotated[str, AfterValidator(forms.check_hostname)] | None = Field(
        None, description="Its host name. Left out: Docker's choice."
    )
