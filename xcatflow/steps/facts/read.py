"""What the answer of `facts_look` says, as facts. Pure.

Source: os-release(5); proc(5) on meminfo, swaps, mountinfo and net/route; the kernel's Documentation/ABI on /sys/class/net and /sys/block,
whose sizes are in sectors of 512 bytes; Engine API, `GET /version` and `GET /info`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any

from xcatflow.errors import CannotTell
from xcatflow.model.facts import MachineFacts, Nic
from xcatflow.model.links import chapters
from xcatflow.model.question import Reply
from xcatflow.steps.facts.disks import disks
from xcatflow.steps.facts.look import TOOLS

Files = Mapping[str, tuple[str, ...]]
"""Lines by path."""

_MANAGERS = {"apt-get": "apt"}
_PREFIXES = {"almalinux": "alma", "rhel": "rhels"}
"""How xCAT calls what calls itself otherwise."""
_REDHAT = re.compile(r"(\w+).* release ([0-9.]+)")
_MAKERS = (
    ("QEMU", "kvm"),
    ("KVM", "kvm"),
    ("VMware", "vmware"),
    ("innotek", "oracle"),
    ("Microsoft", "microsoft"),
    ("Xen", "xen"),
    ("Amazon", "amazon"),
)
_BIG_ENDIAN = ("s390x", "ppc64", "ppc")
_VERSION = re.compile(r"[0-9][^\s,]*")


def facts(reply: Reply) -> MachineFacts:
    """The facts of a machine. Raises CannotTell."""
    parts = chapters(reply.text)
    files = _files(parts.get("files", ""))
    if not _first(files, "/proc/sys/kernel/osrelease"):
        reason = (reply.complaint or "it gave no kernel release").splitlines()[0]
        raise CannotTell(f"cannot gather facts: {reason}")
    addresses = _addresses(parts.get("addresses", ""), told="ip" in parts.get("tools", "").split())
    nics = _nics(files, addresses)
    there = disks(files, parts.get("mounts", ""), parts.get("below", ""))
    values = {
        **_system(files),
        **_hardware(files, parts),
        **_software(files, parts),
        **_network(files, nics, parts.get("arch", "")),
        **_engine(parts),
        "nics": ",".join(nic.name for nic in nics),
        "disks": ",".join(disk.name for disk in there),
    }
    return MachineFacts({name: value for name, value in values.items() if value}, there, nics)


def _files(text: str) -> Files:
    """The lines of `grep -H`, by file."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        path, _, content = line.partition(":")
        found.setdefault(path, []).append(content)
    return {path: tuple(lines) for path, lines in found.items()}


def _first(files: Files, path: str) -> str:
    return files.get(path, ("",))[0].strip("\0 \t")


def _system(files: Files) -> dict[str, str]:
    release = _assignments(files.get("/etc/os-release") or files.get("/usr/lib/os-release") or ())
    name, version = release.get("ID", ""), release.get("VERSION_ID", "")
    if not name and (found := _REDHAT.match(_first(files, "/etc/redhat-release"))):
        name, version = found[1].lower(), found[2]
    stream = "-stream" if name == "centos" and "Stream" in release.get("NAME", "") else ""
    return {
        "os": f"{_PREFIXES.get(name, name)}{stream}{version}",
        "os_id": name,
        "os_like": ",".join(release.get("ID_LIKE", "").split()),
        "os_version": _exact(name, version, release, files),
        "os_codename": release.get("VERSION_CODENAME", ""),
        "kernel": _first(files, "/proc/sys/kernel/osrelease"),
        "hostname": _first(files, "/proc/sys/kernel/hostname"),
        "boot_id": _first(files, "/proc/sys/kernel/random/boot_id"),
        "init": _first(files, "/proc/1/comm"),
    }


def _exact(name: str, version: str, release: Mapping[str, str], files: Files) -> str:
    """The version with its point release, which VERSION_ID of some leaves out."""
    point = {"debian": _first(files, "/etc/debian_version"), "ubuntu": release.get("VERSION", "").partition(" ")[0]}
    exact = point.get(name, "")
    return exact if version and exact.startswith(f"{version}.") else version


def _hardware(files: Files, parts: Mapping[str, str]) -> dict[str, str]:
    cpu = _colons(parts.get("cpu", "").splitlines())
    memory = _colons(files.get("/proc/meminfo", ()))
    space = parts.get("space", "").splitlines()[-1:] or [""]
    size, free = _space(space[0].split())
    return {
        "arch": parts.get("arch", ""),
        "cpus": str(_count(_first(files, "/sys/devices/system/cpu/online")) or ""),
        "cpu_model": next((cpu[name] for name in ("model name", "cpu", "Processor", "cpu model") if name in cpu), ""),
        "memory_mb": _mib(memory.get("MemTotal", "")),
        "swap_mb": _mib(memory.get("SwapTotal", "")),
        "root_mb": size,
        "root_free_mb": free,
        "virtualization": parts.get("virtualization", "") or _guessed(files, cpu),
        "vendor": _first(files, "/sys/class/dmi/id/sys_vendor"),
        "model": _first(files, "/sys/class/dmi/id/product_name") or _first(files, "/proc/device-tree/model"),
        "boot_time": _time(parts.get("booted", "")),
    }


