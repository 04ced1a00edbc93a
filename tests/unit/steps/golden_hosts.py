"""What was seen on a host, as golden cases write it: users, keys, kernel settings, mounts, time, packet filter, starts."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from xcatflow.model.question import FileFacts, UnitFacts
from xcatflow.steps.firewall import FirewallFacts
from xcatflow.steps.firewall_script import UNIT_TEXT, ruleset
from xcatflow.steps.kernel_module import ModuleFacts
from xcatflow.steps.key_lines import KeyFile
from xcatflow.steps.mount import MountFacts
from xcatflow.steps.ntp import NtpFacts
from xcatflow.steps.ntp_files import SERVICES
from xcatflow.steps.reboot import Boot
from xcatflow.steps.sysctl import Setting
from xcatflow.steps.timezone import ZoneFacts
from xcatflow.steps.user_present import UserFacts


def file(text: str | None, *, shown: bool = True) -> FileFacts | None:
    """A file of this text, None for none; its content came back where `shown`."""
    if text is None:
        return None
    data = text.encode()
    digest = sha256(data).hexdigest()
    return FileFacts("file", 0o644, "root", "root", len(data), digest, data if shown else None, uid=0, gid=0)


def user(data: Mapping[str, Any]) -> UserFacts:
    usual = {
        "uid": 1000,
        "gid": 1000,
        "group": "ops",
        "groups": ["ops"],
        "comment": "",
        "home": "/home/ops",
        "shell": "/bin/sh",
    }
    given = {**usual, **data}
    password = data.get("password")
    return UserFacts(
        **{
            **given,
            "groups": tuple(given["groups"]),
            "password": sha256(password.encode()).hexdigest() if password else "",
        }
    )


def keys(data: Mapping[str, Any]) -> KeyFile:
    lines = data.get("lines")
    content = None if lines is None else "".join(f"{line}\n" for line in lines).encode()
    return KeyFile(content, data.get("rights", ""), tuple(data.get("ways_in", ())))


def mounted(data: Mapping[str, Any]) -> MountFacts:
    src = data.get("mounted")
    return MountFacts(
        src,
        data.get("fstype", ""),
        frozenset(data.get("flags", "").split(",")),
        data.get("real", src or ""),
        data.get("wanted", ""),
        file(data.get("fstab")),
        data.get("there", True),
    )


def time_service(data: Mapping[str, Any]) -> NtpFacts:
    unit = data.get("unit")
    if unit is None:
        return NtpFacts(None)
    service = next(each for each in SERVICES if each.unit == unit)
    return NtpFacts(service, UnitFacts("loaded", "active", data.get("enabled", "enabled")), file(data.get("text")))


def rules(data: Mapping[str, Any]) -> FirewallFacts:
    """`rules` are (ports, networks) that our files and table are made of."""
    made = data.get("rules")
    rest = {key: value for key, value in data.items() if key != "rules"}
    if made is None:
        return FirewallFacts(**{"nft": True, **rest})
    text = ruleset(*made)
    usual = {"nft": True, "live": "a", "made": "a", "enabled": True, "rules": file(text), "unit": file(UNIT_TEXT)}
    return FirewallFacts(**{**usual, **rest})


HOST_KINDS: Mapping[str, Callable[[Any], Any]] = {
    "user.present": user,
    "authorized_key": keys,
    "sysctl": lambda data: Setting(data.get("live"), file(data.get("file"), shown=data.get("differs", False))),
    "kernel.module": lambda data: ModuleFacts(
        data["state"], "6.1.0-13-amd64", tuple(file(text, shown=False) for text in data.get("files", (None, None)))
    ),
    "mount": mounted,
    "timezone": lambda data: ZoneFacts(**data),
    "ntp": time_service,
    "firewall": rules,
    "reboot": lambda data: Boot(data.get("id", "a:1"), tuple(data.get("reasons", ()))),
}
