"""Tasks that let cron run chains: what they put into the crontab, what they leave, what they say, and that the line works as it is."""

import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.crontab import FakeCrontab
from tests.unit.tasks.site import NIGHT, Cli, listening, make

FOREIGN = b"# mine\nMAILTO=root\n\n17 3 * * *\tbackup 100\\%\r\n"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCrontab:
    made = FakeCrontab.make(tmp_path / "bin")
    monkeypatch.setenv("PATH", made.environ["PATH"])
    made.table = FOREIGN
    return made


def job(site: Path, chain: str, schedule: str) -> str:
    command = shlex.join([sys.executable, "-P", "-m", "xcatflow", "--site", str(site), "chain", chain, "--quiet"])
    return f"{schedule} {command} # xcatflow {chain} {shlex.quote(str(site))}\n".replace("%", r"\%")


def chain_file(site: Path, name: str, schedule: str) -> None:
    text = NIGHT.replace("name: night", f"name: {name}").replace(
        "schedule: 17 3 * * *\n", schedule and f"schedule: '{schedule}'\n"
    )
    (site / "workflows" / "chains" / f"{name}.yaml").write_text(text)


def said(text: str) -> list[str]:
    """Lines without the times, which depend on when this is."""
    return [line.partition(" next ")[0].rstrip(",") for line in text.splitlines()]


def test_install_list_and_remove(cli: Cli, site: Path, fake: FakeCrontab) -> None:
    chain_file(site, "hourly", "@hourly")
    chain_file(site, "byhand", "")
    begun = time.time()
    done = cli("cron.install")
    assert said(done.out) == ["@hourly  hourly  added", "17 3 * * *  night  added"]
    soon = {time.strftime("%F %H:00", time.localtime(at + 3600)) for at in (begun, time.time())}
    assert any(f"@hourly  hourly  added, next {hour}\n" in done.out for hour in soon)
    ours = job(site, "hourly", "@hourly") + job(site, "night", "17 3 * * *")
    assert fake.table == FOREIGN + ours.encode()

    calls = len(fake.calls)
    assert said(cli("cron.install").out) == ["@hourly  hourly  unchanged", "17 3 * * *  night  unchanged"]
    assert "-" not in fake.calls[calls:], "nothing was written"

    assert said(cli("cron.list").out) == ["@hourly  hourly ", "17 3 * * *  night "]
    assert cli("cron.remove", "hourly").out == "removed hourly\n"
    assert fake.table == FOREIGN + job(site, "night", "17 3 * * *").encode()
    assert cli("cron.remove").out == "removed night\n"
    assert fake.table == FOREIGN
    assert cli("cron.remove").out == f'no chain of "{site}" is in your crontab\n'
    assert cli("cron.list").out == f'no chain of "{site}" is in your crontab (xcatflow cron.install puts them there)\n'


def test_install_follows_the_files(cli: Cli, site: Path, fake: FakeCrontab) -> None:
    chain_file(site, "late", "0 23 * * *")
    cli("cron.install")
    fake.table = (fake.table or b"").replace(b"# mine\n", b"") + b"# after\n"
    chain_file(site, "night", "18 3 * * *")
    (site / "workflows" / "chains" / "late.yaml").unlink()
    done = cli("cron.install")
    assert said(done.out) == [
        "18 3 * * *  night  updated (was 17 3 * * *)",
        "removed late: it has no schedule any more",
    ]
    assert fake.table == FOREIGN.replace(b"# mine\n", b"") + job(site, "night", "18 3 * * *").encode() + b"# after\n"
    chain_file(site, "night", "")
    assert cli("cron.install").out == "removed night: it has no schedule any more\n"
    done = cli("cron.install", code=2)
    assert (
        done.err == f'error: no chain in "{site}" has a schedule: add one to its file, such as schedule: "17 * * * *"\n'
    )


