"""What `docker.container` may be told."""

from typing import Literal

from pydantic import Field, model_validator

from xcatflow.model.duration import Duration
from xcatflow.model.values import macs_of
from xcatflow.steps.containers.health import HealthParams
from xcatflow.steps.containers.options import ContainerOptions

State = Literal["created", "running", "stopped", "paused", "absent"]

DEFAULTS = ("", "default", "bridge")
"""How the daemon's own network is called: it gives no fixed addresses."""


class ContainerParams(ContainerOptions):
    """One container. What is left out is the daemon's or the image's own choice."""

    state: State = Field(
        "running",
        description="`running`, `paused`, `stopped` (there, and not running), `created` (there, running or not), `absent`.",
    )
    health: HealthParams | None = Field(
        None,
        description="What has to be well before a container counts as started, and before a replaced one is removed; `{}`: its own health "
        "check where it has one, otherwise that it stays up.",
    )
    inspect: bool = Field(
        False,
        description="Compare limits and restart policy with what the daemon really has, each time: finds what was changed by hand. Costs a "
        "request for each container.",
    )
    adopt: bool = Field(
        False,
        description="Take over a container of this name that xcatflow did not make; it is replaced, as labels cannot be added.",
    )
    fresh_volumes: bool = Field(
        False,
        description="When the container is replaced, leave behind its volumes that have no name, and begin with empty ones; otherwise the "
        "new one gets them.",
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
        found = found if self.networked else "NetworkDisabled"
        if self.mac is not None and not self.adapter:
            raise ValueError(f'a "mac" needs a "network" with an adapter, found {found}')
        for name in ("address", "address6"):
            if getattr(self, name) is not None and not self.own_network:
                raise ValueError(
                    f'a fixed "{name}" needs a Docker network with a subnet of its own as "network", found {found}'
                )
        if self.log_options and self.log_driver is None:
            raise ValueError('"log_options" are options of a "log_driver", which is missing')
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
    def own_network(self) -> bool:
        """Is its main network one that somebody made, and so can give fixed addresses?"""
        return self.adapter and self.mode not in DEFAULTS

    @property
    def main(self) -> str:
        """The main network by the name that the daemon lists it by; empty where there is none of Docker's."""
        return ("bridge" if self.mode in DEFAULTS else self.mode) if self.adapter else ""

    @property
    def further(self) -> tuple[str, ...]:
        """Networks that the container is connected to after its creation."""
        return self.network[1:] if self.networked else ()

    @property
    def fixed_address(self) -> str | None:
        """The IPv4 address that it has in its main network."""
        return self.address or self._own_ip(":" not in (self.ip or ""))

    @property
    def fixed_address6(self) -> str | None:
        """The IPv6 address that it has in its main network."""
        return self.address6 or self._own_ip(":" in (self.ip or ""))

    @property
    def own_mac(self) -> str | None:
        """The MAC address for this container."""
        pairs = macs_of(self.mac) if self.mac is not None else ()
        return next((address for address, name in pairs if name in ("", self.name)), None)

    def _own_ip(self, fits: bool) -> str | None:
        return self.ip if fits and self.own_network else None
