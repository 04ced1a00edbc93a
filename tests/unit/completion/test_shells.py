"""The scripts in real shells, and what a press of the key costs."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
from io import FileIO
from pathlib import Path

import pytest

from tests.unit.completion.test_lines import WORDS
from xcatflow.completion import ask
from xcatflow.completion.script import script

BASH = """
COMP_LINE=$1 COMP_POINT=${#1}
_xcatflow 2>&1
printf '[%s]' "${COMPREPLY[@]}"
"""
ZSH = """
compdef() { :; }
compadd() {
    local ending=
    while [[ $1 != -- ]]; do [[ $1 = -S ]] && ending=$2; shift; done
    shift
    print -rn -- "[${(pj:][:)@/%/$ending}]"
}
"""


def written(shell: str, tmp_path: Path, python: str = sys.executable) -> Path:
    path = tmp_path / f"completion.{shell}"
    path.write_text(script(shell, python=python, ask=ask.__file__, words=WORDS, programs=("xcatflow", "lsdef")))
    return path


def in_bash(tmp_path: Path, line: str, python: str = sys.executable) -> str:
    command = ["bash", "--norc", "-c", f"source {written('bash', tmp_path, python)}; {BASH}", "bash", line]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("line", "candidates"),
    [
        ("lsdef dh", "[dh01 ][dh02 ]"),
        ("lsdef web1,dh", "[web1,dh01 ][web1,dh02 ]"),
        ("lsdef all@dh", "[@dh01 ][@dh02 ]"),
        ("lsdef 'all@dh", "[all@dh01][all@dh02]"),
        ("lsdef all,-dh", "[all,-dh01 ][all,-dh02 ]"),
        ("xcatflow lsdef -t net", "[network ]"),
        ("chdef web1 groups=spa", "[spare ]"),
        ("lsdef nosuch", "[]"),
        ("lsdef $(touch made)", "[]"),
        ("lsdef `touch made`w", "[]"),
        ("xcatflow import wi", "[with\\ blank.txt ]"),
    ],
)
def test_bash(line: str, candidates: str, site: Path, tmp_path: Path) -> None:
    assert in_bash(tmp_path, line) == candidates
    assert not (site / "made").exists()


def test_bash_without_the_line_takes_its_words(site: Path, tmp_path: Path) -> None:
    path = written("bash", tmp_path)
    command = f"source {path}; COMP_WORDS=(lsdef web1 dh); COMP_CWORD=1; _xcatflow; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(["bash", "--norc", "-c", command], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("web1 web10\n", "")


def test_bash_knows_every_program(tmp_path: Path) -> None:
    command = f"source {written('bash', tmp_path)}; complete -p xcatflow lsdef"
    done = subprocess.run(["bash", "--norc", "-c", command], check=True, capture_output=True, text=True)
    assert done.stdout == "complete -o nospace -F _xcatflow xcatflow\ncomplete -o nospace -F _xcatflow lsdef\n"


def test_where_python_is_gone_there_is_silence(site: Path, tmp_path: Path) -> None:
    assert in_bash(tmp_path, "lsdef dh", "/nowhere/python") == "[]"


AT_A_TERMINAL = {
    "lsdef all@dh0": "all@dh0",
    "lsdef all@dockerh": "all@dockerhost",
    "lsdef 'all@dockerh": "all@dockerhost",
    "lsdef all@web,dockerh": "all@web,dockerhost",
    "lsdef all,-dockerh": "all,-dockerhost",
    "lsdef mgt==do": "mgt==docker",
    "lsdef web1:web10": "web1:web10",
    "lsdef ^hos": "^hosts.lst",
}


def test_bash_at_a_terminal(site: Path, tmp_path: Path) -> None:
    """What stands in the line after the key was pressed: bash decides what of a word it replaces."""
    ours, its = pty.openpty()
    setup = f"stty -echo; lsdef() {{ echo \"<$*>\"; }}; source {written('bash', tmp_path)}; echo '<'ready'>'\n"
    with (
        os.fdopen(ours, "r+b", buffering=0) as terminal,
        subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"],
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
            env={**os.environ, "TERM": "dumb", "PS1": ""},
        ) as bash,
    ):
        os.close(its)
        assert typed(terminal, setup) == "ready"
        found = {line: typed(terminal, f"{line}\t\n") for line in AT_A_TERMINAL}
        terminal.write(b"exit\n")
        bash.wait(timeout=60)
    assert found == AT_A_TERMINAL


def typed(terminal: FileIO, text: str) -> str:
    """Type, and read what is said between `<` and `>`."""
    terminal.write(text.encode())
    said = b""
    while not (found := re.search(rb"<([^<>]*)>\r\n", said)):
        ready, _, _ = select.select([terminal], [], [], 60)
        assert ready, said
        said += terminal.read(65536)
    return found[1].decode()


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
@pytest.mark.parametrize(
    ("words", "prefix", "candidates"),
    [
        ("lsdef dh", "dh", "[dh01 ][dh02 ]"),
        ("lsdef web1,dh", "web1,dh", "[web1,dh01 ][web1,dh02 ]"),
        ("lsdef all@dh", "all@dh", "[all@dh01 ][all@dh02 ]"),
        ("lsdef mg", "mg", "[mgt==]"),
        ("lsdef web,mgt!=i", "web,mgt!=i", "[web,mgt!=ipmi ]"),
        ("xcatflow explain web1.m", "web1.m", "[web1.mac ][web1.members ][web1.mgt ]"),
        ("xcatflow kinds ''", "", "[docker.container ][docker.image ][ping ]"),
        ("lsdef nosuch", "nosuch", ""),
    ],
)
def test_zsh(words: str, prefix: str, candidates: str, site: Path, tmp_path: Path) -> None:
    text = f"{ZSH} source {written('zsh', tmp_path)}; words=({words}); CURRENT=$#words; PREFIX={prefix}; _xcatflow"
    done = subprocess.run(["zsh", "-f", "-c", text], check=False, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (candidates, "")


def imported(*arguments: str) -> set[str]:
    """What Python imports when it runs these arguments."""
    done = subprocess.run([sys.executable, "-X", "importtime", *arguments], check=True, capture_output=True, text=True)
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def test_nothing_is_imported_that_python_itself_does_not(site: Path) -> None:
    found = imported("-I", "-S", ask.__file__, "lsdef w")
    assert {name for name in found if not name.startswith("xcatflow")} <= imported("-c", "pass") | {
        "gc"
    }  # which is built in
    assert "xcatflow.completion.kinds" in found


def test_what_goes_wrong_is_not_told(
    site: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["ask.py", "lsdef dh"])
    monkeypatch.setenv("XCATFLOW_WORDS", "list\nlsdef")
    ask.main()
    assert capfd.readouterr() == ("", "")
