"""What the journal keeps of a command on containers: what was done and what failed, not what needed nothing, and no flags."""

from pathlib import Path

from tests.unit.commands.scripted import serve
from tests.unit.commands.sessions import typed
from xcatflow.app import Site
from xcatflow.model.event import ActStarted, Event, RunStarted, StepEnded

RULES = """\
containers c1 running, c2 exited
GET /images/json -> 200 [{"Id":"sha256:12","RepoTags":["debian:12"]}]
POST /containers/c2/start -> 204
POST /containers/create -> 201 {"Id":"ab","Warnings":[]}
"""
NODE = """
{name}:
    objtype=node
    groups=all
    mgt=docker
    dockerhost=tcp+plain://127.0.0.1:{port}
"""


def recorded(root: Path, number: int = 0) -> tuple[str, list[Event]]:
    """What a run was, and its events; runs are counted from the newest."""
    with Site(root).journal() as journal:
        run = journal.runs(number + 1)[number]
        events = list(journal.events(run.id))
    assert isinstance(events[0], RunStarted)
    return " ".join(events[0].arguments), events


def test_what_is_kept(tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    with serve(RULES) as daemon:
        text = "".join(NODE.format(name=name, port=daemon.port) for name in ("c1", "c2", "c3"))
        (tmp_path / "inventory" / "nodes.stanza").write_text(text)

        assert typed("rpower c1,c2,c3 start", tmp_path).code == 1
        words, events = recorded(tmp_path)
        assert words == "rpower c1,c2,c3 start"
        ended = {event.node: str(event.outcome) for event in events if isinstance(event, StepEnded)}
        assert ended == {"c2": "changed", "c3": "failed"}
        assert [event.change.what for event in events if isinstance(event, ActStarted)] == ["container c2"]

        assert typed("rpower c1,c2 state", tmp_path).code == 0
        _, events = recorded(tmp_path)
        assert [event.name for event in events] == ["run-started", "workflow-started", "workflow-ended", "run-ended"]

        with Site(tmp_path).journal() as journal:
            assert [(run.mode, run.what) for run in journal.runs(9)] == [
                ("look", "rpower state"),
                ("apply", "rpower start"),
            ]
            assert journal.find("last").what == "rpower start"
            assert (journal.prune(1), len(journal.runs(9))) == (0, 2)

        flag = """dockerflag='{"Env":["PASSWORD=secret"]}'"""
        assert typed(f"mkdocker c1 image=debian:12 {flag}", tmp_path).code == 0
    assert recorded(tmp_path)[0] == "mkdocker c1 image=debian:12 dockerflag=..."
    assert b"PASSWORD" not in b"".join(path.read_bytes() for path in (tmp_path / ".xcatflow").glob("journal*"))
    with Site(tmp_path).journal() as journal:
        assert journal.prune(1) == 2
        assert [run.what for run in journal.runs(9)] == ["mkdocker"]
