"""The command as a program: what only shows with a process of its own."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.media import image, sums

FILES = {
    ".disk/info": b'Debian GNU/Linux 12.5.0 "Bookworm" - Official amd64 DVD Binary-1\n',
    "dists/bookworm/Release": b"Codename: bookworm\n",
    **{f"pool/{number:02}.deb": bytes([number]) * 1_000_000 for number in range(40)},
}
COPYCDS = [sys.executable, "-P", "-m", "xcatflow", "copycds"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "site.stanza").write_text("clustersite:\n    objtype=site\n    installdir=install\n")
    image(tmp_path / "a.iso", {**FILES, "md5sum.txt": sums(FILES)})
    return tmp_path


def test_progress_is_shown_on_a_terminal(site: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([*COPYCDS, "a.iso"], cwd=site, stdout=theirs, env=environment(site)) as process:
        os.close(theirs)
        said = b""
        try:
            while chunk := os.read(ours, 4096):
                said += chunk
        except OSError:
            pass  # the other end is closed
        os.close(ours)
    assert process.returncode == 0
    lines = said.decode().replace("\r\n", "\n").split("\n")
    assert lines[0] == "Copying media to install/debian12.5.0/x86_64"
    shown = [part for part in lines[1].split("\r") if part.strip()]
    assert shown[-2:] == ["100%", "Media copy operation successful"]
    percents = [int(part.rstrip("%")) for part in shown[:-1]]
    assert percents == sorted(percents)
    assert len(percents) > 20


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_who_is_stopped_goes_on_the_next_time(number: signal.Signals, site: Path) -> None:
    code, err = stopped(site, number)
    assert code == (-9 if number == signal.SIGKILL else 130)
    assert ("so far stays beside it: run this again to go on" in err) == (number == signal.SIGINT)
    assert not (site / "install" / "debian12.5.0" / "x86_64").exists()
    assert not list((site / "inventory").glob("osimages*"))
    again = subprocess.run(
        [*COPYCDS, "-V", "a.iso"], cwd=site, env=environment(site), capture_output=True, text=True, check=True
    )
    copied, kept = (int(word) for word in again.stdout.splitlines()[1].split() if word.isdigit())
    assert (copied + kept, again.stderr) == (len(FILES) + 1, "")
    assert kept > 0
    assert "debian12.5.0-x86_64-install-dockerhost" in (site / "inventory" / "osimages.stanza").read_text()
    assert [each.name for each in (site / "install" / "debian12.5.0").iterdir()] == ["x86_64"]


def stopped(site: Path, number: signal.Signals) -> tuple[int, str]:
    """A copy that got a signal when some files were in place; exit code and standard error. One that was through before is tried again."""
    done = site / "install" / "debian12.5.0" / ".x86_64.copying" / "done"
    for _ in range(20):
        process = subprocess.Popen(
            [*COPYCDS, "-o", "a.iso"],
            cwd=site,
            env=environment(site),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline and not (done.exists() and done.stat().st_size):
            time.sleep(0.001)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        if process.returncode:
            return process.returncode, err
        shutil.rmtree(site / "install")
        (site / "inventory" / "osdistros.stanza").unlink()
    raise AssertionError("every copy was through before it could be stopped")


def environment(site: Path) -> dict[str, str]:
    root = str(Path(__file__).parents[3])
    return {**os.environ, "XCATFLOW_SITE": str(site), "PYTHONPATH": root}
