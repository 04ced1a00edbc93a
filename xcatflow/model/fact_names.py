"""The names of what is found out about machines, and where it is looked up. Read at every start: it imports next to nothing.

A fact is text, as attributes are; what a machine does not have it has no fact of.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from xcatflow.model.facts import Known

PREFIX = "facts."
"""What stands before a fact's name where attributes are named: `facts.kernel`."""

STANDS_IN = ("os", "arch")
"""Facts that stand in for the attribute of the same name where a definition says nothing."""

FACTS: Mapping[str, str] = MappingProxyType(
    {
        "os": "operating system and version, in the words of the attribute os: debian12, ubuntu22.04, rocky9.4",
        "os_id": "ID of os-release: debian, ubuntu, rocky, sles",
        "os_like": "ID_LIKE of os-release, with commas",
        "os_version": "the exact version: 12.5, 22.04.4, 9.4",
        "os_codename": "VERSION_CODENAME of os-release: bookworm",
        "kernel": "release of the running kernel",
        "arch": "architecture, as uname -m says it",
        "hostname": "the kernel's host name",
        "boot_id": "differs after every boot",
        "boot_time": "when it booted, UTC: 2026-11-29T15:20:04Z",
        "cpus": "CPUs that are online",
        "cpu_model": "the first CPU's model",
        "memory_mb": "memory in MiB",
        "swap_mb": "swap in MiB",
        "virtualization": "kvm, vmware, docker, lxc, ... or none",
        "vendor": "the machine's maker",
        "model": "the machine's model",
        "init": "name of process 1",
        "package_manager": "apt, dnf, yum, zypper, apk, pacman",
        "network_stack": "what manages the NIC of the default route: networkd, networkmanager, ifupdown, ... or none",
        "selinux": "enforcing or permissive; absent where it is off",
        "cgroup": "version of cgroups: 1 or 2",
        "openssl": "version of openssl",
        "perl": "yes or no",
        "python": "yes or no: is there a python3",
        "address": "address of the NIC of the default route",
        "gateway": "the default route's gateway (IPv4)",
        "nic": "NIC of the default route (IPv4)",
        "nics": "names of the NICs, with commas",
        "disks": "names of the disks, with commas",
        "root_mb": "size of the root file system in MiB",
        "root_free_mb": "what of it is free, in MiB",
        "engine": "Docker engine: running, stopped (installed, but it does not answer) or none",
        "engine_version": "the engine's version",
        "engine_api": "newest API that it speaks",
        "engine_min_api": "oldest API that it speaks",
        "engine_storage": "storage driver: overlay2",
        "engine_cgroup": "cgroup driver: systemd or cgroupfs",
        "engine_root": "the engine's data directory",
    }
)
"""Every fact with what it says."""

NUMBERS = frozenset({"cpus", "memory_mb", "swap_mb", "root_mb", "root_free_mb"})
"""Facts that are whole numbers."""


class FactSource(Protocol):
    """Where facts are looked up. Nothing is read before somebody asks."""

    def of(self, node: str) -> Mapping[str, str] | None:
        """The facts of a node by name; None where none were gathered yet. Raises InvalidInput where they cannot be read."""
        ...

    def all(self) -> Mapping[str, Mapping[str, str]]:
        """The facts of all nodes that were ever asked, by node. Raises InvalidInput."""
        ...

    def known(self, nodes: Iterable[str]) -> "Mapping[str, Known]":
        """All that is known of these nodes, with its time; those of which nothing is are left out. Raises InvalidInput."""
        ...


class NoFacts:
    """Nothing was ever gathered."""

    def of(self, node: str) -> Mapping[str, str] | None:
        del node
        return None

    def all(self) -> Mapping[str, Mapping[str, str]]:
        return {}

    def known(self, nodes: Iterable[str]) -> "Mapping[str, Known]":
        del nodes
        return {}


NO_FACTS: FactSource = NoFacts()
