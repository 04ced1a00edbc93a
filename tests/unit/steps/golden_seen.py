"""What was seen, from the plain data of golden cases, for kinds whose states have more than one part."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from xcatflow.model.container_links import ContainerLinkFacts, LinkEndFacts, NeighbourFacts
from xcatflow.model.question import CertificateFacts, ContainerFacts, FileFacts, UnitFacts
from xcatflow.steps.container_address import Place
from xcatflow.steps.containers.keeper import Kept
from xcatflow.steps.containers.keeper_script import PROGRAM_SHA256, UNIT_SHA256
from xcatflow.steps.daemons.config import CONFIG
from xcatflow.steps.daemons.info import EngineInfo, Running
from xcatflow.steps.daemons.look import DaemonState
from xcatflow.steps.docker_tls import EngineTls
from xcatflow.steps.tls_host_certificate import HostFiles


def container_network(data: Mapping[str, Any]) -> Place | ContainerFacts:
    """A container as its machine shows it, or as its daemon lists it (with an `id`). It is ours unless its labels say otherwise."""
    if "id" in data:
        return ContainerFacts(**data)
    data = {"labels": {"xcatflow.node": "c1"}, "mode": "none", **data}
    kept, neighbour = data.pop("kept", {}), NeighbourFacts(**data.pop("neighbour", {}))
    if "pid" not in data:
        return Place(None, _kept(kept), neighbour)
    link = data.get("link")
    lists = {name: tuple(link.get(name, ())) for name in ("addresses", "refused")} if link else {}
    end = LinkEndFacts(**{**link, **lists}) if link else None
    facts = ContainerLinkFacts(**{**data, "link": end, "bridges": tuple(data.get("bridges", ()))})
    return Place(facts, _kept(kept), neighbour)


def _kept(data: Mapping[str, Any]) -> Kept:
    """A record as text; of the keeper's files only whether they are `right`."""
    digests = {"program": PROGRAM_SHA256, "unit_file": UNIT_SHA256}
    files = {
        name: FileFacts("file", 0o644, "root", "root", 1, digest if data[name] == "right" else "0" * 64)
        for name, digest in digests.items()
        if name in data
    }
    unit = UnitFacts("loaded", *data["unit"]) if "unit" in data else None
    return Kept(record=_file(data.get("record")), unit=unit, **files)


CONVERGED = {
    "load": "loaded",
    "active": "active",
    "units": [
        [
            "/lib/systemd/system/docker.service",
            "[Unit]\nDescription=x\n[Service]\nType=notify\n"
            "ExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS",
        ]
    ],
    "config": """\
{
  "hosts": [
    "unix:///var/run/docker.sock",
    "tcp://0.0.0.0:2376"
  ],
  "tls": true,
  "tlsverify": true,
  "tlscacert": "/etc/docker/tls/ca.pem",
  "tlscert": "/etc/docker/tls/cert.pem",
  "tlskey": "/etc/docker/tls/key.pem",
  "live-restore": true
}
""",
    "drop_in": """\
# Written by xcatflow. /etc/docker/daemon.json says where dockerd listens, which it refuses to be told twice: this is
# the unit's own command without -H.
[Service]
ExecStart=
ExecStart=/usr/sbin/dockerd --containerd=/run/containerd/containerd.sock $DOCKER_OPTS
""",
}
"""A daemon as Debian has it, with which nothing is to be done."""


def daemon(data: Mapping[str, Any]) -> DaemonState:
    """A Docker daemon with its files; those of cases that are `like: converged` are CONVERGED but for what the case says. It has read its
    configuration unless that is newer, or `loaded` is what it has read."""
    data = {**(CONVERGED if data.get("like") else {}), **{key: value for key, value in data.items() if key != "like"}}
    lists = {name: tuple(data.get(name, ())) for name in ("newer", "missing")}
    units = tuple((path, text) for path, text in data.get("units", ()))
    files = {name: _file(data.get(name)) for name in ("config", "drop_in")}
    now = (files["config"] and files["config"].content) or b""
    loaded = data["loaded"].encode() if "loaded" in data else None if CONFIG in lists["newer"] else now
    bridges = tuple(data.get("bridges", ()))
    return DaemonState(**{**data, **lists, **files, "units": units, "loaded": loaded, "bridges": bridges})


def host_files(data: Mapping[str, Any]) -> HostFiles:
    """A machine's certificate with its key and CA."""
    certificate, key, ca = (_file(data.get(name)) for name in ("certificate", "key", "ca"))
    now = datetime.fromisoformat(data["now"])
    return HostFiles(
        certificate, key, ca, _certificate(data.get("facts")), now, data.get("stage", False), data.get("openssl", True)
    )


def engine_tls(data: Mapping[str, Any]) -> EngineTls:
    """An engine that runs (as `state` says), by its certificates; `refused` is why it does not let us in."""
    running = tuple(Running(name) for name in data.get("running", ()))
    info = EngineInfo("20.10.24", live_restore=data.get("live_restore", True), running=running)
    state = daemon({"load": "loaded", "active": "active", **data.get("state", {})})
    return EngineTls(replace(state, info=info), data.get("refused", ""))


def _file(data: Mapping[str, Any] | str | None) -> FileFacts | None:
    """A file; of one with nothing remarkable only its text is given."""
    if data is None:
        return None
    if isinstance(data, str):
        return FileFacts("file", 0o644, "root", "root", len(data), sha256(data.encode()).hexdigest(), data.encode())
    content = data.get("content")
    return FileFacts(**{**data, "content": None if content is None else content.encode()})


def _certificate(data: Mapping[str, Any] | None) -> CertificateFacts | None:
    if data is None:
        return None
    lists = {name: tuple(data[name]) for name in ("names", "addresses")}
    times = {name: datetime.fromisoformat(data[name]) for name in ("not_before", "not_after")}
    return CertificateFacts(**{**data, **lists, **times})
