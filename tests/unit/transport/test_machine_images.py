"""Images across the machines of a run: what daemons are asked, and how an image comes to one."""

import threading
from typing import Any

import pytest

from tests.fakes.docker import FakeDocker
from xcatflow.errors import ActFailed, CannotTell
from xcatflow.model.question import Image
from xcatflow.model.question_images import RegistryFacts, RegistryImage, Unused
from xcatflow.model.target import TargetRef
from xcatflow.transport.pool import Machines
from xcatflow.transport.protocols import ImageWanted

APP = "lan.x/app:1"


def machines(*daemons: FakeDocker) -> Machines:
    known = {f"h{number}:2376": daemon for number, daemon in enumerate(daemons)}

    def absent(*_: Any) -> Any:
        raise AssertionError

    return Machines(open_shell=absent, open_docker=known.__getitem__, authority=absent, stopping=threading.Event())


def get(pool: Machines, number: int, wanted: ImageWanted, told: list[str]) -> str:
    return pool.target(TargetRef(f"h{number}", f"h{number}:2376"), 60, told.append).fetch_image(wanted, spread=True)


def test_one_pull_for_all_daemons_of_a_run() -> None:
    daemons = [FakeDocker(registry=[APP]) for _ in range(3)]
    pool, told = machines(*daemons), list[str]()
    for number in range(3):
        pool.ask(("docker", f"h{number}:2376"), (Image(APP),))
    assert [get(pool, number, ImageWanted(APP), told) for number in range(3)] == ["", "h0:2376", "h0:2376"]
    assert [len(daemon.pulled) for daemon in daemons] == [1, 0, 0]
    assert len({found.id for daemon in daemons if (found := daemon.inspect_image(APP))}) == 1
    assert "copying from h0:2376" in told


def test_what_a_listing_told_counts_and_without_spread_nobody_is_asked() -> None:
    first, second = FakeDocker(images=[APP]), FakeDocker(registry=[APP])
    pool, told = machines(first, second), list[str]()
    pool.ask(("docker", "h0:2376"), (Image("other"),))
    at = pool.target(TargetRef("h1", "h1:2376"), 60, told.append)
    assert at.fetch_image(ImageWanted(APP)) == ""
    second.remove_image(APP)
    assert at.fetch_image(ImageWanted(APP, pull=False), spread=True) == "h0:2376"


def test_a_name_is_put_back_to_what_it_meant() -> None:
    docker = FakeDocker(images=[APP], registry=[APP])
    at = machines(docker).target(TargetRef("h0", "h0:2376"), 60)
    (old,) = docker.images()
    docker.tag_image(old.id, "kept:1")
    docker.moved[APP] = " again"
    docker.pull_image(APP)
    at.put_image_back(APP, old.id)
    assert [(it.id, it.tags) for it in docker.images()] == [(old.id, ("kept:1", APP))]
    at.put_image_back(APP, "")
    assert [(it.id, it.tags) for it in docker.images()] == [(old.id, ("kept:1",))]
    at.put_image_back(APP, "")
    with pytest.raises(ActFailed, match="No such image"):
        at.put_image_back(APP, f"sha256:{'0' * 64}")


def test_what_the_registry_has_is_asked_each_time_and_errors_are_answers() -> None:
    docker = FakeDocker(registry=[APP])
    docker.accounts["lan.x"] = ("u", "p")
    pool, face = machines(docker), ("docker", "h0:2376")
    right, wrong = RegistryImage(APP, ("lan.x", "u", "p")), RegistryImage(APP, ("lan.x", "u", "x"))
    given = pool.ask(face, (right, wrong))
    before = given[right]
    assert isinstance(before, RegistryFacts)
    assert isinstance(given[wrong], CannotTell)
    docker.moved[APP] = " again"
    assert pool.ask(face, (right,))[right] != before


def test_a_daemon_that_cannot_ask_knows_what_it_pulled_in_this_run() -> None:
    docker = FakeDocker(registry=[APP])
    docker.facts = type(docker.facts)("1.12.6", "1.24", "1.12", "1.24")
    pool, face, question = machines(docker), ("docker", "h0:2376"), RegistryImage(APP)
    assert pool.ask(face, (question,))[question] is None
    get(pool, 0, ImageWanted(APP, fresh=True), [])
    told = pool.ask(face, (question,))[question]
    assert isinstance(told, RegistryFacts)
    assert told.pulled
    assert told.digest.startswith("sha256:")


def test_what_nothing_uses() -> None:
    docker = FakeDocker(images=["used:1", "left:1"])
    docker.create_container("c1", {"Image": "used:1", "HostConfig": {"NetworkMode": "none"}})
    pool, face = machines(docker), ("docker", "h0:2376")
    images, containers = Unused("images"), Unused("containers")
    given: Any = pool.ask(face, (images, containers, Unused("networks"), Unused("volumes")))
    assert [it.names for it in given[images]] == [("left:1",)]
    assert [it.names for it in given[containers]] == [("c1",)]
    assert given[Unused("networks")] == ()
    docker.broken = ActFailed("no")
    assert isinstance(pool.ask(face, (images,))[images], CannotTell)


def test_an_old_listing_does_not_tell_what_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    docker = FakeDocker(images=["used:1"])
    docker.create_volume({"Name": "data"})
    docker.create_container("c1", {"Image": "used:1", "HostConfig": {"NetworkMode": "none"}})
    (old,) = (replace(facts, volumes=None, networks=()) for facts in docker.containers())
    monkeypatch.setattr(docker, "containers", lambda: (old,))
    volumes, networks = Unused("volumes"), Unused("networks")
    given = machines(docker).ask(("docker", "h0:2376"), (volumes, networks))
    assert all(isinstance(answer, CannotTell) for answer in given.values())
    assert "cannot tell which volumes are used" in str(given[volumes])
    assert "from API 1.22 on it does" in str(given[networks])
