"""Host keys of machines: asked of the machines with `ssh-keyscan`, or read from a file that all of them share."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from xcatflow.errors import InvalidInput

_AT_ONCE = 250
_TIMEOUT_S = 5
_LONGEST_S = 120


def scanned(addresses: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """The keys (`ssh-ed25519 AAAA...`) of the machines at these addresses; those that do not answer have none.

    Raises InvalidInput where there is no `ssh-keyscan`.
    """
    found: dict[str, dict[str, None]] = {address: {} for address in addresses}
    for begin in range(0, len(addresses), _AT_ONCE):
        for line in _scan(addresses[begin : begin + _AT_ONCE]).splitlines():
            words = line.split()
            if len(words) >= 3 and not line.startswith("#") and words[0] in found:
                found[words[0]][" ".join(words[1:3])] = None
    return {address: tuple(sorted(keys)) for address, keys in found.items()}


def _scan(addresses: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            ["ssh-keyscan", "-T", str(_TIMEOUT_S), "-f", "-"],
            input="".join(f"{address}\n" for address in addresses),
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
            check=False,
        )
    except FileNotFoundError:
        raise InvalidInput("no program ssh-keyscan: install the OpenSSH client") from None
    except subprocess.TimeoutExpired as expired:
        return expired.stdout.decode() if isinstance(expired.stdout, bytes) else expired.stdout or ""
    return done.stdout


def shared(path: Path) -> str:
    """The key in a public key file. Raises InvalidInput where there is none."""
    try:
        words = path.read_text().split()
    except OSError:
        raise InvalidInput(f"The keyfile:{path} is missing. Cannot create the known_hosts file.") from None
    if len(words) < 2 or words[0].startswith("-"):
        raise InvalidInput(f'"{path}": expected a public key such as "ssh-ed25519 AAAA..."')
    return " ".join(words[:2])
