"""`network.interface`: a NIC, a bond or a VLAN with addresses of its own; changed as carefully as a bridge, and kept by the same means."""

from typing import ClassVar

from xcatflow.contract import Params
from xcatflow.steps.network_bridge import NetworkStep
from xcatflow.steps.networks.want import InterfaceParams


class NetworkInterface(NetworkStep):
    """The topmost link is no bridge."""

    kind = "network.interface"
    params: ClassVar[type[Params]] = InterfaceParams
