"""Command lines: help, the site, and what is wrong with a line in one clear sentence and exit status 2."""

from pathlib import Path

import pytest

from tests.unit.tasks.site import Cli, Done, make, run
from xcatflow import __version__
from xcatflow.commands.table import OWN, SUMMARIES, find
from xcatflow.tasks import ns
from xcatflow.tasks.table import FACES

TASKS = sorted(FACES)
COMMANDS = sorted(SUMMARIES)


def complaint(done: Done) -> str:
    """The one line on standard error, without what all of them begin with. Nothing was said on standard output."""
    assert done.out == ""
    (line,) = done.err.splitlines()
    return line.removeprefix("error: ")


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_every_task_with_a_sentence(cli: Cli, words: list[str]) -> None:
    done = cli(*words)
    tasks, _, commands = done.out.partition("tasks:\n")[2].partition(
        "\nxCAT's commands, also as programs of their own:\n"
    )
    for text, names in ((tasks, sorted([*TASKS, *OWN])), (commands, sorted(SUMMARIES.keys() - OWN))):
        listed = dict(line.split(maxsplit=1) for line in text.splitlines() if line)
        assert sorted(listed) == names
        assert all(sentence.endswith(".") for sentence in listed.values())
    assert done.err == ""


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_a_help_page(cli: Cli, name: str) -> None:
    pages = {cli(*words).out for words in ([name, "--help"], ["--help", name], [name, "-h"], ["help", name])}
    (page,) = pages
    assert page.startswith(f"usage: xcatflow [--site DIR] {name} [options]")
    for argument in ns[name].get_arguments():
        shown = str(argument.name).upper() if argument.positional else f"--{argument.names[0].replace('_', '-')}"
        assert shown in page
        assert argument.help, f"{argument.name} has no help"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_of_xcats_has_its_own_page(cli: Cli, name: str) -> None:
    pages = {cli(*words).out for words in ([name, "--help"], ["--help", name], [name, "-h"], ["help", name])}
    assert pages == {find(name).usage}
    assert ns[name].get_arguments()[0].name == "args"


def test_everything_is_a_task_of_invokes() -> None:
    assert sorted(ns.task_names) == sorted((*TASKS, *COMMANDS))


def test_version(cli: Cli) -> None:
    assert cli("--version").out == cli("-V").out == f"xcatflow {__version__}\n"


WRONG = [
    (["plna"], 'no task "plna", did you mean "plan"?'),
    (["nodse", "all"], 'no task "nodse", did you mean "nodes"?'),
    (["xyz"], 'no task "xyz": xcatflow --help lists them'),
    (["cron"], 'no task "cron": there are cron.install, cron.list, cron.remove'),
    (["cron.instal"], 'no task "cron.instal", did you mean "cron.install"?'),
    (["--help", "plna"], 'no task "plna", did you mean "plan"?'),
    (["--dry", "apply", "wait"], 'unknown option "--dry" before the task: xcatflow --help'),
    (["plan"], "xcatflow plan: WHAT is missing (see xcatflow plan --help)"),
    (["chain", "-v"], "xcatflow chain: NAME is missing (see xcatflow chain --help)"),
    (["plan", "wait", "--jsno"], 'xcatflow plan: unknown option "--jsno", did you mean "--json"? (see xcatflow plan --help)'),
    (["plan", "wait", "--wait"], 'xcatflow plan: unknown option "--wait" (see xcatflow plan --help)'),
    (["plan", "wait", "--nodse=n1"], 'xcatflow plan: unknown option "--nodse", did you mean "--nodes"? (see xcatflow plan --help)'),
    (["plan", "wait", "--js"], 'xcatflow plan: unknown option "--js", did you mean "--json"? (see xcatflow plan --help)'),
    (["plan", "wait", "n1"], 'xcatflow plan: unexpected word "n1" (see xcatflow plan --help)'),
    (["check", "plan", "wait"], 'xcatflow check: unexpected word "plan" (see xcatflow check --help)'),
    (["plan", "wait", "-n"], "xcatflow plan: -n/--nodes: expected one argument (see xcatflow plan --help)"),
    (["runs", "--limit", "x"], 'xcatflow runs: --limit: expected a number, found "x" (see xcatflow runs --help)'),
    (["runs", "--limit", "0"], "--limit: expected 1 or more, found 0"),
    (["--site"], "--site: expected a directory, found nothing"),
    (["--site", "/no such", "check"], '--site: no directory "/no such"'),
    (["check", "--site=/dev/null"], '--site: no directory "/dev/null"'),
]  # fmt: skip


@pytest.mark.parametrize(("words", "expected"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_a_wrong_line_is_told_and_nothing_is_done(cli: Cli, site: Path, words: list[str], expected: str) -> None:
    assert complaint(cli(*words, code=2)) == expected
    assert not (site / ".xcatflow").exists()


def test_options_may_stand_anywhere(cli: Cli, site: Path) -> None:
    expected = cli("nodes", "n1", "--json", "--attributes", "ip").out
    assert cli("nodes", "--json", "--attributes=ip", "n1").out == expected
    assert cli("nodes", "-j", "n1", "--attributes", "ip", "--site", str(site)).out == expected


def test_the_site_is_the_nearest_upwards_or_the_one_that_is_named(
    cli: Cli, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make(tmp_path / "other")
    (other / "inventory" / "n.stanza").write_text("m1:\n    objtype=node\n    groups=all\n")
    below = site / "workflows" / "chains"
    monkeypatch.chdir(below)
    assert "n1" in cli("nodes").out
    assert "m1" in cli("nodes", "--site", str(other)).out
    monkeypatch.setenv("XCATFLOW_SITE", str(other))
    assert "m1" in cli("nodes").out
    monkeypatch.setenv("XCATFLOW_SITE", str(tmp_path))
    expected = f'no site at "{tmp_path}" (--site, or $XCATFLOW_SITE): expected a directory with "inventory/" (xcatflow init makes one)'
    assert complaint(cli("nodes", code=2)) == expected


def test_without_a_site_that_is_said(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    expected = 'no site here: expected "inventory/" in this directory or one above (xcatflow init makes a site)'
    for task in (["check"], ["nodes"], ["plan", "wait"], ["runs"], ["cron.list"]):
        assert complaint(cli(*task, code=2)) == expected


def test_a_bug_is_told_as_one(cli: Cli, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("xcatflow.app.Site.checked", broken)
    done = cli("check", code=3)
    assert "Traceback" in done.err
    assert done.err.endswith(
        "error: this is a bug in xcatflow, please report it with the lines above: ZeroDivisionError('by zero')\n"
    )


def test_configuration_of_invoke_is_not_ours(cli: Cli, site: Path, tmp_path: Path) -> None:
    (tmp_path / "home" / ".invoke.yaml").write_text("run: {dry: true\n")
    assert "n1" in cli("nodes").out


def test_as_a_process(tmp_path: Path) -> None:
    site = make(tmp_path / "site")
    assert run("--version", cwd=tmp_path) == Done(0, f"xcatflow {__version__}\n", "")
    assert run("--version", cwd=tmp_path, program="xcatflow") == Done(0, f"xcatflow {__version__}\n", "")
    assert run("plna", cwd=tmp_path) == Done(2, "", 'error: no task "plna", did you mean "plan"?\n')
    assert (
        run("nodes", "--attributes", "ip", "--site", "site", cwd=tmp_path).out
        == "node  ip\nn1    127.0.0.1\nn2    127.0.0.2\n"
    )
    assert run("nodes", "n1", cwd=site, program="xcatflow").code == 0
