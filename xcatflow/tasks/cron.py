"""Tasks that let cron run chains."""

import shlex
import sys
import time

from invoke.context import Context
from invoke.tasks import task

from xcatflow.app import Site
from xcatflow.errors import InvalidInput, did_you_mean
from xcatflow.tasks.common import say, site, told
from xcatflow.transport.crontab import CronEntry, Crontab, entries_of, merge, next_times, without

_CHAIN = {"chain": "only this chain; all that have a `schedule` when left out"}


@task(positional=["chain"], optional=["chain"], help=_CHAIN)
@told
def install(_context: Context, chain: str = "") -> None:
    """Write the site's scheduled chains into your crontab, in marked lines; touches nothing else there."""
    here = site()
    entries = [_entry(here, name) for name in ([chain] if chain else here.chains()) if here.chain(name).spec.schedule]
    if not entries:
        raise InvalidInput(
            f'no "schedule" in {f"chain {chain}" if chain else "any chain"}: add five cron fields to the chain file'
        )
    table = Crontab()
    table.write(merge(table.read(), here.root, entries))
    say(*(f"{entry.schedule}  {entry.chain}" for entry in entries))


@task(name="list")
@told
def list_(_context: Context) -> None:
    """List this site's lines in your crontab, and when each runs next."""
    here = site()
    for entry in entries_of(Crontab().read(), here.root):
        times = next_times(entry.schedule, time.time(), 1)
        following = time.strftime("%F %H:%M", time.localtime(times[0])) if times else "never"
        say(f"{entry.schedule}  {entry.chain}  next {following}")


@task(positional=["chain"], optional=["chain"], help={"chain": "only this chain; all of the site when left out"})
@told
def remove(_context: Context, chain: str = "") -> None:
    """Remove this site's lines from your crontab; touches nothing else there."""
    here = site()
    table = Crontab()
    before = table.read()
    present = [entry.chain for entry in entries_of(before, here.root)]
    if chain and chain not in present:
        raise InvalidInput(f'chain "{chain}" is not in your crontab{did_you_mean(chain, present)}')
    table.write(without(before, here.root, chain or None))
    say(*(f"removed {name}" for name in present if not chain or name == chain))


def _entry(here: Site, name: str) -> CronEntry:
    command = shlex.join([sys.executable, "-m", "xcatflow", "--site", str(here.root), "chain", name, "--quiet"])
    return CronEntry(schedule=here.chain(name).spec.schedule, chain=name, command=command, site=here.root)
