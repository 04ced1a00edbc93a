"""Every task by its name."""

from collections.abc import Mapping
from types import MappingProxyType

from xcatflow.commands.table import SUMMARIES
from xcatflow.tasks import completion, cron, definitions, exchange, lab, pki, runs, site, watch
from xcatflow.tasks.face import Face, Option
from xcatflow.tasks.words import run_line

FACES: Mapping[str, Face] = MappingProxyType(
    {each.name: each for each in (site.init, site.check, definitions.explain, site.nodes, site.kinds, site.schema)}
    | {each.name: each for each in (exchange.import_, exchange.export)}
    | {each.name: each for each in (runs.plan, runs.apply, runs.chain, runs.runs, runs.show)}
    | {each.name: each for each in (watch.top, completion.completion)}
    | {f"cron.{each.name}": each for each in (cron.install, cron.list_, cron.remove)}
    | {f"lab.{each.name}": each for each in (lab.up, lab.down, lab.status)}
    | {f"pki.{each.name}": each for each in (pki.status, pki.issue, pki.renew, pki.revoke, pki.rotate)}
)


def _worded(name: str, text: str) -> Face:
    def run(args: str = "") -> None:
        run_line(name, args)

    run.__doc__ = text
    return Face(run, name, (Option("args", "", f"what follows {name}, as one text in quotes"),))


COMMANDS: Mapping[str, Face] = MappingProxyType({name: _worded(name, text) for name, text in SUMMARIES.items()})
"""xCAT's commands as tasks of `inv`; the program `xcatflow` takes their words as they are."""
