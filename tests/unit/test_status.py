"""What a workflow makes of the `status` of its nodes, and lookups of what scripts have in their environment."""

from pathlib import Path

import pytest

from tests.fakes.machines import machines
from xcatflow.app import Site
from xcatflow.edit.editing import editing
from xcatflow.model.event import Noted, Outcome, RunEnded, StepEnded

WORKFLOW = """\
schema: 1
name: adopt
summary: A script has run
nodes: all
status: booted
steps:
  - id: own
    use: host.script
    with: {script: "judge ${env.GROUP} ${env.GREETING:-nothing}"}
"""
STANZA = """\
dh01:
    objtype=node
    groups=all
    status=defined

dh02:
    objtype=node
    groups=all

dh03:
    objtype=node
    groups=all
    status=alive
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    for name, text in {
        "workflows/adopt.yaml": WORKFLOW,
        "inventory/nodes.stanza": STANZA,
        "postscripts/judge": '[ "$NODE" != dh02 ] || { echo "not $NODE"; exit 1; }\n',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return Site.load(tmp_path)


def run(site: Site, mode: str = "apply") -> tuple[dict[str, Outcome], list[str]]:
    """The outcomes by node, and what was noted."""
    with machines(site.root / "machines", off=["dh03"]):
        events = list(site.apply("adopt") if mode == "apply" else site.plan("adopt"))
    assert isinstance(events[-1], RunEnded)
    outcomes = {event.node: event.outcome for event in events if isinstance(event, StepEnded)}
    return outcomes, [event.text for event in events if isinstance(event, Noted)]


def status(site: Site) -> dict[str, str | None]:
    definitions = Site.load(site.root).definitions
    return {node: definitions.value(node, "status") for node in definitions.nodes}


def test_nodes_on_which_all_went_well_are_booted_and_others_have_failed_if_it_is_known(site: Site) -> None:
    outcomes, noted = run(site)
    assert outcomes == {"dh01": Outcome.CHANGED, "dh02": Outcome.FAILED, "dh03": Outcome.UNREACHABLE}
    assert status(site) == {"dh01": "booted", "dh02": "failed", "dh03": "alive"}
    assert Site.load(site.root).definitions.value("dh01", "statustime")
    assert noted == []


def test_a_second_run_of_the_same_site_object_knows_what_the_first_one_wrote(site: Site) -> None:
    run(site)
    (site.root / "postscripts" / "judge").write_text(":\n")
    run(site)
    assert status(site) == {"dh01": "booted", "dh02": "booted", "dh03": "alive"}
    (site.root / "postscripts" / "judge").write_text("exit 1\n")
    run(site)
    assert status(site)["dh01"] == "failed"
    (site.root / "postscripts" / "judge").write_text(":\n")
    before = (site.root / "inventory" / "nodes.stanza").read_text()
    run(site)
    assert status(site)["dh01"] == "booted"
    written = (site.root / "inventory" / "nodes.stanza").read_text()
    assert written != before
    run(site)
    assert (site.root / "inventory" / "nodes.stanza").read_text() == written


def test_a_plan_writes_nothing(site: Site) -> None:
    outcomes, _ = run(site, "plan")
    assert outcomes["dh01"] is Outcome.WOULD_CHANGE
    assert (site.root / "inventory" / "nodes.stanza").read_text() == STANZA


def test_a_site_that_wants_no_status_gets_none(site: Site) -> None:
    (site.root / "inventory" / "site.stanza").write_text("clustersite:\n    objtype=site\n    nodestatus=n\n")
    run(site)
    assert (site.root / "inventory" / "nodes.stanza").read_text() == STANZA


def test_what_cannot_be_written_is_a_warning_and_no_failure_of_nodes(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Site, "editing", lambda self: editing(self.root, patience=0.01))
    with editing(site.root):
        outcomes, noted = run(site)
    assert outcomes["dh01"] is Outcome.CHANGED
    assert len(noted) == 1
    assert noted[0].startswith("the status of nodes could not be written: the definitions are being changed by ")
    assert (site.root / "inventory" / "nodes.stanza").read_text() == STANZA


def test_workflows_look_up_what_scripts_have_in_their_environment(site: Site) -> None:
    with machines(site.root / "machines"):
        ended = [event for event in site.plan("adopt", nodes="dh01") if isinstance(event, StepEnded)]
    assert ended[0].changes[-1].what == "postscript judge all nothing"
