"""The way out of a lab: rules that are the lab's own, put in once and taken back, in a network namespace where that is possible."""

import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.fakes.netns import lacks
from tests.unit.lab.labs import SMALL
from xcatflow.lab.forwarding import rules

OBSTACLE = lacks() or ("" if shutil.which("iptables") else "iptables is missing")


def test_every_rule_bears_the_labs_mark_and_is_about_its_bridge() -> None:
    found = rules(SMALL)
    assert [(table, chain) for table, chain, *_ in found] == [
        ("nat", "POSTROUTING"),
        ("filter", "FORWARD"),
        ("filter", "FORWARD"),
    ]
    for rule in found:
        assert rule[rule.index("--comment") + 1] == SMALL.network
        assert SMALL.bridge in rule
    assert not set(found) & set(rules(replace(SMALL, id="deadbeef")))


@pytest.mark.skipif(bool(OBSTACLE), reason=OBSTACLE)
def test_for_real() -> None:
    code = """
import subprocess
from tests.unit.lab.labs import SMALL
from xcatflow.lab.forwarding import close_way, forwarding, open_way, switch_forwarding

def kept():
    text = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    return sorted(line for line in text.splitlines() if line.startswith("-A"))

def iptables(*words):
    subprocess.run(["iptables", "-w", *words], check=True)

iptables("-A", "FORWARD", "-i", "other", "-j", "ACCEPT")
before = kept()
open_way(SMALL)
there = kept()
assert len(there) == len(before) + 3, there
open_way(SMALL)
assert kept() == there
iptables("-D", "FORWARD", "-i", SMALL.bridge, "-m", "comment", "--comment", SMALL.network, "-j", "ACCEPT")
open_way(SMALL)
assert kept() == there
close_way(SMALL)
assert kept() == before
close_way(SMALL)
for on in (True, False):
    switch_forwarding(on=on)
    assert forwarding() is on
"""
    done = subprocess.run(["unshare", "-n", sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
