"""The tasks, for `inv` in a site and for the console program: thin, no logic."""

from invoke import Collection

from xcatflow.tasks import cron, lab, runs, site

ns = Collection()
for _task in (
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
):
    ns.add_task(_task)
ns.add_collection(Collection("cron", cron.install, cron.list_, cron.remove))
ns.add_collection(Collection("lab", lab.up, lab.down, lab.status))

__all__ = ["ns"]
