"""`docker.pull`: an image is there before `mkdocker` needs it, got as `docker.image` gets it, with the daemon's own words where it fails.

Source: Engine API, `/images/create` and `/images/load`.
"""

from typing import Any, ClassVar

from xcatflow.contract import Desk, Params, Step, Target
from xcatflow.errors import ActFailed
from xcatflow.model.change import Change
from xcatflow.model.question import Answers, Question
from xcatflow.steps.docker_image import DockerImage, Found, ImageParams


class DockerPull(Step[ImageParams, Found]):
    """With `pull: never` it does nothing: the daemon says what is missing when the container is created."""

    kind = "docker.pull"
    params: ClassVar[type[Params]] = ImageParams
    _image: ClassVar[DockerImage] = DockerImage()

    def prepare(self, want: ImageParams, desk: Desk) -> ImageParams:
        return self._image.prepare(want, desk)

    def ask(self, want: ImageParams) -> tuple[Question[Any], ...]:
        return self._image.ask(want)

    def meets(self, want: ImageParams) -> str:
        return self._image.meets(want)

    def seen(self, answers: Answers, want: ImageParams) -> Found | None:
        return self._image.seen(answers, want)

    def plan(self, seen: Found | None, want: ImageParams) -> tuple[Change, ...]:
        return () if want.pull == "never" else self._image.plan(seen, want)

    def apply(self, at: Target, want: ImageParams, seen: Found | None, change: Change) -> None:
        try:
            self._image.apply(at, want, seen, change)
        except ActFailed as error:
            raise own_words(error) from error

    def verifies(self, want: ImageParams) -> bool:
        return False


def own_words(error: ActFailed) -> ActFailed:
    """The error that a step's sentence was made from: what the daemon itself said."""
    while isinstance(error.__cause__, ActFailed):
        error = error.__cause__
    return error
