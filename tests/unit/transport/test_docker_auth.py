"""Who we are to a registry: given, from the user's Docker configuration, or from a credential helper."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.peer import chunked, reply
from tests.unit.transport.daemons import always, daemon
from xcatflow.errors import ActFailed, DeadlineExceeded
from xcatflow.transport import docker_auth
from xcatflow.transport.protocols import RegistryAuth

DONE = chunked('{"status":"done"}')
ENCODED = base64.b64encode(b"me:secret-word").decode()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's Docker configuration is looked for; no file yet."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "config.json"


@pytest.fixture
def helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for credential helpers, first in PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


def helper(folder: Path, name: str, script: str) -> None:
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def pulled(reference: str, auth: RegistryAuth | None = None) -> dict[str, Any] | None:
    """What a daemon hears of us when it is to pull."""
    with daemon(always(DONE)) as (it, peer):
        it.pull_image(reference, auth=auth)
        header = peer.requests[1].headers.get("x-registry-auth")
    return json.loads(base64.urlsafe_b64decode(header)) if header else None


def complaint(reference: str = "registry.test/app:1", kind: type[Exception] = ActFailed) -> str:
    with daemon(always(DONE)) as (it, peer):
        with pytest.raises(kind) as caught:
            it.pull_image(reference)
        assert peer.paths == []
    return str(caught.value)


def test_given_credentials_go_before_the_users(config: Path) -> None:
    config.write_text("this is broken")
    assert pulled("registry.test:5000/app", RegistryAuth("registry.test:5000", "me", "secret-word")) == {
        "username": "me",
        "password": "secret-word",
        "serveraddress": "registry.test:5000",
    }


def test_nothing_is_told_where_nothing_is_known(config: Path) -> None:
    assert pulled("registry.test/app") is None
    config.write_text("")
    assert pulled("registry.test/app") is None
    config.write_text(json.dumps({"auths": {"other.test": {"auth": ENCODED}}, "detachKeys": "ctrl-q"}))
    assert pulled("registry.test/app") is None


@pytest.mark.parametrize(
    ("key", "reference"),
    [
        ("registry.test", "registry.test/app:1"),
        ("https://registry.test/v1/", "registry.test/app"),
        ("https://index.docker.io/v1/", "busybox"),
        ("https://index.docker.io/v1/", "team/app"),
    ],
)
def test_users_configuration(config: Path, key: str, reference: str) -> None:
    config.write_text(json.dumps({"auths": {key: {"auth": ENCODED}}}))
    found = pulled(reference)
    assert found is not None
    assert (found["username"], found["password"]) == ("me", "secret-word")


def test_credential_helper_of_one_registry(config: Path, helpers: Path) -> None:
    config.write_text(json.dumps({"credHelpers": {"registry.test": "mine"}}))
    helper(helpers, "mine", """read server; printf '{"Username":"me","Secret":"for %s"}' "$server" """)
    found = pulled("registry.test/app")
    assert found == {"ServerAddress": "registry.test", "Username": "me", "Password": "for registry.test"}
    assert pulled("other.test/app") is None


def test_helper_that_knows_nothing_is_no_error(config: Path, helpers: Path) -> None:
    config.write_text(json.dumps({"credsStore": "mine"}))
    helper(helpers, "mine", "echo credentials not found in native keychain; exit 1")
    assert pulled("registry.test/app") is None


def test_helper_that_is_missing_is_named(config: Path) -> None:
    config.write_text(json.dumps({"credHelpers": {"registry.test": "nowhere"}}))
    assert complaint() == (
        f'the credential helper "docker-credential-nowhere", which "{config}" names for the registry "registry.test", '
        "is not there: install it, or take it out of the file"
    )


def test_helper_that_fails_is_told(config: Path, helpers: Path) -> None:
    config.write_text(json.dumps({"credsStore": "mine"}))
    helper(helpers, "mine", "echo the keychain is locked; exit 1")
    said = complaint()
    assert said.startswith(f'cannot use the Docker configuration "{config}" for the registry "registry.test": ')
    assert "the keychain is locked" in said
    helper(helpers, "mine", "echo no json")
    assert complaint().startswith(f'cannot use the Docker configuration "{config}" for the registry "registry.test": ')


def test_helper_that_hangs_is_not_waited_for(config: Path, helpers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_auth, "_HELPER_S", 0.3)
    config.write_text(json.dumps({"credsStore": "mine"}))
    helper(helpers, "mine", "exec sleep 2")
    assert complaint(kind=DeadlineExceeded) == (
        'timeout after 0.3 s: the credential helper "docker-credential-mine" for the registry "registry.test"'
    )


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"auths": {"registry.test": "no object"}}',
        '{"auths": {"registry.test": {"auth": "no base64 !"}}}',
        '{"auths": ["registry.test"]}',
    ],
)
def test_broken_configuration_is_named(config: Path, text: str) -> None:
    config.write_text(text)
    assert complaint().startswith(f'cannot use the Docker configuration "{config}": ')


def test_configuration_that_cannot_be_read_is_named(config: Path) -> None:
    config.write_bytes(b"\xff\xfe")
    assert complaint() == f'cannot read the Docker configuration "{config}": it is no UTF-8 text'
    config.unlink()
    config.mkdir()
    assert complaint() == f'cannot read the Docker configuration "{config}": is a directory'


def test_broken_configuration_disturbs_nothing_but_pulls(config: Path) -> None:
    config.write_text('{"auths": {"registry.test": "no object"}}')
    with daemon(always(reply([]))) as (it, _):
        assert it.networks() == ()


def test_legacy_configuration(config: Path) -> None:
    home = config.parent / "home"
    home.mkdir()
    (home / ".dockercfg").write_text(f"auth = {ENCODED}\nemail = me@site.test\n")
    found = pulled("busybox")
    assert found is not None
    assert (found["username"], found["password"]) == ("me", "secret-word")


@pytest.mark.parametrize("reference", ["docker://busybox", "-x.test/app"])
def test_reference_that_is_none_is_refused(config: Path, reference: str) -> None:
    assert complaint(reference).startswith(f'"{reference}" is no image reference: ')


def test_login_asks_the_daemon(config: Path) -> None:
    with daemon(always(reply({"Status": "Login Succeeded", "IdentityToken": ""}))) as (it, peer):
        it.login(RegistryAuth("", "me", "secret-word"))
        it.login(RegistryAuth("registry.test:5000", "me", "secret-word"))
    assert peer.paths == ["POST /v1.41/auth"] * 2
    assert [json.loads(request.body)["serveraddress"] for request in peer.requests[1:]] == [
        "https://index.docker.io/v1/",
        "registry.test:5000",
    ]
    refused = pytest.raises(ActFailed, match=r"^unauthorized: incorrect password$")
    words = {"message": "unauthorized: incorrect password"}
    with daemon(always(reply(words, "401 Unauthorized"))) as (it, _), refused as caught:
        it.login(RegistryAuth("registry.test:5000", "me", "secret-word"))
    assert "secret-word" not in f"{caught.value}{caught.value.detail}"
