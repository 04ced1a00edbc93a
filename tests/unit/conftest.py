"""What unit tests in several places need: a real Docker engine of their own, where one can run."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.archive import busybox
from tests.fakes.dockerd import Engine, NoEngine, engine


@pytest.fixture(scope="module")
def real_engine() -> Iterator[Engine]:
    """An engine for the tests of a file, which are skipped where none can run."""
    if busybox() is None:
        pytest.skip("no static busybox to make an image of")
    directory = Path(tempfile.mkdtemp(prefix="xd-"))
    try:
        with engine(directory) as running:
            yield running
    except NoEngine as error:
        pytest.skip(str(error))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
