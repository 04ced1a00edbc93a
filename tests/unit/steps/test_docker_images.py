"""`docker.image` and registries, archives that change, `docker.prune`, and `docker.registry_login` in a home of the test's own."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

import pytest

from tests.fakes.archive import write_archive
from tests.fakes.desk import FolderDesk
from tests.fakes.docker import FakeDocker
from tests.fakes.docker_target import DockerTarget
from tests.fakes.target import SYSTEM_PATH, LocalTarget, tools
from xcatflow.errors import ActFailed, CannotTell, CannotUndo
from xcatflow.model.change import Verb
from xcatflow.model.question import Answers, Reply
from xcatflow.model.question_images import RegistryImage
from xcatflow.steps import docker_prune
from xcatflow.steps.archives import ids_in
from xcatflow.steps.docker_image import DockerImage, ImageParams
from xcatflow.steps.docker_prune import DockerPrune, PruneParams
from xcatflow.steps.docker_pull import DockerPull
from xcatflow.steps.docker_registry_login import DockerRegistryLogin, LoginParams
from xcatflow.steps.login_script import LOOK

IMAGE, PRUNE, LOGIN = DockerImage(), DockerPrune(), DockerRegistryLogin()
APP = "lan.x:5000/app:1"


def wanted(**given: Any) -> ImageParams:
    return ImageParams.model_validate({"name": APP, **given})


@pytest.fixture
def docker() -> FakeDocker:
    return FakeDocker(registry=[APP])


# --- what the registry has ---


def test_a_tag_that_moved_is_pulled_and_then_there_is_nothing_to_do(docker: FakeDocker) -> None:
    at, want = DockerTarget(daemon=docker), wanted(pull="always")
    assert [it.verb for it in at.converge(IMAGE, want)] == [Verb.PULL]
    first = IMAGE.outputs(at.look(IMAGE, want), want)
    assert at.converge(IMAGE, want) == ()
    docker.moved[APP] = " again"
    assert at.plan(IMAGE, wanted()) == ()
    (change,) = at.plan(IMAGE, want)
    assert (change.field, change.before) == ("digest", first["digest"][7:19])
    seen = at.look(IMAGE, want)
    at.converge(IMAGE, want)
    second = IMAGE.outputs(at.look(IMAGE, want), want)
    assert {first["id"], first["digest"]}.isdisjoint(second.values())
    assert at.converge(IMAGE, want) == ()
    IMAGE.undo(at, want, seen, change)
    assert at.look(IMAGE, wanted()).id == first["id"]


def test_a_daemon_that_cannot_ask_pulls_to_see(docker: FakeDocker) -> None:
    docker.facts = type(docker.facts)("1.12.6", "1.24", "1.12", "1.24")
    at, want = DockerTarget(daemon=docker), wanted(pull="always")
    at.converge(IMAGE, want)
    at = DockerTarget(daemon=docker)  # the next run
    before = at.look(IMAGE, want)
    changes = at.converge(IMAGE, want)
    assert [it.why for it in changes] == ["this daemon's API cannot ask the registry without pulling"]
    assert IMAGE.made(before, at.look(IMAGE, want), want, changes) == ()
    docker.moved[APP] = " again"
    at = DockerTarget(daemon=docker)
    changes = at.converge(IMAGE, want)
    assert IMAGE.made(before, at.look(IMAGE, want), want, changes) == changes
    assert len(docker.pulled) == 3


def test_a_registry_that_does_not_answer_is_no_news_about_the_image(docker: FakeDocker) -> None:
    at, want = DockerTarget(daemon=docker), wanted(name="lan.x:5000/gone:1", pull="always")
    with pytest.raises(CannotTell, match=r'cannot ask the registry for "lan\.x:5000/gone:1": .*not'):
        at.plan(IMAGE, want)


def test_credentials_reach_the_registry_and_no_text(docker: FakeDocker) -> None:
    docker.accounts["lan.x:5000"] = ("u", "hidden")
    at = DockerTarget(daemon=docker)
    for pull in ("missing", "always"):
        wrong = wanted(pull=pull, auth={"username": "u", "password": "wrong"})
        with pytest.raises((ActFailed, CannotTell), match="unauthorized"):
            at.converge(IMAGE, wrong)
    right = wanted(pull="always", auth={"username": "u", "password": "hidden"})
    assert [it.verb for it in at.converge(IMAGE, right)] == [Verb.PULL]
    assert at.told, "how far pulling is"
    for value in (right, IMAGE.ask(right), at.look(IMAGE, right)):
        assert "hidden" not in repr(value)


def test_where_credentials_are_for() -> None:
    auth = wanted(auth={"username": "u", "password": "p"}).auth
    assert auth is not None
    assert auth.towards(APP).registry == "lan.x:5000"
    assert auth.towards("debian:12").registry == auth.towards("site/app").registry == ""
    assert wanted(auth={"registry": "lan.x:5000", "username": "u", "password": "p"}).auth
    for hub in ("docker.io", "index.docker.io"):
        named = wanted(name="debian", auth={"registry": hub, "username": "u", "password": "p"}).auth
        assert named is not None
        assert named.towards("debian").registry == ""


@pytest.mark.parametrize(("name", "registry", "whose"), [
    ("other.x:5000/app", "lan.x:5000", "other.x:5000"), (APP, "lan.x", "lan.x:5000"), ("debian", "lan.x:5000", "docker.io"),
    (APP, "docker.io", "lan.x:5000"),
])  # fmt: skip
def test_a_password_is_not_told_to_another_registry(name: str, registry: str, whose: str) -> None:
    said = (
        rf'"{re.escape(name)}" is an image of {re.escape(whose)}, and "auth" is for {re.escape(registry)}: correct one'
    )
    with pytest.raises(ValueError, match=said):
        wanted(name=name, auth={"registry": registry, "username": "u", "password": "p"})


def test_what_does_not_fit_together() -> None:
    with pytest.raises(ValueError, match='"archive" is loaded, "pull: always" asks a registry'):
        wanted(archive="a.tar", pull="always")
    pinned = f"lan.x:5000/app@sha256:{'a' * 64}"
    assert not any(isinstance(it, RegistryImage) for it in IMAGE.ask(wanted(name=pinned, pull="always")))
    with pytest.raises(ValueError, match='from the registry, which "pull: never" forbids to ask: give a tag instead'):
        wanted(name=pinned, pull="never", spread=True)
    assert wanted(pull="never", spread=True)


def test_only_who_hands_an_image_on_has_to_look_with_others() -> None:
    for step in (IMAGE, DockerPull()):
        assert step.meets(wanted(name="debian", spread=True)) == step.meets(
            wanted(name="docker.io/debian:latest", spread=True)
        )
        assert step.meets(wanted(name="debian", spread=True)) != step.meets(wanted(spread=True))
        assert [step.meets(wanted()), step.meets(wanted(spread=True, state="absent"))] == ["", ""]


# --- archives ---


def test_an_archive_tells_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    write_archive(path, "app:1", "docker.io/library/other:latest")
    (id,) = ids_in(path, "app:1")
    assert ids_in(path, "other") == (id,)
    assert ids_in(path, "app:2") == ()
    path.write_bytes(b"no archive")
    assert ids_in(path, "app:1") == (), "it is read again when it changes"
    assert ids_in(tmp_path / "none.tar", "app:1") == ()


@pytest.mark.parametrize(
    "manifest", [b"[1]", b"{}", b"[{}]", b'[{"Config": 1, "RepoTags": ["app:1"]}]', b"\xff", b"null"]
)
def test_an_archive_that_tells_nonsense_tells_nothing(tmp_path: Path, manifest: bytes) -> None:
    import io
    import tarfile

    with tarfile.open(tmp_path / "a.tar", "w") as packed:
        member = tarfile.TarInfo("manifest.json")
        member.size = len(manifest)
        packed.addfile(member, io.BytesIO(manifest))
    assert ids_in(tmp_path / "a.tar", "app:1") == ()


def test_archives_are_left_alone_where_the_registry_decides(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    write_archive(tmp_path / "images" / "app_1.tar", "app:1")
    desk = FolderDesk(tmp_path)
    assert IMAGE.prepare(wanted(name="app:1"), desk).archive == "images/app_1.tar"
    assert IMAGE.prepare(wanted(name="app:1", pull="always"), desk).archive == ""


def test_an_archive_of_other_images_leaves_nothing_and_takes_no_name(docker: FakeDocker, tmp_path: Path) -> None:
    docker.pull_image(APP)
    old = docker.inspect_image(APP)
    write_archive(tmp_path / "a.tar", APP, "other:1", command=("/bin/sleep", "1"))
    with pytest.raises(ActFailed, match=r'does not hold "app:1", it holds lan\.x:5000/app:1, other:1'):
        DockerTarget(daemon=docker).converge(IMAGE, wanted(name="app:1", archive=str(tmp_path / "a.tar")))
    assert docker.images() == (old,)


def test_an_archive_of_what_was_there_takes_nothing_away(docker: FakeDocker, tmp_path: Path) -> None:
    write_archive(tmp_path / "a.tar", "other:1")
    docker.load_image(tmp_path / "a.tar")
    before = docker.images()
    with pytest.raises(ActFailed, match="it holds other:1"):
        DockerTarget(daemon=docker).converge(IMAGE, wanted(archive=str(tmp_path / "a.tar")))
    assert docker.images() == before


# --- pruning ---


def test_a_removed_image_cannot_come_back_and_a_used_one_never_goes(docker: FakeDocker) -> None:
    at, want = DockerTarget(daemon=docker), PruneParams.model_validate({"what": "images"})
    docker.pull_image(APP)
    seen = at.look(PRUNE, want)
    (change,) = PRUNE.plan(seen, want)
    docker.create_container("c1", {"Image": APP})
    with pytest.raises(
        ActFailed, match=rf"cannot remove image {APP} on host01: conflict: .* is using its referenced image"
    ):
        PRUNE.apply(at, want, seen, change)
    assert docker.inspect_image(APP)
    docker.remove_container("c1", force=True)
    docker.tag_image(APP, "other:1")
    with pytest.raises(ActFailed, match="it has another name by now: other:1"):
        PRUNE.apply(at, want, seen, change)
    with pytest.raises(CannotUndo, match="was removed"):
        PRUNE.undo(at, want, seen, change)


@pytest.mark.parametrize("api", ["1.24", "1.41"])
def test_an_image_with_several_names_keeps_them_all_while_a_container_has_it(docker: FakeDocker, api: str) -> None:
    docker.facts = type(docker.facts)("x", api, "1.12", api)
    at, want = DockerTarget(daemon=docker), PruneParams.model_validate({"what": "images"})
    docker.pull_image(APP)
    if api == "1.41":
        docker.tag_image(APP, "other:1")
    seen, before = at.look(PRUNE, want), docker.images()
    (change,) = PRUNE.plan(seen, want)
    docker.create_container("c1", {"Image": APP})
    with pytest.raises(ActFailed, match='the container "c1" has it by now'):
        PRUNE.apply(at, want, seen, change)
    assert docker.images() == before
    docker.remove_container("c1", force=True)
    assert len(at.converge(PRUNE, want)) == 1
    assert docker.images() == ()


class Listing(FakeDocker):
    """Counts listings of containers."""

    listings = 0

    def containers(self) -> Any:
        self.listings += 1
        return super().containers()


@pytest.mark.parametrize("what", ["images", "volumes"])
def test_many_things_are_removed_each_by_itself(what: str) -> None:
    names = [f"lan.x/app{number}:1" for number in range(800)]
    docker = Listing(images=names if what == "images" else ())
    for name in names if what == "volumes" else ():
        docker.create_volume({"Name": name.replace("/", "-").replace(":", "-")})
    at, want = DockerTarget(daemon=docker), PruneParams.model_validate({"what": what})
    seen = at.look(PRUNE, want)
    told: list[str] = []
    original = docker_prune._told
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(docker_prune, "_told", lambda it: (told.append(it.id), original(it))[1])
        changes = PRUNE.plan(seen, want)
        for change in changes:
            PRUNE.apply(at, want, seen, change)
    assert (len(changes), len(told)) == (800, 800), "things are described once, not once for each other"
    assert docker.listings == 1
    assert at.plan(PRUNE, want) == ()


@pytest.mark.parametrize(("given", "said"), [
    ({"what": "networks", "until": "1 d"}, "listings do not tell the age of networks"),
    ({"what": "volumes", "until": "1 d"}, "listings do not tell the age of volumes"),
    ({"what": "containers", "dangling": True}, '"dangling" is about images'),
    ({"what": "images", "label": ["=x"]}, "expected a label"),
    ({"what": "everything"}, "Input should be"),
])  # fmt: skip
def test_conditions_that_do_not_fit(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PruneParams.model_validate(given)


# --- logins ---


@dataclass
class Machine(LocalTarget):
    """This machine, with a daemon that asks registries."""

    daemon: FakeDocker = field(default_factory=FakeDocker)

    @property
    def docker(self) -> Any:
        return self.daemon


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def machine(tmp_path: Path, home: Path) -> Machine:
    path = tools(tmp_path / "bin", getent=f'echo "$2:x:0:0::{home}:/bin/sh"')
    daemon = FakeDocker()
    daemon.accounts["lan.x:5000"] = ("u", "p")
    return Machine(path=f"{path}:{SYSTEM_PATH}", daemon=daemon)


def login(**given: Any) -> LoginParams:
    return LoginParams.model_validate(
        {"registry": "lan.x:5000", "username": "u", "password": "p", "user": _me(), **given}
    )


def _me() -> str:
    import getpass

    return getpass.getuser()


def test_a_login_is_written_once_and_the_rest_of_the_file_stays(machine: Machine, home: Path) -> None:
    file = home / ".docker" / "config.json"
    assert [it.verb for it in machine.converge(LOGIN, login())] == [Verb.CREATE]
    assert machine.converge(LOGIN, login()) == ()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    file.write_text(json.dumps({**json.loads(file.read_text()), "psFormat": "x"}))
    machine.converge(LOGIN, login(registry="other.x", check=False))
    assert json.loads(file.read_text())["psFormat"] == "x"
    assert set(json.loads(file.read_text())["auths"]) == {"lan.x:5000", "other.x"}
    assert [it.verb for it in machine.converge(LOGIN, login(state="absent"))] == [Verb.REMOVE]
    assert set(json.loads(file.read_text())["auths"]) == {"other.x"}
    file.chmod(0o644)
    assert [it.field for it in machine.converge(LOGIN, login(registry="other.x", check=False))] == ["mode"]
    assert [path.name for path in file.parent.iterdir()] == ["config.json"]


def test_a_password_stands_in_no_command(machine: Machine) -> None:
    machine.daemon.accounts["lan.x:5000"] = ("u", "hidden-word")
    machine.converge(LOGIN, login(password="hidden-word"))
    assert not any("hidden-word" in script for script in machine.scripts)
    assert "hidden-word" not in repr((login(password="hidden-word"), LOGIN.ask(login(password="hidden-word"))))


def test_what_the_registry_does_not_take_is_not_written(machine: Machine, home: Path) -> None:
    with pytest.raises(
        ActFailed, match=r'the registry lan\.x:5000 does not take the login of "u" .*; nothing was written'
    ):
        machine.converge(LOGIN, login(password="wrong"))
    assert list(home.iterdir()) == []


def test_a_login_is_taken_back(machine: Machine, home: Path) -> None:
    file = home / ".docker" / "config.json"
    before = machine.look(LOGIN, login())
    changes = machine.converge(LOGIN, login())
    LOGIN.undo(machine, login(), before, changes[0])
    assert not file.exists()
    file.write_text('{"auths": {"lan.x:5000": {"auth": "b2xkOm9sZA=="}}, "x": 1}')
    before, content = machine.look(LOGIN, login()), file.read_text()
    changes = machine.converge(LOGIN, login())
    LOGIN.undo(machine, login(), before, changes[0])
    assert file.read_text() == content


def test_two_logins_that_looked_at_the_same_time_both_stay(machine: Machine, home: Path) -> None:
    file = home / ".docker" / "config.json"
    both = [login(), login(registry="other.x", check=False)]
    seen = [machine.look(LOGIN, want) for want in both]
    changes = [LOGIN.plan(it, want)[0] for it, want in zip(seen, both, strict=True)]
    for it, want, change in zip(seen, both, changes, strict=True):
        LOGIN.apply(machine, want, it, change)
    assert set(json.loads(file.read_text())["auths"]) == {"lan.x:5000", "other.x"}
    assert [LOGIN.plan(machine.look(LOGIN, want), want) for want in both] == [(), ()]
    LOGIN.undo(machine, both[0], seen[0], changes[0])
    assert set(json.loads(file.read_text())["auths"]) == {"other.x"}
    LOGIN.undo(machine, both[1], seen[1], changes[1])
    assert not file.exists()


@dataclass
class Meddled(Machine):
    """Somebody else changes the file after each of the first looks, `times` of them."""

    file: Path = Path()
    times: int = 1

    def run(self, script: str, **options: Any) -> Reply:
        reply = super().run(script, **options)
        if quote(LOOK) in script and self.times:
            self.times -= 1
            config = json.loads(self.file.read_text()) if self.file.exists() else {"auths": {}}
            self.file.parent.mkdir(exist_ok=True)
            self.file.write_text(json.dumps({"auths": {**config["auths"], f"new{self.times}.x": {"auth": "YTpi"}}}))
        return reply


def meddled(machine: Machine, home: Path, times: int) -> Meddled:
    return Meddled(path=machine.path, daemon=machine.daemon, file=home / ".docker" / "config.json", times=times)


def test_what_somebody_writes_between_our_look_and_our_act_stays(machine: Machine, home: Path) -> None:
    at = meddled(machine, home, 2)
    at.converge(LOGIN, login())
    assert set(json.loads(at.file.read_text())["auths"]) == {"lan.x:5000", "new0.x", "new1.x"}
    assert [path.name for path in at.file.parent.iterdir()] == ["config.json"]
    at.times = 99
    with pytest.raises(ActFailed, match=r"was changed by somebody else each of the 5 times we looked: run again"):
        at.converge(LOGIN, login(state="absent"))
    assert [path.name for path in at.file.parent.iterdir()] == ["config.json"]


@pytest.mark.parametrize(("text", "said"), [
    ('{"credHelpers": ["lan.x:5000"]}', 'an object as "credHelpers"'), ('{"auths": [1]}', 'an object as "auths"'),
    ("[1]", "a JSON object"), ("{", "a JSON object"),
])  # fmt: skip
def test_a_file_of_another_form_is_not_overwritten(machine: Machine, home: Path, text: str, said: str) -> None:
    file = home / ".docker" / "config.json"
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(ActFailed, match=rf'expected {said} in "{file}": repair the file or move it away'):
        machine.converge(LOGIN, login())
    assert file.read_text() == text


def test_a_file_that_is_a_link_stays_one(machine: Machine, home: Path) -> None:
    (home / "kept.json").write_text("{}")
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").symlink_to(home / "kept.json")
    machine.converge(LOGIN, login())
    assert (home / ".docker" / "config.json").is_symlink()
    assert "lan.x:5000" in (home / "kept.json").read_text()


def test_what_is_no_file_and_who_is_nobody(machine: Machine, home: Path) -> None:
    (home / ".docker" / "config.json").mkdir(parents=True)
    with pytest.raises(CannotTell, match="expected a file at"):
        machine.look(LOGIN, login())
    machine.path = SYSTEM_PATH
    with pytest.raises(CannotTell, match='there is no user "nobody-of-that-name"'):
        machine.look(LOGIN, login(user="nobody-of-that-name"))


def test_a_machine_that_cannot_tell(machine: Machine) -> None:
    (question,) = LOGIN.ask(login())
    with pytest.raises(CannotTell):
        LOGIN.seen(Answers({question: CannotTell("no answer")}), login())
