"""Where labs keep what outlives one: images and the private engine's data in the user's cache, its sockets in a place with a short path."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """Directories of one user's labs. `run` is apart because a Unix socket's path ends at 107 characters, and because what it holds is
    void after a reboot."""

    cache: Path
    run: Path

    @property
    def data(self) -> Path:
        """The private engine's images and containers."""
        return self.cache / "engine"

    @property
    def images(self) -> Path:
        return self.cache / "image"

    @property
    def log(self) -> Path:
        return self.cache / "engine.log"

    @property
    def lock(self) -> Path:
        return self.cache / "lock"

    @property
    def socket(self) -> Path:
        return self.run / "docker.sock"

    @property
    def record(self) -> Path:
        """Which process the private engine is, which labs use it, and what it found."""
        return self.run / "engine.json"


def places(env: Mapping[str, str] = os.environ) -> Places:
    """The places of this user: `$XDG_CACHE_HOME` or `~/.cache`, and `/run`."""
    base = Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = base / "xcatflow" / "lab"
    name = hashlib.sha256(str(cache.resolve()).encode()).hexdigest()[:8]
    return Places(cache=cache, run=Path("/run") / f"xcatflow-lab-{name}")
