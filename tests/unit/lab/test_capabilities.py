"""What the machine may not hand out."""

from pathlib import Path

import pytest

from xcatflow.lab.capabilities import NAMES, NEEDED, missing


def machine(folder: Path, bounds: int, last: int) -> tuple[Path, Path]:
    status, top = folder / "status", folder / "last"
    status.write_text(f"Name:\tsh\nCapEff:\t0000000000000000\nCapBnd:\t{bounds:016x}\nCapAmb:\t0000000000000000\n")
    top.write_text(f"{last}\n")
    return status, top


ALL = (1 << len(NAMES)) - 1


@pytest.mark.parametrize(
    ("bounds", "last", "lacking"),
    [
        (ALL, 40, ()),
        (ALL & ~(1 << 24), 40, ("SYS_RESOURCE",)),
        (ALL & ~(1 << 21) & ~1, 40, ("CHOWN", "SYS_ADMIN")),
        (0x1FFFFFFFFF, 36, ()),  # an older kernel knows fewer
        (ALL, 45, ()),  # a newer one knows some that have no name here
    ],
)
def test_missing(tmp_path: Path, bounds: int, last: int, lacking: tuple[str, ...]) -> None:
    assert missing(*machine(tmp_path, bounds, last)) == lacking


def test_numbers_of_the_needed_ones() -> None:
    numbers = {
        "SETFCAP": 31,
        "NET_ADMIN": 12,
        "NET_RAW": 13,
        "SYS_CHROOT": 18,
        "SYS_PTRACE": 19,
        "SYS_ADMIN": 21,
        "MKNOD": 27,
    }
    assert {name: NAMES.index(name) for name in NEEDED} == numbers


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="capabilities are Linux's")
def test_this_machine() -> None:
    assert set(missing()) <= set(NAMES)
