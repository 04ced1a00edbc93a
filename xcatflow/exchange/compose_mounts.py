"""What is mounted into a service's containers: volumes, directories of the host, memory; and devices.

Source: Compose Specification, "volumes" and "devices"; Engine API, `Binds`, `Mounts`, `Volumes`, `Devices`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from xcatflow.errors import InvalidInput
from xcatflow.exchange.compose_tree import Fields, Tree, fields, flag, items, size, text, wrong

_SORTS = ("bind", "tmpfs", "volume")
_TOLD = ("type", "source", "target", "read_only")
_ELSEWHERE = (".", "~")


@dataclass(slots=True)
class Mounts:
    """`left` are mounts that cannot be had on another machine, each with why. `volume_name` gives a volume's own name; it raises where
    there is no such volume."""

    volume_name: Callable[[str, Tree], str]
    binds: list[str] = field(default_factory=list)
    mounts: list[dict[str, Any]] = field(default_factory=list)
    anonymous: dict[str, Any] = field(default_factory=dict)
    left: list[tuple[str, str, Tree]] = field(default_factory=list)

    def read(self, tree: Tree) -> None:
        """Take in the `volumes` of a service. Raises InvalidInput."""
        for item in items(tree):
            if isinstance(item, Fields):
                self._long(item)
            else:
                self._short(text(item), item)

    @property
    def flags(self) -> dict[str, Any]:
        """The same as a create request has it."""
        host = {key: value for key, value in (("Binds", self.binds), ("Mounts", self.mounts)) if value}
        parts = {"Volumes": self.anonymous, "HostConfig": host}
        return {key: value for key, value in parts.items() if value}

    def _short(self, written: str, item: Tree) -> None:
        source, colon, rest = written.partition(":")
        target, _, mode = rest.partition(":")
        if not colon:
            self.anonymous[_absolute(source, item)] = {}
            return
        _absolute(target, item)
        self._bind(source, f"{target}:{mode}" if mode else target, written, item)

    def _bind(self, source: str, rest: str, written: str, item: Tree) -> None:
        if source.startswith(_ELSEWHERE):
            why = "it is on the compose file's own machine: copy it to the Docker host, and write an absolute path"
            self.left.append((written, why, item))
        else:
            name = source if source.startswith("/") else self.volume_name(source, item)
            self.binds.append(f"{name}:{rest}")

    def _long(self, item: Fields) -> None:
        given = {key: text(value) for key in ("type", "source", "target") if (value := item.get(key))}
        sort, source, target = given.get("type", "volume"), given.get("source", ""), given.get("target", "")
        if sort not in _SORTS:
            self.left.append((target, f'mounts of the type "{sort}" are not known here', item))
            return
        _absolute(target, item)
        read_only = bool((value := item.get("read_only")) and flag(value))
        options, modes, unknown = _options(sort, item)
        self.left += ((f'"{key}" of {target}', "a container has no such setting here", item) for key in unknown)
        if sort == "tmpfs":
            self._mount({"Type": sort, "Target": target, "TmpfsOptions": options}, read_only=read_only)
        elif source.startswith(_ELSEWHERE):
            self._bind(source, target, f"{source}:{target}", item)
        elif options is None and source:
            words = [*(["ro"] if read_only else []), *modes]
            self._bind(source, f"{target}:{','.join(words)}" if words else target, "", item)
        else:
            name = self.volume_name(source, item) if sort == "volume" and source else source
            of_sort = "VolumeOptions" if sort == "volume" else "BindOptions"
            self._mount({"Type": sort, "Source": name, "Target": target, of_sort: options}, read_only=read_only)

    def _mount(self, mount: dict[str, Any], *, read_only: bool) -> None:
        whole = {**mount, **({"ReadOnly": True} if read_only else {})}
        self.mounts.append({key: value for key, value in whole.items() if value})


def _absolute(path: str, item: Tree) -> str:
    if not path.startswith("/"):
        raise InvalidInput(f'expected an absolute path in the container, found "{path}"', item.source)
    return path


def _options(sort: str, item: Fields) -> tuple[dict[str, Any] | None, list[str], list[str]]:
    """What a mount needs beyond source, target and access, None where a bind does; the modes of such a bind; keys without a meaning."""
    below = item.get(sort)
    given = fields(below).items if below is not None else {}
    found: dict[str, Any] = {}
    modes: list[str] = []
    unknown = [key for key in item.items if key not in (*_TOLD, sort) and not key.startswith("x-")]
    plain = True
    for key, value in given.items():
        match sort, key:
            case "bind", "create_host_path":
                plain = flag(value)
            case "bind", "propagation":
                modes.append(text(value))
                found["Propagation"] = text(value)
            case "bind", "selinux":
                modes.append(text(value))
            case "volume", "nocopy":
                modes += ["nocopy"] if flag(value) else []
                found |= {"NoCopy": True} if flag(value) else {}
            case "volume", "subpath":
                plain, found["Subpath"] = False, text(value)
            case "tmpfs", "size":
                found["SizeBytes"] = size(value)
            case "tmpfs", "mode":
                found["Mode"] = _octal(value)
            case _:
                unknown.append(key)
    if not plain and "selinux" in given:
        unknown.append("selinux")
    return None if plain and sort != "tmpfs" else found, modes, unknown


def _octal(tree: Tree) -> int:
    try:
        return int(text(tree).removeprefix("0o"), 8)
    except ValueError:
        raise wrong("an octal mode such as 0755", tree) from None


def devices(tree: Tree) -> dict[str, Any]:
    """`devices` as a create request has them: devices of the host, and such as a runtime finds by their kind."""
    found: list[dict[str, str]] = []
    kinds: list[str] = []
    for item in items(tree):
        if isinstance(item, Fields):
            given = {key: text(value) for key in ("source", "target", "permissions") if (value := item.get(key))}
            parts = [given.get("source", ""), given.get("target", ""), given.get("permissions", "")]
        else:
            parts = text(item).split(":")
        source, target, rights = (*parts, "", "")[:3]
        if source.startswith("/"):
            found.append(
                {"PathOnHost": source, "PathInContainer": target or source, "CgroupPermissions": rights or "rwm"}
            )
        elif "=" in source:
            kinds.append(":".join(part for part in parts if part))
        else:
            raise wrong("a device such as /dev/ttyUSB0:/dev/ttyUSB0", item)
    requests = [{"Driver": "cdi", "DeviceIDs": kinds}] if kinds else []
    return {key: value for key, value in (("Devices", found), ("DeviceRequests", requests)) if value}
