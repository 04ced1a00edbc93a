"""References of images: their one spelling, and their parts."""

import pytest

from xcatflow.model.image import canonical, check_reference, digest_in, registry_of, repository_of, split_reference

ID = "sha256:" + "a" * 64


@pytest.mark.parametrize(("reference", "listed"), [
    ("busybox", "busybox:latest"), ("busybox:1.36", "busybox:1.36"), ("library/busybox", "busybox:latest"),
    ("docker.io/library/busybox:1", "busybox:1"), ("index.docker.io/library/busybox", "busybox:latest"),
    ("docker.io/busybox", "busybox:latest"), ("docker.io/site/app", "site/app:latest"),
    ("docker.io/library/a/b:1", "library/a/b:1"), ("index.docker.io/site/app:2", "site/app:2"),
    ("registry.lan:5000/app", "registry.lan:5000/app:latest"), ("registry:5000/app:1", "registry:5000/app:1"),
    ("registry.lan/library/app", "registry.lan/library/app:latest"), ("localhost/app", "localhost/app:latest"),
    (f"app:1@{ID}", f"app@{ID}"), (f"index.docker.io/library/app:1@{ID}", f"app@{ID}"), (ID, ID),
])  # fmt: skip
def test_references_have_one_spelling(reference: str, listed: str) -> None:
    assert canonical(check_reference(reference)) == listed
    assert canonical(listed) == listed


@pytest.mark.parametrize(
    "reference", ["", "a b", "App", "app:", "app@sha256:12", "/app", "http://x/app", "app:1:2", "-x.lan/app", "x-/app"]
)
def test_what_is_no_reference(reference: str) -> None:
    with pytest.raises(ValueError, match="expected an image such as"):
        check_reference(reference)


@pytest.mark.parametrize(("reference", "registry", "repository"), [
    ("debian:12", "", "debian"), ("site/app", "", "site/app"), ("localhost/app", "localhost", "localhost/app"),
    ("lan.x:5000/a/b:1", "lan.x:5000", "lan.x:5000/a/b"), ("docker.io/library/debian", "", "debian"),
    ("index.docker.io/library/debian:12", "", "debian"), (f"lan.x/app@{ID}", "lan.x", "lan.x/app"),
    (f"lan.x:5000/app:1@{ID}", "lan.x:5000", "lan.x:5000/app"),
])  # fmt: skip
def test_the_parts_of_a_reference(reference: str, registry: str, repository: str) -> None:
    assert (registry_of(reference), repository_of(reference)) == (registry, repository)


@pytest.mark.parametrize(("reference", "parts"), [
    ("busybox", ("busybox", "latest")), ("busybox:1", ("busybox", "1")), ("app:", ("app", "latest")),
    ("registry:5000/app", ("registry:5000/app", "latest")), ("registry:5000/app:2", ("registry:5000/app", "2")),
    ("docker.io/library/app", ("docker.io/library/app", "latest")), ("app@sha256:12", ("app", "sha256:12")),
    ("registry:5000/app:2@sha256:12", ("registry:5000/app", "sha256:12")),
])  # fmt: skip
def test_a_reference_is_split_as_it_is_written(reference: str, parts: tuple[str, str]) -> None:
    assert split_reference(reference) == parts


def test_a_digest_is_its_own_repositorys() -> None:
    digests = ("other/app@sha256:1", "lan.x/app@sha256:2", "lan.x/app@sha256:3")
    assert digest_in(digests, "lan.x/app") == "sha256:2"
    assert digest_in(digests, "lan.x/app", "sha256:3") == "sha256:3"
    assert digest_in(digests, "lan.x/app", "sha256:1") == "sha256:2"
    assert digest_in(digests, "lan.x/ap") == ""
