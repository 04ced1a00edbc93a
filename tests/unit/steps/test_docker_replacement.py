"""`docker.container` replaced, adopted and put on networks while things go wrong: refusals, lost replies, a controller killed half-way.

A replacement has two shapes: the new container is proven beside the old one, or, where they would share data, after it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.fakes.docker import FakeDocker
from tests.fakes.docker_target import DockerTarget
from xcatflow.errors import ActFailed, CannotUndo, DeadlineExceeded, Unreachable
from xcatflow.model.change import Verb
from xcatflow.model.question import ContainerFacts, Reply
from xcatflow.steps.containers import acts
from xcatflow.steps.containers.apart import obstacles
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.docker_container import DockerContainer
from xcatflow.transport.protocols import LogPiece

STEP = DockerContainer()
ACTS = ("rename_container", "create_container", "connect_network", "disconnect_network", "stop_container", "start_container",
        "inspect_container", "remove_container", "execute")  # fmt: skip


class Killed(BaseException):
    """The controller is gone."""


class Daemon(FakeDocker):
    """Calls `before` or `after` each act, with its number."""

    before: Callable[[int], None] | None = None
    after: Callable[[int], None] | None = None
    acts = 0

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.named: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in ACTS:
            return found

        def called(*args: Any, **options: Any) -> Any:
            self.acts += 1
            self.named.append(name)
            number = self.acts
            if self.before:
                self.before(number)
            result = found(*args, **options)
            if self.after:
                self.after(number)
            return result

        return called


@pytest.fixture
def at() -> DockerTarget:
    return target()


def target() -> DockerTarget:
    daemon = Daemon(images=["busybox", "busybox:2"])
    for name, subnet in (("lan", "10.1.0.0/24"), ("lan2", "10.2.0.0/24")):
        daemon.create_network({"Name": name, "IPAM": {"Config": [{"Subnet": subnet, "Gateway": subnet[:-4] + "1"}]}})
    return DockerTarget(daemon=daemon)


def want(**params: Any) -> ContainerParams:
    return ContainerParams.model_validate(
        {"name": "c1", "image": "busybox", "network": "lan,lan2", "address": "10.1.0.9", **params}
    )


HEALTH = {"command": "check", "wait": "1 s"}
SHAPES: Mapping[str, dict[str, Any]] = {
    "beside": {"health": HEALTH},
    "in turn": {"health": HEALTH, "volumes": "data:/data"},
}
NEW = want(image="busybox:2")
TRIAL, KEPT = "c1.xcatflow-new", "c1.xcatflow-old"


def containers(at: DockerTarget) -> dict[str, ContainerFacts]:
    return {it.name: it for it in at.docker.containers()}


def replaced(shape: str) -> tuple[DockerTarget, ContainerFacts, ContainerParams]:
    """A target with an old container, and what it shall be replaced by."""
    at = target()
    at.converge(STEP, want(**SHAPES[shape]))
    at.daemon.acts = 0  # type: ignore[attr-defined]
    return at, containers(at)["c1"], want(image="busybox:2", **SHAPES[shape])


def acts_of(shape: str) -> int:
    at, _, new = replaced(shape)
    at.converge(STEP, new)
    return int(at.daemon.acts)  # type: ignore[attr-defined]


def well(at: DockerTarget) -> None:
    """Exactly one container is there: the new one, whole."""
    assert list(containers(at)) == ["c1"]
    found = containers(at)["c1"]
    assert (found.image, found.state) == ("busybox:2", "running")
    assert (found.addresses["lan"], found.networks) == ("10.1.0.9", ("lan", "lan2"))


def moments(shape: str) -> Iterator[tuple[str, int]]:
    for number in range(1, acts_of(shape) + 1):
        yield "before", number
        yield "after", number


def test_the_acts_of_a_replacement() -> None:
    names: list[str] = []
    for shape in SHAPES:
        at, _, new = replaced(shape)
        daemon: Any = at.daemon
        daemon.named = []
        at.converge(STEP, new)
        names.append(" ".join(name.removesuffix("_container").removesuffix("_network") for name in daemon.named))
    assert names == [
        "inspect create connect start inspect inspect execute rename rename stop disconnect connect inspect inspect execute inspect remove",
        "inspect rename create connect stop start inspect inspect execute inspect remove",
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_controller_killed_at_any_moment_leaves_what_the_next_run_puts_right(shape: str) -> None:
    for moment, number in moments(shape):
        at, old, new = replaced(shape)
        daemon: Any = at.daemon

        def die(now: int, last: int = number) -> None:
            if now == last:
                raise Killed

        setattr(daemon, moment, die)
        with pytest.raises(Killed):
            at.converge(STEP, new)
        setattr(daemon, moment, None)
        left = containers(at).values()
        assert any(it.id == old.id for it in left) or [it.image for it in left] == ["busybox:2"], (moment, number)
        at.converge(STEP, new)
        well(at)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_controller_killed_at_any_moment_and_the_old_one_is_wanted_again(shape: str) -> None:
    for moment, number in moments(shape):
        at, old, new = replaced(shape)
        daemon: Any = at.daemon

        def die(now: int, last: int = number) -> None:
            if now == last:
                raise Killed

        setattr(daemon, moment, die)
        with pytest.raises(Killed):
            at.converge(STEP, new)
        setattr(daemon, moment, None)
        at.converge(STEP, want(**SHAPES[shape]))
        found = containers(at)
        assert list(found) == ["c1"], (moment, number)
        assert (found["c1"].image, found["c1"].state, found["c1"].addresses) == (old.image, old.state, old.addresses)


@pytest.mark.parametrize("shape", SHAPES)
def test_whatever_is_refused_the_old_one_comes_back(shape: str) -> None:
    last = acts_of(shape)
    for number in range(1, last + 1):
        at, old, new = replaced(shape)
        daemon: Any = at.daemon

        def refuse(now: int, which: int = number) -> None:
            if now == which:
                raise ActFailed("the daemon will not")

        daemon.before = refuse
        try:
            at.converge(STEP, new)
        except ActFailed as error:
            assert "the daemon will not" in str(error)
            daemon.before = None
            if number < last - 1:
                assert containers(at) == {"c1": old}, number
            else:
                assert containers(at)["c1"].image == "busybox:2", "only the old one was not removed"
            at.converge(STEP, new)
        well(at)


@pytest.mark.parametrize("shape", SHAPES)
def test_one_that_does_not_get_healthy_is_taken_away_again(shape: str) -> None:
    at, old, new = replaced(shape)
    daemon: Any = at.daemon
    sick(daemon)
    daemon.said = {TRIAL: [LogPiece(2, b"one\ntwo\nthr"), LogPiece(2, b"ee\n")], "c1": [LogPiece(1, b"three\n")]}
    name = TRIAL if shape == "beside" else "c1"
    with pytest.raises(ActFailed) as caught:
        at.converge(STEP, new)
    assert str(caught.value).startswith(
        f'container "{name}" on host01 is not healthy after 1 s: its health command exits with 3: sick; its log ends with "three"; '
        + ("the old container runs on, untouched" if shape == "beside" else "the old container is back; an address put")
    )
    assert caught.value.detail.splitlines()[-1] == "three"
    assert containers(at) == {"c1": old}
    assert at.plan(STEP, want(**SHAPES[shape])) == ()


@pytest.mark.parametrize("shape", SHAPES)
def test_one_that_is_sick_in_the_old_ones_place_only(shape: str) -> None:
    at, old, new = replaced(shape)
    sick(at.daemon, only="c1")
    with pytest.raises(ActFailed, match=r'container "c1" on host01 is not healthy .*; the old container is back'):
        at.converge(STEP, new)
    assert containers(at) == {"c1": old}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_controller_killed_at_any_moment_while_the_new_one_is_sick(shape: str) -> None:
    """The fresh run finds the new one sick as well: the old one is back, with its id and its address, whatever happened between."""
    at, _, new = replaced(shape)
    sick(at.daemon)
    with pytest.raises(ActFailed):
        at.converge(STEP, new)
    for number in range(1, at.daemon.acts + 1):  # type: ignore[attr-defined]
        for moment in ("before", "after"):
            at, old, new = replaced(shape)
            daemon: Any = at.daemon
            sick(daemon)

            def die(now: int, last: int = number) -> None:
                if now == last:
                    raise Killed

            setattr(daemon, moment, die)
            with pytest.raises(Killed):
                at.converge(STEP, new)
            setattr(daemon, moment, None)
            with pytest.raises(ActFailed, match="is not healthy"):
                at.converge(STEP, new)
            assert containers(at) == {"c1": old}, (moment, number)


def sick(daemon: Any, only: str = "") -> None:
    """Health commands fail in containers of the newer image; where `only` is given, in one of that name."""

    def runs(name: str, command: tuple[str, ...]) -> Reply:
        assert command == ("check",)
        image = next(it.image for it in daemon.containers() if it.name == name)
        ill = image == "busybox:2" and only in ("", name)
        return Reply(3, b"", b"well\nsick\n") if ill else Reply(0)

    daemon.runs = runs


@pytest.mark.parametrize(("params", "old", "told"), [
    ({}, {}, ()),
    ({"network": "host"}, {}, ("they would share a network",)),
    ({"dockerflag": {"HostConfig": {"NetworkMode": "container:x"}}}, {}, ("they would share a network",)),
    ({"mac": "02:42:0a:14:00:15"}, {}, ("the MAC address is fixed",)),
    ({"network": "lan", "dockerflag": {"NetworkingConfig": {"EndpointsConfig": {"lan": {"Aliases": ["x"]}}}}}, {},
     ("its networks have settings of their own",)),
    ({"ports": "8080:80"}, {"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}}, ("they would share ports of the host",)),
    ({"ports": "8080:80/udp,81"}, {"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}}, ()),
    ({"volumes": ["/srv/a:/a", "/etc:/etc:ro"]}, {"Mounts": [{"Source": "/srv", "RW": False}]}, ("they would share data",)),
    ({"volumes": ["/srv:/a:ro"]}, {"Mounts": [{"Source": "/srv/", "RW": False}]}, ()),
    ({"volumes": ["data:/a:ro"]}, {"Mounts": [{"Name": "data", "Source": "/var/lib/docker/volumes/data/_data", "RW": True}]},
     ("they would share data",)),
    ({"dockerflag": {"HostConfig": {"Mounts": [{"Type": "volume", "Source": "data", "Target": "/d"}]}}}, {"Mounts": [{"Name": "data"}]},
     ("they would share data",)),
    ({"dockerflag": {"HostConfig": {"VolumesFrom": ["x"]}}}, {}, ("they would share data",)),
    ({"devices": "/dev/null"}, {"HostConfig": {"Devices": [{}]}}, ("they would share devices",)),
    ({}, {"HostConfig": {"AutoRemove": True}}, ("the old one removes itself",)),
    ({"network": "lan", "dockerflag": {"NetworkingConfig": {"EndpointsConfig": {"lan": {"IPAMConfig": {"IPv4Address": "10.1.0.9"}}}}}}, {},
     ("the address is fixed",)),
    ({"network": "lan", "dockerflag": {"NetworkingConfig": {"EndpointsConfig": {"lan": {"IPAMConfig": {}}}}}}, {}, ()),
    ({"network": "lan", "address": "10.1.0.9"}, {}, ()),
    ({}, {"Mounts": [{"Type": "volume", "Name": "f" * 64, "Destination": "/data", "RW": True}]}, ("they would share data",)),
    ({"fresh_volumes": True}, {"Mounts": [{"Type": "volume", "Name": "f" * 64, "Destination": "/data", "RW": True}]}, ()),
])  # fmt: skip
def test_what_keeps_two_containers_apart(params: dict[str, Any], old: dict[str, Any], told: tuple[str, ...]) -> None:
    assert obstacles(ContainerParams.model_validate({"name": "c1", "image": "busybox", **params}), old) == told


def test_a_way_back_that_fails_is_told_and_taken_by_the_next_run() -> None:
    at, old, new = replaced("in turn")
    daemon: Any = at.daemon
    daemon.fail_once["create_container"] = ActFailed("no space left on device")

    def off(now: int) -> None:
        if "create_container" not in daemon.fail_once and daemon.calls["rename_container"]:
            raise Unreachable("no route to host")

    daemon.before = off
    with pytest.raises(ActFailed) as caught:
        at.converge(STEP, new)
    assert str(caught.value) == (
        'cannot create container "c1" on host01: no space left on device; and the old container, kept as "c1.xcatflow-old", '
        "could not be brought back: no route to host; the next run tries again"
    )
    daemon.before = None
    changes = at.converge(STEP, want(**SHAPES["in turn"]))
    assert [(it.verb, it.field, it.after) for it in changes] == [(Verb.UPDATE, "name", "c1")]
    assert containers(at) == {"c1": old}


@pytest.mark.parametrize(("before", "wanted", "after"), [
    ("running", "created", "running"), ("stopped", "created", "created"), ("paused", "running", "running"),
    ("running", "stopped", "created"), ("stopped", "paused", "paused"),
])  # fmt: skip
def test_a_replacement_runs_when_that_is_wanted_or_was_so(
    at: DockerTarget, before: str, wanted: str, after: str
) -> None:
    at.converge(STEP, want())
    at.converge(STEP, want(state=before))
    assert Verb.REPLACE in [it.verb for it in at.converge(STEP, want(state=wanted, hostname="other"))]
    found = containers(at)["c1"].state
    assert found in (after, "exited") if after == "created" else found == after


def test_a_paused_one_is_paused_again_when_its_replacement_fails(at: DockerTarget) -> None:
    at.converge(STEP, want(state="paused"))
    at.daemon.fail_once["start_container"] = ActFailed("port is already allocated")  # type: ignore[attr-defined]
    with pytest.raises(
        ActFailed, match=r'cannot start container "c1" on host01: port is already allocated; the old container is back'
    ):
        at.converge(STEP, want(state="paused", hostname="other"))
    assert at.plan(STEP, want(state="paused")) == ()


def test_one_that_cannot_be_renamed_while_it_crashes_is_stopped_first() -> None:
    at, _, new = replaced("in turn")
    daemon: Any = at.daemon
    daemon.fail_once["rename_container"] = ActFailed("sandbox 4c82f5 not found")
    at.converge(STEP, new)
    assert [it.image for it in containers(at).values()] == ["busybox:2"]
    at, old, new = replaced("in turn")
    daemon = at.daemon
    daemon.fail_once |= {
        "rename_container": ActFailed("sandbox 4c82f5 not found"),
        "create_container": ActFailed("disk full"),
    }
    with pytest.raises(
        ActFailed, match="disk full; the old container is back; an address put in from the host comes back"
    ):
        at.converge(STEP, new)
    assert containers(at) == {"c1": old}
    daemon.fail_once["rename_container"] = ActFailed("name is taken")
    stops = daemon.calls["stop_container"]
    with pytest.raises(
        ActFailed, match=r'^cannot rename container "c1" on host01 to "c1.xcatflow-old": name is taken$'
    ):
        at.converge(STEP, new)
    assert daemon.calls["stop_container"] == stops


def test_a_rename_that_meets_the_end_of_a_container_is_tried_again(at: DockerTarget) -> None:
    at.converge(STEP, want(state="created"))
    daemon: Any = at.daemon
    daemon.fail_once["rename_container"] = ActFailed("sandbox 4c82f5 not found")
    acts.rename(at, "c1", "c2")
    assert list(containers(at)) == ["c2"]
    daemon.fail_once["rename_container"] = ActFailed("name is taken")
    with pytest.raises(ActFailed, match='cannot rename container "c2" on host01 to "c3": name is taken'):
        acts.rename(at, "c2", "c3")


def test_a_foreign_container_is_taken_over_on_purpose_only(at: DockerTarget) -> None:
    at.docker.create_container("c1", {"Image": "busybox:2"})
    with pytest.raises(ActFailed, match="that xcatflow did not make"):
        at.plan(STEP, want())
    assert [it.field for it in at.converge(STEP, want(adopt=True))] == ["owner"]
    assert at.plan(STEP, want()) == ()
    assert containers(at)["c1"].labels["xcatflow.node"] == "c1"


def test_a_replacement_cannot_be_taken_back(at: DockerTarget) -> None:
    at.converge(STEP, want())
    seen = at.look(STEP, NEW)
    changes = at.converge(STEP, NEW)
    with pytest.raises(CannotUndo, match='the container "c1" that was replaced is gone, with all that it had written'):
        at.undo(STEP, NEW, seen, changes)


def test_an_address_that_was_put_back_is_taken_back(at: DockerTarget) -> None:
    at.converge(STEP, want())
    at.docker.disconnect_network("lan", "c1")
    seen = at.look(STEP, want())
    changes = at.converge(STEP, want())
    at.undo(STEP, want(), seen, changes)
    assert containers(at)["c1"].addresses.keys() == {"lan2"}


def test_a_network_that_is_missing_leaves_no_container_behind(at: DockerTarget) -> None:
    expected = r'^cannot connect container "c1" on host01 to network "lan3": network lan3 not found: put a step "docker.network" before'
    with pytest.raises(ActFailed, match=expected):
        at.converge(STEP, want(network="lan,lan3"))
    assert containers(at) == {}


def test_a_network_that_a_killed_run_did_not_connect_is_connected_before_the_start(at: DockerTarget) -> None:
    at.converge(STEP, want(state="created"))
    at.docker.disconnect_network("lan2", "c1")
    at.converge(STEP, want())
    assert containers(at)["c1"].addresses.keys() == {"lan", "lan2"}


def test_a_start_that_may_have_happened_removes_nothing(at: DockerTarget) -> None:
    daemon: Any = at.daemon
    daemon.fail_once["start_container"] = DeadlineExceeded("timeout after 60 s: POST /containers/c1/start")
    daemon.after_doing = {"start_container"}
    with pytest.raises(DeadlineExceeded, match="timeout after 60 s"):
        at.converge(STEP, want())
    assert at.converge(STEP, want()) == ()


def test_one_listing_tells_everything(at: DockerTarget) -> None:
    at.converge(STEP, want())
    daemon: Any = at.daemon
    daemon.calls.clear()
    for number in range(3):
        at.look(STEP, want(name=f"c{number + 1}"))
    at.answer([question for number in range(40) for question in STEP.ask(want(name=f"c{number + 1}"))])
    assert daemon.calls == {"containers": 4, "images": 4, "daemon": 2}, (
        "what can be made is asked where something is to be made"
    )


def test_values_of_the_environment_are_in_no_label_and_no_plan(at: DockerTarget) -> None:
    at.converge(STEP, want(env={"PASSWORD": "opensesame"}, dockerflag={"Env": ["TOKEN=xyzzy"]}))
    labels = containers(at)["c1"].labels
    changes = at.plan(STEP, want(env={"PASSWORD": "rosebud"}, dockerflag={"Env": ["TOKEN=plugh"]}))
    assert "PASSWORD" in changes[0].field
    for text in (*labels.values(), *map(str, changes), changes[0].diff):
        assert not any(secret in text for secret in ("opensesame", "xyzzy", "rosebud", "plugh"))
