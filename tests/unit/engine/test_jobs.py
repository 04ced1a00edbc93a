"""Equal jobs are one job: what makes them equal, secrets among it, which no key shows."""

from pathlib import Path
from typing import Any

from xcatflow.contract import Params, Step
from xcatflow.engine.prepare import Prepared
from xcatflow.model.target import TargetRef
from xcatflow.steps.docker_image import DockerImage, ImageParams
from xcatflow.steps.docker_registry_login import DockerRegistryLogin, LoginParams

HOST = TargetRef("host01", "host01:2376")


def key(step: Step[Any, Any], want: Params) -> tuple[object, ...]:
    return Prepared("a", None, step, None, HOST, want).key  # type: ignore[arg-type]


def login(password: str) -> LoginParams:
    return LoginParams(registry="lan.x", username="u", password=password)


def image(**given: Any) -> ImageParams:
    return ImageParams.model_validate({"name": "lan.x/app", **given})


def test_logins_that_differ_only_in_the_password_are_two_jobs() -> None:
    step = DockerRegistryLogin()
    assert key(step, login("hidden")) == key(step, login("hidden"))
    assert key(step, login("hidden")) != key(step, login("other"))
    assert "hidden" not in str(key(step, login("hidden")))


def test_what_is_deep_inside_counts_and_what_steps_add() -> None:
    step, auth = DockerImage(), {"username": "u", "password": "hidden"}
    assert key(step, image(auth=auth)) == key(step, image(auth=dict(auth)))
    assert key(step, image(auth=auth)) != key(step, image(auth={**auth, "password": "other"}))
    assert "hidden" not in str(key(step, image(auth=auth)))
    one, two = (image().model_copy(update={"file": Path(name)}) for name in ("a.tar", "b.tar"))
    assert key(step, one) != key(step, two)
