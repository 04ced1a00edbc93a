"""Who we are to a registry: credentials given, or those of the user's Docker configuration and its credential helpers.

Source: docker SDK 7 (`docker.auth`); Engine API reference, "Authentication" (header X-Registry-Auth). The SDK takes a configuration that
it cannot read for an empty one, so that a pull would be refused by the registry without saying why: it is read here first.
"""

import base64
import json
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docker import auth as sdk
from docker.errors import DockerException
from docker.utils.config import find_config_file

from xcatflow.errors import ActFailed, DeadlineExceeded, reason_of
from xcatflow.model.image import check_reference, registry_of
from xcatflow.transport.protocols import RegistryAuth

_HELPER_S = 30.0
_HUB = "docker.io"


def auth_of(auth: RegistryAuth) -> dict[str, str]:
    """Credentials in the Engine API's words."""
    return {
        "username": auth.username,
        "password": auth.password,
        "serveraddress": auth.registry or sdk.INDEX_URL,
    }


def auth_header(who: Mapping[str, Any] | None) -> dict[str, str]:
    """The header that tells them to the daemon; none where there are none."""
    if not who:
        return {}
    return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(dict(who)).encode()).decode()}


def registry_for(reference: str) -> str:
    """The registry of a reference, as the user's configuration calls it. Raises ActFailed where that is no reference."""
    try:
        return registry_of(check_reference(reference)) or _HUB
    except ValueError as error:
        raise ActFailed(f'"{reference}" is no image reference: {error}') from error


def checked_by_user(registry: str) -> Mapping[str, Any] | None:
    """What the user's Docker configuration says for a registry; None where it says nothing.

    Raises ActFailed naming the file that cannot be read or the helper that fails, DeadlineExceeded when a helper takes too long.
    """
    found = find_config_file()
    if found is None:
        return None
    path = Path(str(found))
    config = _config(path)
    helper = config.get_credential_store(registry)
    if helper and shutil.which(f"docker-credential-{helper}") is None:
        raise ActFailed(
            f'the credential helper "docker-credential-{helper}", which "{path}" names for the registry "{registry}", is not there: '
            "install it, or take it out of the file"
        )
    return _resolved(config, registry, helper, path)


def _config(path: Path) -> Any:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ActFailed(f'cannot read the Docker configuration "{path}": {reason}') from error
    if path.name == ".dockercfg" and not text.lstrip().startswith("{"):
        return sdk.load_config(str(path))
    try:
        given = json.loads(text) if text.strip() else {}
        if not isinstance(given, dict):
            raise ValueError("it is no object")
        return sdk.load_config(config_dict=given) if given else sdk.AuthConfig({})
    except (ValueError, LookupError, TypeError, AttributeError, DockerException) as error:
        raise ActFailed(f'cannot use the Docker configuration "{path}": {error}') from error


def _resolved(config: Any, registry: str, helper: str | None, path: Path) -> Mapping[str, Any] | None:
    """Asks a helper in a thread of its own: the SDK would wait for it for ever."""
    got: list[Mapping[str, Any] | None] = []
    failed: list[BaseException] = []

    def resolve() -> None:
        try:
            got.append(config.resolve_authconfig(registry))
        except Exception as error:
            failed.append(error)

    if not helper:
        resolve()
    else:
        thread = threading.Thread(target=resolve, name="credentials", daemon=True)
        thread.start()
        thread.join(_HELPER_S)
    if failed:
        cause = failed[0].__cause__ or failed[0]
        raise ActFailed(f'cannot use the Docker configuration "{path}" for the registry "{registry}": {cause}')
    if not got:
        raise DeadlineExceeded(
            f'timeout after {_HELPER_S:g} s: the credential helper "docker-credential-{helper}" for the registry "{registry}"'
        )
    return got[0]
