"""The table that the task prints, of the tasks and commands as they are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.tasks.site import Cli
from xcatflow.commands.table import OWN, SUMMARIES, find
from xcatflow.completion import kinds
from xcatflow.completion.answer import answer
from xcatflow.completion.table import Table
from xcatflow.tasks.completion import words
from xcatflow.tasks.table import FACES

WORDS = words()
_CASE = re.compile(r'"([a-z]+)"(?= \||:| if)')


def test_every_task_and_command_is_there() -> None:
    assert set(Table(WORDS).names()) == {*FACES, *SUMMARIES}


def test_every_flag_is_understood() -> None:
    table = Table(WORDS)
    for name in SUMMARIES:
        flags = table.grammar(name).flags
        for flag in find(name).flags:
            for form in ([f"-{flag.letter}"] if flag.letter else []) + ([f"--{flag.long}"] if flag.long else []):
                assert bool(flags[form]) == (flag.takes != "nothing"), (name, form)


@pytest.mark.parametrize("name", [*FACES, *SUMMARIES])
def test_every_kind_of_word_is_known(name: str) -> None:
    known = set(_CASE.findall(Path(kinds.__file__).read_text())) | {"text"}
    grammar = Table(WORDS).grammar(name)
    asked = {*grammar.flags.values(), *(each.removesuffix("*") for each in grammar.operands)} - {""}
    assert {kind.partition(":")[0] for kind in asked} <= known
    for kind in asked:
        if kind.startswith("list:"):
            assert Table(WORDS).list(kind.partition(":")[2]), kind


@pytest.mark.parametrize("line", ["lsdef -", "chdef dh01 --", "rmdef -", "xcatflow plan x -", "xcatflow lab.up --"])
def test_what_is_offered_is_told_in_the_usage(line: str, site: Path) -> None:
    offered = answer(line, "", WORDS, {})
    name = line.replace("xcatflow ", "").split()[0]
    if name in SUMMARIES:
        usage = find(name).usage
        assert all(flag.strip() in usage or flag.startswith(("--", "-h")) for flag in offered)
    assert offered


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_task_prints_the_script(shell: str, cli: Cli) -> None:
    said = cli("completion", shell)
    assert said.out.startswith(f"# xcatflow's words for {shell}.")
    assert all(name in said.out.splitlines()[-1].split() for name in SUMMARIES.keys() - OWN)
    assert not OWN & set(said.out.splitlines()[-1].split())
    assert sys.executable in said.out


def test_another_shell_is_refused(cli: Cli) -> None:
    assert (
        cli("completion", "zhs", code=2).err
        == 'error: no completion for "zhs", did you mean "zsh"?: expected bash, zsh\n'
    )


def test_bash_takes_what_the_task_prints(site: Path, tmp_path: Path) -> None:
    script = f'source <({sys.executable} -m xcatflow completion bash); COMP_LINE="lsdef -t net" COMP_POINT=12 _xcatflow; echo "$COMPREPLY"'
    done = subprocess.run(["bash", "--norc", "-c", script], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("network \n", "")
