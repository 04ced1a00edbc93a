"""`network.interfaces`: all that a node's nic attributes describe, as steps of their own."""

from typing import ClassVar

from pydantic import Field

from xcatflow.contract import Composite, Desk, Params, Part
from xcatflow.steps.scripts.network import confignetwork_parts


class InterfacesParams(Params):
    """Which of the node's adapters."""

    install_nic: bool = Field(
        False,
        description="The NIC that the node was installed over as well: it gets the node's `ip` as a fixed address.",
    )


class NetworkInterfaces(Composite[InterfacesParams]):
    """A `network.interface` or `network.bridge` for each adapter of `nicips`, `nictypes` and `nicdevices`, the lowest first."""

    kind = "network.interfaces"
    params: ClassVar[type[Params]] = InterfacesParams

    def parts(self, want: InterfacesParams, desk: Desk) -> tuple[Part, ...]:
        return confignetwork_parts(("-s",) if want.install_nic else (), desk)
