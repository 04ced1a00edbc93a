"""What of a container is neither the image's nor the daemon's choice: the `dockerflag` that makes another container like it.

Source: Engine API 1.24 to 1.47, `GET /containers/NAME/json` and `POST /containers/create`; what an engine 20.10 to 27 fills in by itself
(merging of image and container configuration, defaults of HostConfig).
"""

from collections.abc import Mapping
from typing import Any

OURS = "xcatflow."

_OF_IMAGE = ("User", "WorkingDir", "StopSignal", "Healthcheck", "Shell")
_PLAIN = ("Domainname", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce")
_MAPS = ("ExposedPorts", "Volumes", "Labels")
_SPOKEN = ("Memory", "NanoCpus", "CpusetCpus", "NetworkMode", "RestartPolicy", "Links", "LogConfig")
_NOT_THEIRS = ("ConsoleSize", "ContainerIDFile")
"""Traces of the program that made the container: its window, and a file that it wrote."""
_ZERO_COUNTS = ("MemorySwappiness", "Init")
"""Values that say something when they are zero or false."""
_HIDDEN = "acpi asound interrupts kcore keys latency_stats sched_debug scsi timer_list timer_stats"
_MASKED = frozenset((*(f"/proc/{name}" for name in _HIDDEN.split()), "/sys/firmware", "/sys/devices/virtual/powercap"))
_READ_ONLY = frozenset(("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/proc/asound"))
_SHM_BYTES = 64 << 20


def flags_of(facts: Mapping[str, Any], image: Mapping[str, Any], daemon: Mapping[str, Any]) -> dict[str, Any]:
    """The flags for a container as inspected, the configuration of its image, and the daemon's `/info`; what definitions have
    attributes for, and networks, are not among them."""
    flags = _configuration(facts, image, daemon)
    if host := _host_configuration(facts.get("HostConfig") or {}, daemon):
        flags["HostConfig"] = host
    return flags


def _configuration(facts: Mapping[str, Any], image: Mapping[str, Any], daemon: Mapping[str, Any]) -> dict[str, Any]:
    own: Mapping[str, Any] = facts.get("Config") or {}
    flags = {name: own[name] for name in _PLAIN if own.get(name)}
    flags |= {name: own[name] for name in _OF_IMAGE if own.get(name) and own[name] != image.get(name)}
    if image.get("Healthcheck") and not own.get("Healthcheck"):
        flags["Healthcheck"] = {"Test": ["NONE"]}
    if env := [entry for entry in own.get("Env") or () if entry not in (image.get("Env") or ())]:
        flags["Env"] = env
    for name in _MAPS:
        theirs = image.get(name) or {}
        found = {key: value for key, value in (own.get(name) or {}).items() if theirs.get(key, _ABSENT) != value}
        if name == "Labels":
            found = {key: value for key, value in found.items() if not key.startswith(OURS)}
        if found:
            flags[name] = found
    if own.get("StopTimeout") is not None:
        flags["StopTimeout"] = own["StopTimeout"]
    hostname = str(own.get("Hostname") or "")
    if hostname and hostname != str(facts.get("Id", ""))[:12] and not _borrowed(hostname, facts, daemon):
        flags["Hostname"] = hostname
    if own.get("NetworkDisabled"):
        flags["NetworkDisabled"] = True
    entrypoint, theirs = own.get("Entrypoint") or None, image.get("Entrypoint") or None
    if entrypoint != theirs or (entrypoint and not own.get("Cmd") and image.get("Cmd")):
        # An empty word takes the image's away.
        flags["Entrypoint"] = entrypoint or [""]
    return flags


_ABSENT = object()


def _borrowed(hostname: str, facts: Mapping[str, Any], daemon: Mapping[str, Any]) -> bool:
    """Is it the name of the machine, or of another container, whose network this one is in?"""
    mode = str((facts.get("HostConfig") or {}).get("NetworkMode", ""))
    return mode.startswith("container:") or (mode == "host" and hostname == daemon.get("Name"))


def _host_configuration(host: Mapping[str, Any], daemon: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        name: value
        for name, value in host.items()
        if name not in (*_SPOKEN, *_NOT_THEIRS, "MaskedPaths", "ReadonlyPaths")
        and not _is_default(name, value, host, daemon)
    }
    policy = host.get("RestartPolicy") or {}
    if policy.get("Name") not in (None, "", "no"):
        found["RestartPolicy"] = {name: value for name, value in policy.items() if value}
    log = host.get("LogConfig") or {}
    if log.get("Type") and (log["Type"] != daemon.get("LoggingDriver", "json-file") or log.get("Config")):
        found["LogConfig"] = {name: value for name, value in log.items() if value}
    if links := host.get("Links"):
        found["Links"] = [_link(text) for text in links]
    if not host.get("Privileged"):
        found |= _paths(host)
    return found


def _paths(host: Mapping[str, Any]) -> dict[str, Any]:
    """Paths hidden from or locked for the container, where they are not the engine's own list."""
    found: dict[str, Any] = {}
    for name, usual in (("MaskedPaths", _MASKED), ("ReadonlyPaths", _READ_ONLY)):
        paths = host.get(name)
        if paths is not None and (not paths or not set(paths) <= usual):
            found[name] = paths
    return found


def _is_default(name: str, value: Any, host: Mapping[str, Any], daemon: Mapping[str, Any]) -> bool:
    if value is None or (not value and name not in _ZERO_COUNTS):
        return True
    match name:
        case "MemorySwap":
            return bool(value == 2 * host.get("Memory", 0))
        case "ShmSize":
            return bool(value == _SHM_BYTES)
        case "IpcMode":
            return value in ("private", "shareable") and value == daemon.get("DefaultIpcMode", "private")
        case "CgroupnsMode":
            return bool(value == ("host" if daemon.get("CgroupVersion") == "1" else "private"))
        case "Runtime":
            return bool(value == daemon.get("DefaultRuntime", "runc"))
        case "Isolation":
            return bool(value == "default")
        case "PidsLimit" | "MemorySwappiness":
            return bool(value == -1)
        case "SecurityOpt":
            return bool(host.get("Privileged")) and value == ["label=disable"]
    return False


def _link(text: str) -> str:
    """`/other:/name/alias` as a create request has it."""
    target, _, alias = text.partition(":")
    return f"{target.removeprefix('/')}:{alias.rpartition('/')[2]}"
