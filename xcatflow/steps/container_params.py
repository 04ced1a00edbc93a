"""What `docker.container` may be told."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from xcatflow.model.duration import Duration
from xcatflow.model.values import macs_of
from xcatflow.steps import container_forms as forms
from xcatflow.steps.container_flags import check_flags, check_labels, read_flags
from xcatflow.steps.given import LenientParams
from xcatflow.steps.reference import check_reference

State = Literal["created", "running", "stopped", "paused", "absent"]

_DEFAULTS = ("", "default", "bridge")


class ContainerParams(LenientParams):
    """One container. What is left out is the daemon's or the image's own choice."""

    name: Annotated[str, AfterValidator(forms.check_name)] = Field(description="The container.")
    image: Annotated[str, AfterValidator(check_reference)] | None = Field(
        None, description="The image it is made of, such as `debian:12`; needed unless `state` is `absent`."
    )
    command: Annotated[tuple[str, ...], BeforeValidator(forms.read_command, json_schema_input_type=str | list[str])] = (
        Field(
            (),
            description="What runs in it: words, or text that is split like a shell does (quotes count, nothing is expanded).",
        )
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
    network: Annotated[
        tuple[str, ...],
        BeforeValidator(forms.read_list, json_schema_input_type=str | list[str]),
        AfterValidator(forms.check_networks),
    ] = Field(
        (),
        description="`none`, `host`, `bridge`, or Docker networks, the main one first: a list, or text with commas. Left out: the daemon's "
        "default network.",
    )
    address: Annotated[str, AfterValidator(forms.check_address)] | None = Field(
        None, description="A fixed IPv4 address in its main network, which must be a Docker network with a subnet."
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
    volumes: Annotated[
        tuple[str, ...],
        BeforeValidator(forms.read_volumes, json_schema_input_type=str | list[str]),
        AfterValidator(forms.check_volumes),
    ] = Field(
        (),
        description="Directories of the host and named volumes in it: `/on/host:/in/container`, `name:/in/container:ro`.",
    )
    hostname: Annotated[str, AfterValidator(forms.check_hostname)] | None = Field(
        None, description="Its host name. Left out: Docker's choice."
    )
    state: State = Field(
        "running",
        description="`running`, `paused`, `stopped` (there, and not running), `created` (there, running or not), `absent`.",
    )
    adopt: bool = Field(
        False,
        description="Take over a container of this name that xcatflow did not make; it is replaced, as labels cannot be added.",
    )
    stop_timeout: Duration = Field(
        10.0, description="How long it may take to stop before it is killed, such as `30 s`."
    )

    @model_validator(mode="after")
    def _fits(self) -> "ContainerParams":
        if self.image is None and self.state != "absent":
            raise ValueError(f'"image" is missing: the container "{self.name}" is made of one')
        if self.mac is not None and self.own_mac is None:
            raise ValueError(f'"mac" names no address for "{self.name}", found "{self.mac}"')
        found = f'"{self.mode}"' if self.mode else "the daemon's default"
        if self.mac is not None and not self.adapter:
            raise ValueError(
                f'a "mac" needs a "network" with an adapter, found {found if self.networked else "NetworkDisabled"}'
            )
        if self.address is not None and not (self.adapter and self.mode not in _DEFAULTS):
            raise ValueError(
                f'a fixed "address" needs a Docker network with a subnet of its own as "network", '
                f"found {found if self.networked else 'NetworkDisabled'}"
            )
        return self

    @property
    def mode(self) -> str:
        """The main network, as the create request names it; empty for the daemon's default."""
        return str(self.dockerflag.get("HostConfig", {}).get("NetworkMode") or next(iter(self.network), ""))

    @property
    def networked(self) -> bool:
        """False where the flags switch Docker's networking off."""
        return self.dockerflag.get("NetworkDisabled") is not True

    @property
    def adapter(self) -> bool:
        """Has it a network adapter of its own that Docker makes?"""
        return self.networked and self.mode not in ("none", "host") and not self.mode.startswith("container:")

    @property
    def further(self) -> tuple[str, ...]:
        """Networks that the container is connected to after its creation."""
        return self.network[1:] if self.networked else ()

    @property
    def own_mac(self) -> str | None:
        """The MAC address for this container."""
        pairs = macs_of(self.mac) if self.mac is not None else ()
        return next((address for address, name in pairs if name in ("", self.name)), None)
