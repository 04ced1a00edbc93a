"""Labs as values, for tests."""

from xcatflow.lab.state import Host, Lab, Node

EMPTY = Lab("0123abcd", True, "/run/x/docker.sock", "10.77.3.0/24")
SMALL = Lab(
    "0123abcd",
    True,
    "/run/x/docker.sock",
    "10.77.3.0/24",
    "xcatflow-lab-host:1",
    (Host("host01", "10.77.3.11"), Host("host02", "10.77.3.12")),
    (Node("host01c01", "host01", "10.77.3.101"), Node("host02c01", "host02", "10.77.3.102")),
)
