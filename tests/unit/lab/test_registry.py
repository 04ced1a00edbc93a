"""The lab's registry: a process that is known again, files that go with it, images put in without an engine."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from tests.fakes.archive import write_archive
from tests.unit.lab.labs import EMPTY
from xcatflow.errors import ActFailed, InvalidInput
from xcatflow.lab import busybox, process, registry
from xcatflow.lab.places import places
from xcatflow.lab.push import Address, push
from xcatflow.lab.state import Lab

HERE: Lab = replace(EMPTY, subnet="127.0.0.0/24")
"""A lab whose gateway is the loopback's address."""


@pytest.fixture
def idle() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "a mark"]) as running:
        yield running
        running.kill()


def test_a_process_is_known_and_ended(idle: "subprocess.Popen[bytes]") -> None:
    started = process.start_time(idle.pid)
    assert started
    assert process.start_time(os.getpid()) != started
    while not process.called_with(idle.pid, "a mark"):  # it is still our own image until it is executed
        time.sleep(0.01)
    assert not process.called_with(idle.pid, "mark")
    assert not process.gone(idle.pid)
    assert process.end(idle.pid, 10)
    assert process.start_time(idle.pid) is None
    assert process.end(idle.pid, 0), "twice is well"


def test_a_process_that_does_not_end_in_time() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as stubborn:
        assert stubborn.stdout
        stubborn.stdout.readline()
        assert not process.end(stubborn.pid, 0.1)
        stubborn.kill()


def test_a_secret_of_somebody_else_is_refused_and_stays(tmp_path: Path) -> None:
    registry.claim(tmp_path)
    (tmp_path / "secrets").mkdir()
    (tmp_path / registry.SECRET).write_text("mine")
    with pytest.raises(InvalidInput, match=r'secrets/registry" exists and is not the lab\'s'):
        registry.claim(tmp_path)
    registry.remove(tmp_path)
    assert (tmp_path / registry.SECRET).read_text() == "mine"


def test_a_site_without_a_registry(tmp_path: Path) -> None:
    assert (registry.exists(tmp_path), registry.running(tmp_path), registry.told(tmp_path)) == (False, False, "")
    with pytest.raises(InvalidInput, match=r"has no registry: xcatflow lab.up --registry makes one"):
        registry.address(tmp_path)
    registry.remove(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_the_password_that_we_made_goes_with_the_registry(tmp_path: Path) -> None:
    place = tmp_path / ".xcatflow" / "registry"
    place.mkdir(parents=True)
    digest = hashlib.sha256(b"ours").hexdigest()
    (place / "record.json").write_text(json.dumps({"address": "10.0.0.1:5000", "password": digest}))
    (tmp_path / "secrets").mkdir()
    (tmp_path / registry.SECRET).write_text("changed since")
    assert "10.0.0.1:5000  not running" in registry.told(tmp_path)
    registry.remove(tmp_path)
    assert (tmp_path / registry.SECRET).exists()
    assert not place.exists()


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Path]:
    """A site with a registry that runs."""
    if busybox.find() is None:
        pytest.skip("a static busybox is missing")
    try:
        registry.ensure(tmp_path, HERE, places(), print)
    except ActFailed as error:
        if "cannot fetch" not in str(error):
            raise
        pytest.skip(str(error))
    yield tmp_path
    registry.remove(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".xcatflow"]


@pytest.mark.lab
def test_it_keeps_what_it_holds_and_lets_nobody_else_in(real: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    to = registry.address(real)
    get = requests.Session()
    get.trust_env, get.verify = False, str(to.ca)
    tags = f"https://{to.host}/v2/busybox/tags/list"
    assert get.get(tags, auth=(to.user, to.password), timeout=10).json()["tags"] == ["latest"]
    assert get.get(tags, auth=(to.user, "wrong"), timeout=10).status_code == 401
    assert (real / registry.SECRET).stat().st_mode & 0o777 == 0o600
    image = tmp_path_factory.mktemp("image") / "a.tar"
    write_archive(image, "app:1")
    digest = push(to, image.read_bytes(), "team/app:2")
    assert push(to, image.read_bytes(), "team/app:2") == digest
    log = registry.access_log(real).read_text()
    assert log.count("POST /v2/team/app/blobs/uploads/") == 2, "the configuration and the layer, once each"
    with pytest.raises(ActFailed, match="401 Client Error"):
        push(Address(to.host, to.user, "wrong", to.ca), image.read_bytes(), "app:1")
    pid = json.loads((real / ".xcatflow" / "registry" / "record.json").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    while not process.gone(pid):
        time.sleep(0.01)
    assert not registry.running(real)
    said: list[str] = []
    registry.ensure(real, HERE, places(), said.append)
    registry.ensure(real, HERE, places(), said.append)
    assert said == [f"starting the registry at {to.host}"]
    assert get.get(f"https://{to.host}/v2/team/app/tags/list", auth=(to.user, to.password), timeout=10).ok
