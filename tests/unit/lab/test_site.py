"""The lab's files in its site: what it may write, what it writes, what it takes away."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.lab.labs import SMALL
from xcatflow.errors import InvalidInput
from xcatflow.lab import busybox, site
from xcatflow.lab.state import Host
from xcatflow.load.stanza import read_stanzas

pytestmark = pytest.mark.skipif(
    not shutil.which("ssh-keygen") or busybox.find() is None, reason="ssh-keygen or a static busybox is missing"
)
KNOWN = "host01,10.77.3.11 ssh-ed25519 AAAA\n"


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A site with a lab's files, and one of the user's in each directory."""
    for name in ("inventory/mine.stanza", "ssh/mine", "images/mine.tar"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("mine")
    lab = site.claim(tmp_path, SMALL)
    site.key(tmp_path, lab)
    site.write(tmp_path, lab, KNOWN)
    return tmp_path


def test_what_is_written_is_what_was_claimed(written: Path) -> None:
    lab = site.claim(written.parent, SMALL)
    assert {name for name, data in contents(written).items() if data != b"mine"} == set(lab.files)
    assert (written / site.KEY).stat().st_mode & 0o777 == 0o600


def test_what_is_removed_is_what_was_written(written: Path) -> None:
    site.remove(written, replace(SMALL, files=(*site.FILES, site.IGNORE)))
    assert set(contents(written)) == {"inventory/mine.stanza", "ssh/mine", "images/mine.tar"}


def test_directories_go_when_they_are_empty(tmp_path: Path) -> None:
    lab = site.claim(tmp_path, SMALL)
    site.key(tmp_path, lab)
    site.write(tmp_path, lab, KNOWN)
    site.remove(tmp_path, lab)
    assert list(tmp_path.iterdir()) == []
    site.remove(tmp_path, lab)


def test_a_file_of_somebody_else_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for name in (site.STANZA, site.CONFIG):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("mine")
    with pytest.raises(InvalidInput) as caught:
        site.claim(tmp_path, SMALL)
    assert [problem.message for problem in caught.value.problems] == [
        f'"{tmp_path / name}" exists and is not the lab\'s: move it away, or bring the lab up in another directory'
        for name in (site.STANZA, site.CONFIG)
    ]
    assert set(contents(tmp_path)) == {site.STANZA, site.CONFIG}
    claimed = site.claim(tmp_path, replace(SMALL, files=(site.STANZA, site.CONFIG)))
    assert set(site.FILES) <= set(claimed.files)


def test_a_gitignore_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / site.IGNORE).write_text("mine")
    lab = site.claim(tmp_path, SMALL)
    assert site.IGNORE not in lab.files
    site.key(tmp_path, lab)
    site.write(tmp_path, lab, KNOWN)
    assert (tmp_path / site.IGNORE).read_text() == "mine"
    assert site.IGNORE in site.claim(tmp_path, replace(SMALL, files=(site.IGNORE, *site.FILES))).files


def test_the_key_is_made_once(tmp_path: Path) -> None:
    public, fresh = site.key(tmp_path, SMALL)
    assert fresh
    assert public.endswith("xcatflow lab 0123abcd\n")
    assert site.key(tmp_path, SMALL) == (public, False)
    (tmp_path / site.PUBLIC_KEY).unlink()
    again, fresh = site.key(tmp_path, SMALL)
    assert fresh
    assert again != public


def test_writing_again_touches_nothing(written: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*")}
    site.write(written, replace(SMALL, files=(*site.FILES, site.IGNORE)), KNOWN)
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*")} == before


def test_what_others_wrote_into_the_definitions_stays(written: Path) -> None:
    stanza = written / site.STANZA
    text = stanza.read_text()
    first = next(line for line in text.splitlines() if "provmethod=" in line)
    gone, _, rest = text.partition("\nhost01c01:\n")
    block, blank, after = rest.partition("\n\n")
    changed = (
        text.replace(first, "    provmethod=mine!sleep 7\n    usercomment=kept: yes", 1)
        + "\nshop-db:\n    objtype=node\n    mgt=docker\n"
    )
    stanza.write_text(changed)
    site.write(written, SMALL, "")
    assert stanza.read_text() == changed
    stanza.write_text(gone + (blank + after if after else "\n"))  # one of the lab's own went
    site.write(written, SMALL, "")
    assert f"\nhost01c01:\n{block.rstrip()}\n" in stanza.read_text()
    stanza.write_text(changed.replace("ip=", "ip=9"))
    site.write(written, SMALL, "")
    assert stanza.read_text() == changed
    site.remove(written, replace(SMALL, files=(site.STANZA,)))
    assert not stanza.exists()
    kept = (written / site.KEPT).read_text()
    assert {draft.name for draft in read_stanzas(kept, site.KEPT)} == {"shop-db"}


def test_files_are_known_without_the_labs_state(written: Path) -> None:
    assert set(site.marked(written, SMALL.id)) == set(site.FILES)
    assert site.marked(written, "deadbeef") == ()
    (written / site.STANZA).write_text("mine:\n    objtype=node\n")
    (written / site.IMAGE).write_bytes(b"mine")
    assert set(site.marked(written, SMALL.id)) == set(site.FILES) - {site.STANZA, site.IMAGE}


def test_the_inventory_is_definitions() -> None:
    drafts = {draft.name: draft for draft in read_stanzas(site.inventory(SMALL), site.STANZA)}
    assert set(drafts) == {"labnet", "host01", "host02", "host01c01", "host02c01"}
    assert {name: draft.values["ip"] for name, draft in drafts.items() if name != "labnet"} == {
        "host01": "10.77.3.11",
        "host02": "10.77.3.12",
        "host01c01": "10.77.3.101",
        "host02c01": "10.77.3.102",
    }


@pytest.mark.skipif(not shutil.which("ssh"), reason="ssh is missing")
@pytest.mark.parametrize("name", ["host02", "10.77.3.12"])
def test_ssh_understands_its_configuration(tmp_path: Path, name: str) -> None:
    odd = tmp_path / "a site"
    odd.mkdir()
    config = odd / "config"
    config.write_text(site.ssh_config(odd, SMALL))
    text = subprocess.run(["ssh", "-G", "-F", str(config), name], capture_output=True, text=True, check=True).stdout
    said = dict(line.partition(" ")[::2] for line in text.splitlines())
    assert said["hostname"] == "10.77.3.12"
    assert said["hostkeyalias"] == "host02"
    assert said["user"] == "root"
    assert said["identityfile"] == str(odd / site.KEY)
    assert said["userknownhostsfile"] == str(odd / site.KNOWN_HOSTS)
    assert said["stricthostkeychecking"] == "true"


def test_a_lab_of_many_hosts_has_one_line_for_all() -> None:
    many = replace(SMALL, hosts=tuple(Host(f"host{number:02}", f"10.77.3.{number}") for number in range(1, 30)))
    assert site.ssh_config(Path("/x"), many).count("IdentityFile") == 1
