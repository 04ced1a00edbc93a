"""What `updatenode` tells of files while it goes on."""

import io

from xcatflow.commands.talk import Talk
from xcatflow.commands.update_story import FILES, SCRIPTS, Story
from xcatflow.model.event import NodeEnded, Outcome, StepEnded


def ended(node: str, step: str, outcome: Outcome = Outcome.OK) -> StepEnded:
    return StepEnded(at=0.0, workflow="updatenode", node=node, step=step, kind="k", target=node, outcome=outcome)


def test_how_files_went_is_told_before_the_scripts_once_all_nodes_have_them() -> None:
    out = io.StringIO()
    scripts = {node: {SCRIPTS: (("s",), ("s",))} for node in ("a", "b", "c")}
    story = Story(Talk(out, io.StringIO()), scripts, frozenset("abc"))
    story(ended("a", f"{FILES}/syncfiles"))
    story(ended("b", f"{FILES}/syncfiles", Outcome.FAILED))
    story(ended("a", f"{SCRIPTS}/s"))
    story(ended("b", f"{SCRIPTS}/s"))
    assert "File synchronization" not in out.getvalue()
    story(ended("c", f"{FILES}/syncfiles"))
    begun = len(out.getvalue())
    story(ended("c", f"{SCRIPTS}/s"))
    for node in "abc":
        story(NodeEnded(at=0.0, workflow="updatenode", node=node, outcome=Outcome.OK))
    story.end()
    assert out.getvalue()[begun:].splitlines()[:3] == [
        'File synchronization has completed for nodes: "a,c"',
        'File synchronization failed for nodes: "b"',
        "c: =============updatenode starting====================",
    ]
    assert out.getvalue().count("File synchronization") == 2
