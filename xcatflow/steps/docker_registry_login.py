"""`docker.registry_login`: a user of the machine is logged in to a registry, so that `docker pull` by hand works there.

Daemons keep no logins: it is the client's file, `~/.docker/config.json`, that says who one is. Before it is written, the daemon asks the
registry whether it takes the credentials. What the file says besides stays, what others write meanwhile too: each act looks anew, and
replaces nothing but what it looked at. The password travels on standard input only.

Source: docker-login(1) (`auths`, `credsStore`, `credHelpers`; the entry of Docker Hub is called https://index.docker.io/v1/).
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotTell
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Question, Reply, Shell
from xcatflow.steps.as_user import as_user
from xcatflow.steps.daemons.words import refused
from xcatflow.steps.login_script import CHANGED, LOOK, REMOVE, WRITE
from xcatflow.steps.place import Owner
from xcatflow.transport.protocols import RegistryAuth

_HUB = "https://index.docker.io/v1/"
_MOST_TRIES = 5


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

    @property
    def digest(self) -> str:
        return "" if self.content is None else sha256(self.content).hexdigest()


class DockerRegistryLogin(Step[LoginParams, Logins]):
    """Merged into the file, which is private afterwards."""

    kind = "docker.registry_login"
    params: ClassVar[type[Params]] = LoginParams

    def ask(self, want: LoginParams) -> tuple[Question[Any], ...]:
        return (_question(want),)

    def seen(self, answers: Answers, want: LoginParams) -> Logins | None:
        return _read(answers[_question(want)], want)

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
        if want.state == "present" and want.check:
            _ask_registry(at, want)
        _replace(at, want, lambda now: _merged(now, want))

    def undo(self, at: Target, want: LoginParams, seen: Logins | None, change: Change) -> None:
        assert seen is not None
        before = seen
        _replace(at, want, lambda now: _as_before(now, before, want))


def _question(want: LoginParams) -> Shell:
    return Shell(as_user(want.user, LOOK))


def _parsed(seen: Logins) -> dict[str, Any]:
    """What the file says. Raises ActFailed where it has another form."""
    text = (seen.content or b"").decode("utf-8", "replace")
    try:
        found = json.loads(text) if text.strip() else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _unusable(seen, "a JSON object")
    for key in ("auths", "credHelpers"):
        if not isinstance(found.get(key) or {}, dict):
            raise _unusable(seen, f'an object as "{key}"')
    return found


def _unusable(seen: Logins, expected: str) -> ActFailed:
    return ActFailed(f'expected {expected} in "{seen.path}": repair the file or move it away, it is not overwritten')


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


def _read(reply: Reply, want: LoginParams) -> Logins:
    """Raises CannotTell."""
    if reply.code:
        raise CannotTell(f'cannot tell the logins of "{want.user}": {reply.complaint or "no answer"}')
    path, mode, own, content = (*reply.text.split("\n", 3), "", "", "")[:4]
    return Logins(path, b64decode(content) if mode else None, mode, own == want.user)


def _merged(now: Logins, want: LoginParams) -> bytes | None:
    """The file with the entry as it is wanted, None for no file."""
    config = _parsed(now)
    _refuse_helpers(config, now, want)
    old = _auths(config).get(want.entry)
    if want.state == "absent":
        return _with_entry(config, want, None) if old is not None else now.content
    kept = {key: value for key, value in old.items() if key != "identitytoken"} if isinstance(old, dict) else {}
    return _with_entry(config, want, {**kept, "auth": want.auth})


def _as_before(now: Logins, before: Logins, want: LoginParams) -> bytes | None:
    """The file with the entry as it was, None for no file; to the byte what it was where nobody else has changed it since."""
    if now.content == _merged(before, want):
        return before.content
    config = _parsed(now)
    text = _with_entry(config, want, _auths(_parsed(before)).get(want.entry))
    return None if before.content is None and json.loads(text) == {"auths": {}} else text


def _with_entry(config: dict[str, Any], want: LoginParams, entry: Any) -> bytes:
    auths = {name: other for name, other in _auths(config).items() if name != want.entry}
    auths |= {} if entry is None else {want.entry: entry}
    return (json.dumps({**config, "auths": auths}, indent="\t", ensure_ascii=False) + "\n").encode()


def _replace(at: Target, want: LoginParams, changed: Callable[[Logins], bytes | None]) -> None:
    """Look, and replace the file by what is made of it, or remove it; once more when somebody else has replaced it in between."""
    for _ in range(_MOST_TRIES):
        now = _read(at.run(as_user(want.user, LOOK), check=False), want)
        content = changed(now)
        if content is None and now.content is None:
            return
        script = as_user(want.user, REMOVE if content is None else WRITE)
        reply = at.run(script, stdin=f"{now.digest}\n".encode() + (content or b""), check=False)
        if not reply.code:
            return
        if reply.code != CHANGED:
            words = reply.complaint.rsplit("\n", 1)[-1] or f"exit status {reply.code}"
            raise ActFailed(
                f'cannot {"remove" if content is None else "write"} "{now.path}" on {at.name}: {words}', words
            )
    raise ActFailed(
        f'"{now.path}" on {at.name} was changed by somebody else each of the {_MOST_TRIES} times we looked: run again'
    )
