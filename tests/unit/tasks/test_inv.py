"""The tasks in `inv`, by the tasks.py of a site."""

from pathlib import Path

import pytest

from tests.unit.tasks.site import listening, make, run
from xcatflow.load.shipped import make_site
from xcatflow.tasks import ns


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A site that `init` made, with the small one's inventory and workflow."""
    site = make(tmp_path / "site")
    for _ in make_site(site, inventory=False):
        pass
    return site


def test_every_task_is_listed(fresh: Path) -> None:
    done = run("--list", cwd=fresh, program="inv")
    assert (done.code, done.err) == (0, "")
    assert {line.split()[0] for line in done.out.splitlines() if line[:3].strip()} - {"Available"} == set(ns.task_names)


def test_tasks_run_and_end_with_their_exit_codes(fresh: Path) -> None:
    with listening() as port:
        done = run(
            "plan", "wait", "-n", "n1", "-i", f"port={port}", "-i", "patience=1 s", "-v", cwd=fresh, program="inv"
        )
        assert done.code == 0, done
        assert "ok  n1  answers" in done.out
    done = run("apply", "wait", "-q", cwd=fresh, program="inv")
    assert (done.code, done.err) == (1, "")
    assert "2 failed" in done.out
    assert run("apply", "wiat", cwd=fresh, program="inv").code == 2


def test_words_that_may_be_left_out_are_options(fresh: Path) -> None:
    assert (
        run("nodes", "--noderange", "n1", "--attributes=ip", cwd=fresh, program="inv").out
        == "node  ip\nn1    127.0.0.1\n"
    )
    assert run("kinds", "--kind=wait.port", cwd=fresh, program="inv").out.startswith("wait.port: A TCP port answers")


def test_its_dry_run_is_refused_for_it_would_not_be_one(fresh: Path) -> None:
    done = run("--dry", "apply", "wait", cwd=fresh, program="inv")
    assert (done.code, done.out) == (2, "")
    assert done.err == 'error: "--dry" of inv does not reach xcatflow: "plan" tells what would be done\n'


def test_an_unknown_option_is_not_taken_for_a_workflow(fresh: Path) -> None:
    done = run("plan", "--chek", cwd=fresh, program="inv")
    assert (done.code, done.err) == (2, 'error: expected the name of a workflow or chain, found the option "--chek"\n')


def test_a_sites_own_tasks_stand_beside_ours(fresh: Path) -> None:
    (fresh / "tasks.py").write_text(
        "from invoke import task\nfrom xcatflow.tasks import ns\n\n\n@task\ndef hello(c):\n    print('hello')\n\n\nns.add_task(hello)\n"
    )
    assert run("hello", "nodes", "--noderange=n1", "--attributes=ip", cwd=fresh, program="inv").out == (
        "hello\nnode  ip\nn1    127.0.0.1\n"
    )
