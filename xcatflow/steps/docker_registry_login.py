"""`docker.registry_login`: a user of the machine is logged in to a registry, so that `docker pull` by hand works there.

Daemons keep no logins: it is the client's file, `~/.docker/config.json`, that says who one is. Before it is written, the daemon asks the
registry whether it takes the credentials. What the file says besides stays. The password travels on standard input only.

Source: docker-login(1) (`auths`, `credsStore`, `credHelpers`; the entry of Docker Hub is called https://index.docker.io/v1/).
"""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from shlex import quote
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotTell
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Question, Shell
from xcatflow.steps.daemon_words import refused
from xcatflow.steps.login_script import LOOK, REMOVE, WRITE
from xcatflow.steps.place import Owner, checked
from xcatflow.transport.protocols import RegistryAuth

_HUB = "https://index.docker.io/v1/"


def _host(text: str) -> str:
    if "/" in text or not text.strip() or text != text.strip():
        raise ValueError(f'expected a registry such as "registry.lan:5000" or "docker.io", found "{text}"')
    return text


class LoginParams(Params):
    """A login of one user."""

    registry: Annotated[str, AfterValidator(_host)] = Field(
        description="The registry as image names have it, such as `registry.lan:5000`; `docker.io` for Docker Hub."
    )
    username: str = Field("", description="The name there.")
    password: str = Field("", repr=False, description="The password or token; a secret: `${secret.NAME}`.")
    user: Owner = Field("root", description="Whose login it is on the machine.")
    check: bool = Field(True, description="Have the daemon ask the registry before the login is written.")
    state: Literal["present", "absent"] = Field("present", description="`absent` logs out.")

    @model_validator(mode="after")
    def _fits(self) -> "LoginParams":
        if self.state == "present" and not (self.username and self.password):
            raise ValueError('a login takes "username" and "password"')
        if ":" in self.username:
            raise ValueError(f'a name with ":" cannot be used for a login, found "{self.username}"')
        return self

    @property
    def entry(self) -> str:
        """What the registry's entry is called."""
        return _HUB if self.registry in ("docker.io", "index.docker.io") else self.registry

    @property
    def auth(self) -> str:
        """The entry's value."""
        return b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Logins:
    """A user's file: where it is, its content (None: not there) and mode, and whether it is the user's own."""

    path: str
    content: bytes | None = field(default=None, repr=False)
    mode: str = ""
    own: bool = True


class DockerRegistryLogin(Step[LoginParams, Logins]):
    """Merged into the file, which is private afterwards."""

    kind = "docker.registry_login"
    params: ClassVar[type[Params]] = LoginParams

    def ask(self, want: LoginParams) -> tuple[Question[Any], ...]:
        return (_question(want),)

    def seen(self, answers: Answers, want: LoginParams) -> Logins | None:
        reply = answers[_question(want)]
        if reply.code:
            raise CannotTell(f'cannot tell the logins of "{want.user}": {reply.complaint or "no answer"}')
        path, mode, own, content = (*reply.text.split("\n", 3), "", "", "")[:4]
        there = b64decode(content) if mode else None
        return Logins(path, there, mode, own == want.user)

    def plan(self, seen: Logins | None, want: LoginParams) -> tuple[Change, ...]:
        assert seen is not None
        config = _parsed(seen)
        _refuse_helpers(config, seen, want)
        what, has = f"login of {want.user} at {want.registry}", _auths(config).get(want.entry)
        if want.state == "absent":
            return (Change(Verb.REMOVE, what, "", _user_of(has)),) if has is not None else ()
        if has is None:
            return (Change(Verb.CREATE, what, "", None, want.username),)
        if not isinstance(has, dict) or has.get("auth") != want.auth:
            old = _user_of(has)
            same = old == want.username
            return (
                Change(
                    Verb.UPDATE, what, "password" if same else "user", *((None, None) if same else (old, want.username))
                ),
            )
        if seen.mode != "600" or not seen.own:
            return (Change(Verb.UPDATE, what, "mode", seen.mode if seen.own else "of somebody else", "600"),)
        return ()

    def apply(self, at: Target, want: LoginParams, seen: Logins | None, change: Change) -> None:
        assert seen is not None
        config = _parsed(seen)
        auths = {name: entry for name, entry in _auths(config).items() if name != want.entry}
        if want.state == "present":
            if want.check:
                _ask_registry(at, want)
            old = _auths(config).get(want.entry)
            auths[want.entry] = {**(old if isinstance(old, dict) else {}), "auth": want.auth}
            auths[want.entry].pop("identitytoken", None)
        text = json.dumps({**config, "auths": auths}, indent="\t", ensure_ascii=False)
        _write(at, want, seen, f"{text}\n".encode())

    def undo(self, at: Target, want: LoginParams, seen: Logins | None, change: Change) -> None:
        assert seen is not None
        if seen.content is None:
            checked(at, _as_user(want.user, REMOVE), f'cannot remove "{seen.path}"')
        else:
            _write(at, want, seen, seen.content)


def _question(want: LoginParams) -> Shell:
    return Shell(_as_user(want.user, LOOK))


def _as_user(user: str, script: str) -> str:
    """The script as that user does it: in a home that is not root's, root follows no link that its owner laid."""
    return f"u={quote(user)} s={quote(script)}\n" + (
        'home=$(getent passwd "$u" | cut -d: -f6)\n'
        '[ -n "$home" ] || { echo "there is no user \\"$u\\" on this machine" >&2; exit 1; }\n'
        'if [ "$(id -u "$u")" = "$(id -u)" ]; then HOME=$home sh -c "$s"\n'
        'else HOME=$home runuser -u "$u" -- sh -c "$s"; fi'
    )


def _parsed(seen: Logins) -> dict[str, Any]:
    """What the file says. Raises ActFailed where it is no JSON object: it is not overwritten."""
    text = (seen.content or b"").decode("utf-8", "replace")
    try:
        found = json.loads(text) if text.strip() else {}
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("auths", {}), dict):
        raise ActFailed(
            f'expected a JSON object in "{seen.path}": repair the file or move it away, it is not overwritten'
        )
    return found


def _auths(config: dict[str, Any]) -> dict[str, Any]:
    return config.get("auths") or {}


def _refuse_helpers(config: dict[str, Any], seen: Logins, want: LoginParams) -> None:
    """Raise ActFailed where Docker's client would not look at what is written."""
    helper = (config.get("credHelpers") or {}).get(want.registry) or config.get("credsStore")
    if helper and want.state == "present":
        raise ActFailed(
            f'"{seen.path}" leaves logins at {want.registry} to the helper "{helper}": take it out of the file, or log in by hand'
        )


def _user_of(entry: Any) -> str:
    try:
        return b64decode(entry["auth"]).decode().partition(":")[0]
    except (TypeError, LookupError, ValueError):
        return "unknown"


def _ask_registry(at: Target, want: LoginParams) -> None:
    try:
        at.docker.login(RegistryAuth("" if want.entry == _HUB else want.registry, want.username, want.password))
    except ActFailed as error:
        raise refused(
            error,
            f'the registry {want.registry} does not take the login of "{want.username}" from {at.name}: {error}; nothing was written',
        ) from error


def _write(at: Target, want: LoginParams, seen: Logins, content: bytes) -> None:
    checked(at, _as_user(want.user, WRITE), f'cannot write "{seen.path}"', stdin=content)