def test_one_chain_alone(cli: Cli, site: Path, fake: FakeCrontab) -> None:
    chain_file(site, "late", "0 23 * * *")
    chain_file(site, "byhand", "")
    cli("cron.install", "late")
    assert fake.table == FOREIGN + job(site, "late", "0 23 * * *").encode()
    cli("cron.install", "night")
    assert fake.table == FOREIGN + (job(site, "late", "0 23 * * *") + job(site, "night", "17 3 * * *")).encode()
    before = fake.table
    for words, expected in (
        (
            ["cron.install", "byhand"],
            'chain "byhand" has no schedule: add one to its file, such as schedule: "17 * * * *"',
        ),
        (["cron.install", "nihgt"], f'no chain "nihgt" in {site}/workflows/chains, did you mean "night"?'),
        (["cron.install", "wait"], '"wait" is a workflow, not a chain: xcatflow apply wait'),
        (["cron.remove", "nihgt"], f'chain "nihgt" of "{site}" is not in your crontab, did you mean "night"?'),
    ):
        assert cli(*words, code=2).err == f"error: {expected}\n"
    assert fake.table == before


def test_lines_that_were_edited_are_told_and_put_right(cli: Cli, site: Path, fake: FakeCrontab) -> None:
    ours = job(site, "night", "17 3 * * *")
    fake.table = ours.replace("17 3", "17 3-").encode()
    assert cli("cron.list").out == '17 3- * * *  night  cannot tell when: hour: expected 0 to 23, found "3-"\n'
    assert said(cli("cron.install").out) == ["17 3 * * *  night  updated (was 17 3- * * *)"]
    fake.table = b"#" + ours.encode()
    assert "no chain of" in cli("cron.list").out
    assert cli("cron.remove").out == "removed night\n"
    assert fake.table == b""


def test_what_is_wrong_in_any_chain_is_told_before_anything_is_written(cli: Cli, site: Path, fake: FakeCrontab) -> None:
    chain_file(site, "a", "61 * * * *")
    chain_file(site, "b", "* * * * fri-sun")
    done = cli("cron.install", code=2)
    assert done.err.splitlines() == [
        'error: workflows/chains/a.yaml:4:11: "schedule": minute: expected 0 to 59, found "61"',
        'error: workflows/chains/b.yaml:4:11: "schedule": day of week: the range "fri-sun" ends before it begins: '
        "sun is 0 there, write 7 for the Sunday at the end",
    ]
    assert fake.calls == []


def test_refusals_of_the_program_are_told(
    cli: Cli, site: Path, fake: FakeCrontab, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.set("fails", "crontab: no space left\n")
    assert cli("cron.install", code=1).err == "error: the crontab was not changed: crontab: no space left\n"
    monkeypatch.setenv("PATH", str(site))
    assert 'install the package "cron"' in cli("cron.list", code=1).err


def test_the_line_works_in_crons_environment(cli: Cli, fake: FakeCrontab, tmp_path: Path) -> None:
    """From anywhere, with nothing but HOME and cron's own PATH, and past a directory in HOME that is called like a module."""
    site = make(tmp_path / "a 100% site #1")
    home = tmp_path / "crons home"
    home.mkdir()
    (home / "xcatflow.py").write_text("raise SystemExit('the wrong one')\n")
    cli("cron.install", "--site", str(site))
    command = (
        (fake.table or b"").removeprefix(FOREIGN).decode().partition(" * * * ")[2].rstrip("\n").replace(r"\%", "%")
    )

    def as_cron() -> tuple[int, str]:
        environ = {"HOME": str(home), "LOGNAME": "tester", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=home,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    code, mail = as_cron()
    assert code == 1
    assert "port 1 of 127.0.0.1 lets nobody in" in mail
    with listening() as port:
        workflow = site / "workflows" / "wait.yaml"
        workflow.write_text(workflow.read_text().replace("default: 1,", f"default: {port},"))
        assert as_cron() == (0, "")
