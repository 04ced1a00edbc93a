"""What keeps links over reboots, as text: from what a machine has of its NIC and from what is wanted, exactly these files, for each network
manager. The cases are data: `NAME.case` holds what is wanted and what the machine has, and below it the files that come out.

No machine with a bond or a VLAN is needed for them: `UPDATE_GOLDEN=1` writes them anew, to be read before they are kept.
"""

import json
import os
from pathlib import Path

import pytest

from xcatflow.steps.networks.chain import STACKS
from xcatflow.steps.networks.files import base_script, hooks, made, mark, paths
from xcatflow.steps.networks.want import BridgeParams, ChainParams, InterfaceParams

DATA = Path(__file__).parent / "data" / "network.files"
MACS = {"eth0": "02:42:0a:4d:01:0b", "eth1": "02:42:0a:4d:01:0c"}
CASES = sorted(DATA.glob("*.case"))
SPLIT = "======== files\n"


def params(given: dict[str, object]) -> ChainParams:
    kind = BridgeParams if given.pop("kind") == "bridge" else InterfaceParams
    return kind.model_validate(given)


@pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
def test_files(case: Path) -> None:
    text = case.read_text()
    head, _, expected = text.partition(SPLIT)
    wanted, _, base = head.partition("\n")
    given = json.loads(wanted)
    stack = given.pop("stack")
    chain = params(given).chain
    found = made(stack, chain, base, MACS)
    sign = mark(stack, chain)
    shown = "".join(
        f"---- {file.path} {file.mode} {file.trial}".rstrip() + f"\n{file.text.replace(sign, 'MARK')}"
        for file in found.files
        if "/sbin/" not in file.path and not file.path.endswith(".service")
    )
    if os.environ.get("UPDATE_GOLDEN"):
        case.write_text(head + SPLIT + shown)
    else:
        assert shown == expected
    marked = {file.path for file in found.files if sign in file.text}
    assert set(paths(stack, chain)) <= marked, "what is looked for is written"


@pytest.mark.parametrize("stack", STACKS)
def test_shell_that_parses(stack: str) -> None:
    import subprocess

    chain = BridgeParams(port="eth0").chain
    for script in (base_script(stack, chain), hooks(stack, chain), made(stack, chain, "", MACS).hooks):  # type: ignore[arg-type]
        done = subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_every_stack_and_every_sort_of_link_is_there() -> None:
    names = " ".join(case.stem for case in CASES)
    for stack in STACKS:
        if stack != "none":
            assert all(f"{stack}-{sort}" in names for sort in ("bridge", "bond", "vlan", "nic")), stack
