"""xcatflow as a library: what would be done, then do it, and hear what happens."""

import sys
from pathlib import Path

from xcatflow.app import Site
from xcatflow.model.event import Outcome, RunEnded, StepEnded

site = Site.load(Path(sys.argv[1]))
nodes = site.select(sys.argv[3])
print(f"{len(nodes)} nodes")
pending = [event for event in site.plan(sys.argv[2], nodes=sys.argv[3]) if isinstance(event, StepEnded)]
print(f"{sum(event.outcome == Outcome.WOULD_CHANGE for event in pending)} changes pending")
for event in site.apply(sys.argv[2], nodes=sys.argv[3]):
    match event:
        case StepEnded(outcome=Outcome.CHANGED | Outcome.FAILED):
            print(event.node, event.step, event.outcome, *event.changes, event.message)
        case RunEnded():
            print(f"exit code {event.exit_code}")
