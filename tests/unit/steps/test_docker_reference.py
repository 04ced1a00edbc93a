"""The archives of a site that may hold an image."""

from pathlib import Path

import pytest

from tests.fakes.desk import FolderDesk
from xcatflow.errors import InvalidInput
from xcatflow.steps.docker_image import DockerImage, ImageParams
from xcatflow.steps.reference import archive_names

ID = "sha256:" + "a" * 64


@pytest.mark.parametrize(("reference", "files"), [
    ("busybox", ("images/busybox.tar", "images/busybox_latest.tar")),
    ("busybox:latest", ("images/busybox_latest.tar", "images/busybox.tar")),
    ("debian:12", ("images/debian_12.tar",)),
    ("registry.lan:5000/a/b:1", ("images/registry.lan_5000_a_b_1.tar",)),
    (f"app@{ID}", ()),
])  # fmt: skip
def test_where_archives_are_looked_for(reference: str, files: tuple[str, ...]) -> None:
    assert archive_names(reference) == files


def test_archives_are_found_before_any_connection(tmp_path: Path) -> None:
    step, desk = DockerImage(), FolderDesk(tmp_path)
    image = ImageParams.model_validate({"name": "busybox"})
    assert step.prepare(image, desk) == image
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "busybox_latest.tar").touch()
    found = step.prepare(image, desk)
    assert (found.archive, found.file) == ("images/busybox_latest.tar", tmp_path / "images" / "busybox_latest.tar")
    with pytest.raises(
        InvalidInput, match=r'no archive "images/x.tar" in the site: make it with "docker save -o FILE busybox"'
    ):
        step.prepare(ImageParams.model_validate({"name": "busybox", "archive": "images/x.tar"}), desk)
    gone = ImageParams.model_validate({"name": "busybox", "archive": "images/x.tar", "state": "absent"})
    assert step.prepare(gone, desk) == gone
    with pytest.raises(ValueError, match="an archive does not bring the digest of"):
        ImageParams.model_validate({"name": f"a@{ID}", "archive": "x.tar"})