def _software(files: Files, parts: Mapping[str, str]) -> dict[str, str]:
    tools = parts.get("tools", "").split()
    managers = [tool for tool in TOOLS[:6] if tool in tools]
    enforcing = {"1": "enforcing", "0": "permissive"}
    openssl = _VERSION.search(parts.get("openssl", ""))
    return {
        "package_manager": _MANAGERS.get(managers[0], managers[0]) if managers else "",
        "network_stack": parts.get("stack", ""),
        "selinux": enforcing.get(_first(files, "/sys/fs/selinux/enforce"), ""),
        "cgroup": "2" if "/sys/fs/cgroup/cgroup.controllers" in files else "1",
        "openssl": openssl[0] if openssl else "",
        "perl": "yes" if "perl" in tools else "no",
        "python": "yes" if "python3" in tools else "no",
    }


def _engine(parts: Mapping[str, str]) -> dict[str, str]:
    """What is known of the engine. Raises CannotTell where it answers with what is no JSON."""
    if "version" not in parts:
        found = _VERSION.search(parts.get("dockerd", ""))
        return {"engine": "stopped" if "dockerd" in parts else "none", "engine_version": found[0] if found else ""}
    try:
        version, info = json.loads(parts["version"]), json.loads(parts.get("info") or "{}")
    except ValueError:
        raise CannotTell("cannot gather facts: docker gave no JSON") from None
    return {
        "engine": "running",
        "engine_version": _text(version, "Version"),
        "engine_api": _text(version, "ApiVersion", "APIVersion"),
        "engine_min_api": _text(version, "MinAPIVersion"),
        "engine_storage": _text(info, "Driver"),
        "engine_cgroup": _text(info, "CgroupDriver"),
        "engine_root": _text(info, "DockerRootDir"),
    }


def _network(files: Files, nics: Iterable[Nic], arch: str) -> dict[str, str]:
    rows = [line.split() for line in files.get("/proc/net/route", ())]
    route = next((row for row in rows if len(row) > 2 and row[1] == "00000000"), None)
    if route is None:
        return {}
    name = route[0]
    mine = next((nic.addresses for nic in nics if nic.name == name), None) or ()
    # The kernel prints the number as the machine's own byte order makes it.
    gateway = IPv4Address(bytes.fromhex(route[2])[:: 1 if arch in _BIG_ENDIAN else -1])
    return {
        "nic": name,
        "gateway": "" if gateway == IPv4Address(0) else str(gateway),
        "address": next((address.partition("/")[0] for address in mine if ":" not in address), ""),
    }


def _nics(files: Files, addresses: Mapping[str, tuple[str, ...]] | None) -> tuple[Nic, ...]:
    found = []
    for path in files:
        place, _, name = path.rpartition("/")
        if name != "operstate" or not place.startswith("/sys/class/net/"):
            continue
        link = place.rpartition("/")[2]
        speed = _number(_first(files, f"{place}/speed"))
        found.append(
            Nic(
                link,
                mac=_first(files, f"{place}/address"),
                kind=_assignments(files.get(f"{place}/uevent", ())).get("DEVTYPE", "ethernet"),
                state=_first(files, path),
                mtu=_number(_first(files, f"{place}/mtu")),
                speed_mbit=speed if speed > 0 else None,
                driver=_assignments(files.get(f"{place}/device/uevent", ())).get("DRIVER", ""),
                addresses=None if addresses is None else addresses.get(link, ()),
            )
        )
    return tuple(found)


def _addresses(text: str, *, told: bool) -> dict[str, tuple[str, ...]] | None:
    """Addresses by interface, from `ip -o addr`; None where there is no `ip`."""
    if not told:
        return None
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) > 3 and words[2] in ("inet", "inet6"):
            link = words[1].partition("@")[0]
            found[link] = (*found.get(link, ()), words[3])
    return found


def _guessed(files: Files, cpu: Mapping[str, str]) -> str:
    """What a machine without systemd says of being virtual."""
    if kind := _first(files, "/sys/hypervisor/type"):
        return kind
    if "hypervisor" not in cpu.get("flags", "").split():
        return "none"
    maker = _first(files, "/sys/class/dmi/id/sys_vendor")
    return next((name for begin, name in _MAKERS if begin in maker), "other")


def _assignments(lines: Iterable[str]) -> dict[str, str]:
    """NAME=value, values perhaps in quotes."""
    pairs = (line.strip().partition("=") for line in lines if not line.startswith("#"))
    return {name: value.strip("\"'") for name, equals, value in pairs if equals}


def _colons(lines: Iterable[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _count(ranges: str) -> int:
    """How many numbers `0-3,8` has."""
    total = 0
    for part in ranges.split(","):
        first, dash, last = part.partition("-")
        total += _number(last) - _number(first) + 1 if dash else bool(first)
    return total


def _mib(text: str) -> str:
    """MiB of `123 kB`."""
    return str(_number(text.split()[0]) // 1024) if text else ""


def _space(words: list[str]) -> tuple[str, str]:
    """Size and free space in MiB, from a line of `df -Pk`."""
    if len(words) < 6 or not words[1].isdigit():
        return "", ""
    return str(int(words[1]) // 1024), str(_number(words[3]) // 1024)


def _number(text: str) -> int:
    return int(text) if text.lstrip("-").isdigit() else 0


def _time(seconds: str) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds.isdigit() else ""


def _text(data: Any, *names: str) -> str:
    found = data if isinstance(data, dict) else {}
    return str(next((found[name] for name in names if found.get(name)), ""))
