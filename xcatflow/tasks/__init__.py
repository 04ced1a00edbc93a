"""The tasks, for `inv` in a site and for the console program: thin, no logic."""

from invoke.collection import Collection

from xcatflow.tasks import cron, lab, runs, site

ns = Collection(
    site.init,
    site.check,
    site.nodes,
    site.kinds,
    site.schema,
    runs.plan,
    runs.apply,
    runs.chain,
    runs.runs,
    runs.show,
    Collection("cron", cron.install, cron.list_, cron.remove),
    Collection("lab", lab.up, lab.down, lab.status),
)

__all__ = ["ns"]
