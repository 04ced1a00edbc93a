"""Every task by its name."""

from collections.abc import Mapping
from types import MappingProxyType

from xcatflow.tasks import cron, lab, runs, site
from xcatflow.tasks.face import Face

FACES: Mapping[str, Face] = MappingProxyType(
    {each.name: each for each in (site.init, site.check, site.nodes, site.kinds, site.schema)}
    | {each.name: each for each in (runs.plan, runs.apply, runs.chain, runs.runs, runs.show)}
    | {f"cron.{each.name}": each for each in (cron.install, cron.list_, cron.remove)}
    | {f"lab.{each.name}": each for each in (lab.up, lab.down, lab.status)}
)
