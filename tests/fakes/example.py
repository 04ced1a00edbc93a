"""The example package of the documentation, installed as anybody would, but into a folder."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


def installed(folder: Path) -> dict[str, str]:
    """Install the package into `folder`; an environment in which Python finds it."""
    source = EXAMPLES / "xcatflow-hostname"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-index",
            "--no-deps",
            "--no-build-isolation",
            "--target",
            folder,
            source,
        ],
        check=True,
        capture_output=True,
        timeout=120,
        env={**os.environ, "PIP_NO_INPUT": "1"},
    )
    return {**os.environ, "PYTHONPATH": str(folder)}
