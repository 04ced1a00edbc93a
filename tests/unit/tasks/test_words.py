"""xCAT's commands as programs: they find the site, speak on the right stream, and end with the right code."""

import io
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from xcatflow import __version__
from xcatflow.commands.table import OWN, SUMMARIES
from xcatflow.tasks import words


def test_every_command_has_a_console_script() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"xcatflow": "xcatflow.tasks.program:main"} | dict.fromkeys(
        SUMMARIES.keys() - OWN, "xcatflow.tasks.words:main"
    )


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XCATFLOW_SITE", raising=False)


def test_it_says_and_counts(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert words.run("lsdef", []) == 0
    assert capsys.readouterr() == ("n1  (node)\nn2  (node)\n", "")
    assert words.run("lsdef", ["-s", "n1,n9"]) == 1
    assert capsys.readouterr() == (
        "n1  (node)\n",
        "Error: Could not find an object named 'n9' of type 'node'.\n",
    )


def test_the_site_is_found_from_below_and_by_its_name(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(site / "workflows")
    assert words.run("lsdef", ["-s", "web"]) == 0
    monkeypatch.chdir(tmp_path)
    assert words.run("lsdef", []) == 1
    monkeypatch.setenv("XCATFLOW_SITE", str(site))
    assert words.run("lsdef", ["-s", "web"]) == 0
    out, err = capsys.readouterr()
    assert out == "n1  (node)\n" * 2
    assert err.startswith("Error: no site here: ")


@pytest.mark.parametrize("name", sorted(SUMMARIES))
def test_help_and_version_need_no_site(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for word, begins in (("-h", f"Usage: {name} "), ("--help", f"Usage: {name} "), ("-?", f"Usage: {name} ")):
        assert words.run(name, [word]) == 0
        assert capsys.readouterr().out.startswith(begins)
    assert words.run(name, ["--version"]) == 0
    defines = f"{name} - " if name in ("lsdef", "mkdef", "chdef", "rmdef") else ""
    assert capsys.readouterr() == (f"{defines}Version {__version__}\n", "")


@pytest.mark.parametrize("name", sorted(SUMMARIES))
def test_every_command_is_a_program(
    name: str, site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--no-such-flag"])
    with pytest.raises(SystemExit) as ended:
        words.main()
    assert ended.value.code == 1
    out, err = capsys.readouterr()
    assert (out, f"Usage: {name} " in err) == ("", True)


def test_mistakes_in_the_inventory_are_told(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (site / "inventory" / "n.stanza").write_text("n1:\n    objtype=node\n    nosuch=1\n    groups=all\n")
    assert words.run("lsdef", []) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith('Error: inventory/n.stanza:3:5: unknown attribute "nosuch" of a node')


def test_words_of_one_text(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words.run_line("lsdef", "-s 'n1'")
    assert capsys.readouterr().out == "n1  (node)\n"
    with pytest.raises(SystemExit) as ended:
        words.run_line("lsdef", "n9")
    assert ended.value.code == 1


def test_standard_input_may_be_missing(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert words.run("lsdef", ["-s", "n1"]) == 0
    assert capsys.readouterr().out == "n1  (node)\n"
    assert words.run("mkdef", ["-z"]) == 1
    assert capsys.readouterr() == ("", "Error: No object names were provided.\n")


class Gone(io.StringIO):
    """A pipe whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    def fileno(self) -> int:
        raise OSError


def test_a_reader_may_go_away(site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdout", Gone())
    assert words.run("lsdef", ["-l"]) == 0
    assert capsys.readouterr().err == ""


def test_a_full_disk_is_no_bug(site: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "xcatflow", "--site", str(site), "nodels"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "error: cannot write: no space left on device\n")


def test_who_waits_for_another_writer_says_so(site: Path, capfd: pytest.CaptureFixture[str]) -> None:
    holding = subprocess.Popen(
        [sys.executable, "-c", "import sys, time; from pathlib import Path; from xcatflow.edit.editing import editing\n"
         "with editing(Path(sys.argv[1])): print('held', flush=True); time.sleep(3)", str(site)],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holding.stdout
    holding.stdout.readline()
    assert words.run("chdef", ["n1", "os=debian12"]) == 0
    holding.wait(10)
    holding.stdout.close()
    told = capfd.readouterr()
    assert told.out == "1 object definitions have been created or modified.\n"
    assert f"Warning: the definitions are being changed by -c (process {holding.pid}, since " in told.err
    assert told.err.endswith("): waiting for its end\n")
