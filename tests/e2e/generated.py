"""Container definitions made up by a seeded generator: as varied as people write them, and such that an engine takes each."""

import random
from collections.abc import Callable, Mapping
from typing import Any

Make = Callable[[random.Random, int], Any]
LONG = (
    "sleep 1000",
    ["sleep", "1000"],
    '["sh", "-c", "sleep 1000"]',
    "sh -c 'sleep 1000; echo \"it is, done\"'",
    'sleep "1000"',
)
SHORT = (
    "true",
    "echo a,b 'c d' \"e's\"",
    '["sh","-c","echo \\"x\\" | cat; exit 3"]',
    "sh -c 'test a = \"b, c\"'",
    ["echo", "a\tb", "ü"],
    "",
)
FLAGS: tuple[Mapping[str, Any], ...] = (
    {"Tty": True, "OpenStdin": True},
    {"HostConfig": {"Ulimits": [{"Name": "nofile", "Soft": 512, "Hard": 1024}]}},
    {"HostConfig": {"CpuShares": 300, "PidsLimit": 90}},
    {"HostConfig": {"MemoryReservation": 8 << 20, "OomScoreAdj": 100}},
    {"HostConfig": {"CpuPeriod": 50000, "CpuQuota": 25000}},
    {"HostConfig": {"CpusetMems": "0", "ShmSize": 8 << 20}},
    {"HostConfig": {"Mounts": [{"Type": "volume", "Source": "gen-m", "Target": "/m"}]}},
    {"HostConfig": {"SecurityOpt": ["no-new-privileges"]}},
    {"HostConfig": {"DnsSearch": ["lan"], "GroupAdd": ["100"], "IpcMode": "private"}},
    {"CpuShares": 5, "Memory": 64 << 20, "MemorySwap": 96 << 20},
    {"Domainname": "lan", "Env": ["FLAG=x=y"], "Labels": {"flag": "1"}, "StopTimeout": 2},
    {"Volumes": {"/anonymous": {}}, "ExposedPorts": {"9/tcp": {}}},
)


def _pick(*values: Any) -> Make:
    return lambda dice, _number: dice.choice(values)


def _some(most: int, *values: str) -> Make:
    return lambda dice, _number: dice.sample(values, dice.randint(1, most))


FIELDS: Mapping[str, Make] = {
    "cpus": _pick("0.5", "1", "1.25", "2", "0-1", "cpuset:0"),
    "memory": _pick("16", "64", "100m", "65536k", "1g"),
    "restart": _pick("always", "unless-stopped", "on-failure", "on-failure:3"),
    "env": lambda dice, number: {f"V{dice.randint(0, 3)}": dice.choice(("", "a=b", "two words", '"q", \'s\'', "ü$x", str(number)))},
    "labels": lambda dice, number: {"com.example.role": dice.choice(("web", "a,b", "")), f"n{dice.randint(0, 2)}": str(number)},
    "volumes": _some(2, "/srv:/mnt:ro", "/tmp:/host-tmp", "gen-data:/data", "gen-data:/ro:ro"),
    "hostname": lambda dice, number: f"h{number}-{dice.randint(0, 9)}",
    "ports": _some(2, "80", "127.0.0.1::81", "82/udp"),
    "user": _pick("0", "1000", "1000:1000"),
    "workdir": _pick("/tmp", "/srv/app"),
    "stop_signal": _pick("SIGINT", "sigterm", "SIGKILL"),
    "init": _pick(False),
    "healthcheck": lambda dice, _number: {"test": dice.choice(("test -e /bin/sh || exit 1", ["true"], "none")),
                                          "retries": dice.randint(1, 4),
                                          **dice.choice(({}, {"interval": "2.5 s"}, {"timeout": 3, "start_period": "1 s"}))},
    "tmpfs": _some(2, "/run", "/cache:size=4m,mode=1777"),
    "cap_add": _some(2, "NET_ADMIN", "sys_time"),
    "cap_drop": _some(2, "MKNOD", "CHOWN"),
    "devices": _some(2, "/dev/null", "/dev/zero:/dev/other:r"),
    "log_driver": _pick("json-file", "none", "local"),
    "extra_hosts": lambda dice, _number: {"db": dice.choice(("10.0.0.1", "fd00::1"))},
    "dns": _some(2, "10.0.0.53", "10.0.0.54"),
    "dockerflag": lambda dice, _number: dice.choice(FLAGS),
}  # fmt: skip
AT_REST: Mapping[str, Make] = {
    "init": _pick(True, False),
    "entrypoint": _pick("/bin/sh -c", ["/bin/echo"]),
    "privileged": _pick(True),
    "sysctls": lambda dice, _number: {"net.core.somaxconn": dice.choice((256, 512))},
    "network": _pick("none", "host", "bridge", "gen0,gen1"),
    "mac": lambda dice, number: f"02:42:ac:{dice.randint(0, 255):02x}:{number >> 8:02x}:{number & 255:02x}",
}
"""What is not good for containers that run here, for want of a program, a right, or room beside others."""
LESS: Mapping[str, tuple[str, ...]] = {
    "host": ("ports", "hostname", "sysctls", "extra_hosts", "dns", "mac"),
    "none": ("ports", "mac", "dns"),
}
"""What daemons refuse, or drop, in a network."""


def definition(seed: int, number: int) -> dict[str, Any]:
    """The parameters of one container; some run."""
    dice = random.Random(f"{seed}-{number}")
    runs = number % 11 == 3
    choices = dict(FIELDS) if runs else {**FIELDS, **AT_REST}
    made: dict[str, Any] = {
        "name": f"gen{number:03}",
        "image": dice.choice(("busybox", "busybox:latest", "docker.io/library/busybox")),
    }
    made["command"] = dice.choice(LONG if runs else (*LONG, *SHORT))
    made["state"] = "running" if runs else "created"
    for field in dice.sample(sorted(choices), dice.randint(1, 7)):
        made[field] = choices[field](dice, number)
    if dice.random() < 0.5 and "network" not in made and "mac" not in made:
        made |= {
            "network": "gen0",
            "address": f"172.31.80.{number % 250 + 3}" if number < 250 else f"172.31.81.{number % 250 + 3}",
        }
    return {"stop_timeout": 0, **_taken(made)}


def changed(seed: int, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name of a field, and the definition with that field as it was not."""
    number = int(given["name"][3:])
    dice = random.Random(f"{seed}-{number}-changed")
    runs = given["state"] == "running"
    choices = dict(FIELDS) if runs else {**FIELDS, **AT_REST}
    while True:
        field = dice.choice(sorted(choices))
        if field in ("network", "mac") and "address" in given:
            continue
        value = choices[field](dice, number)
        made = _taken({**given, field: value})
        if made != given and made.get(field) != given.get(field):
            return field, made


def _taken(made: dict[str, Any]) -> dict[str, Any]:
    """Without what does not go together."""
    out = set(LESS.get(str(made.get("network")), ()))
    flags = made.get("dockerflag") or {}
    host = flags.get("HostConfig") or {}
    if "CpuQuota" in host and not str(made.get("cpus", "-")).count("-"):
        out.add("cpus")
    if made.get("memory") in ("16",) and host.get("MemoryReservation"):
        out.add("memory")
    if "Domainname" in flags and made.get("network") == "host":
        out.add("dockerflag")
    return {field: value for field, value in made.items() if field not in out}
