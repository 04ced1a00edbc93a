"""What the tasks about cron do."""

import shlex
import sys
import time
from collections.abc import Iterable

from xcatflow.app import Site
from xcatflow.errors import InvalidInput, Problem, did_you_mean
from xcatflow.model.schedule import next_times, parse_schedule
from xcatflow.tasks.common import say, site, site_with_chain
from xcatflow.transport.crontab import CronEntry, Crontab, chains_in, entries_of, merge, without

_ADD = 'add one to its file, such as schedule: "17 * * * *"'


def install(chain: str) -> None:
    """Put lines for this chain, or for all that have a schedule, into the crontab. Raises InvalidInput when there is none."""
    here = site_with_chain(chain) if chain else site()
    wanted = [_entry(here, name, schedule) for name, schedule in _schedules(here, chain)]
    table = Crontab()
    before = table.read()
    after = merge(before, here.root, wanted, prune=not chain)
    if not wanted and before == after:
        raise InvalidInput(f'no chain in "{here.root}" has a schedule: {_ADD}')
    table.write(before, after)
    present = {entry.chain: entry for entry in entries_of(before, here.root)}
    say(*(f"{entry.schedule}  {entry.chain}  {_news(entry, present.get(entry.chain))}" for entry in wanted))
    say(*(f"removed {name}: it has no schedule any more" for name in _gone(before, after, here)))


def list_() -> None:
    """Tell the site's lines in the crontab."""
    here = site()
    entries = entries_of(Crontab().read(), here.root)
    if not entries:
        say(f'no chain of "{here.root}" is in your crontab (xcatflow cron.install puts them there)')
    for entry in entries:
        say(f"{entry.schedule}  {entry.chain}  {_next(entry.schedule)}")


def remove(chain: str) -> None:
    """Take the lines of this chain, or of all, out of the crontab. Raises InvalidInput when there are none of this chain."""
    here = site()
    table = Crontab()
    before = table.read()
    after = without(before, here.root, chain or None)
    if chain and before == after:
        hint = did_you_mean(chain, chains_in(before, here.root))
        raise InvalidInput(f'chain "{chain}" of "{here.root}" is not in your crontab{hint}')
    if not table.write(before, after):
        say(f'no chain of "{here.root}" is in your crontab')
    say(*(f"removed {name}" for name in _gone(before, after, here)))


def _gone(before: str, after: str, here: Site) -> list[str]:
    left = chains_in(after, here.root)
    return [name for name in chains_in(before, here.root) if name not in left]


def _schedules(here: Site, chain: str) -> Iterable[tuple[str, str]]:
    """(chain, schedule) of all that have one, or of this chain. Raises InvalidInput with every problem of their files."""
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for name in [chain] if chain else here.chains():
        try:
            found[name] = here.chain(name).spec.schedule
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(dict.fromkeys(problems))
    if chain and not found[chain]:
        raise InvalidInput(f'chain "{chain}" has no schedule: {_ADD}')
    return [(name, schedule) for name, schedule in found.items() if schedule]


def _entry(here: Site, name: str, schedule: str) -> CronEntry:
    """`-P`: cron starts in the home directory, whose files must not be taken for modules."""
    command = [sys.executable, "-P", "-m", "xcatflow", "--site", str(here.root), "chain", name, "--quiet"]
    return CronEntry(schedule=schedule, chain=name, command=shlex.join(command), site=here.root)


def _news(entry: CronEntry, before: CronEntry | None) -> str:
    if before is None:
        return f"added, {_next(entry.schedule)}"
    if before == entry:
        return f"unchanged, {_next(entry.schedule)}"
    was = f" (was {before.schedule})" if before.schedule != entry.schedule else ""
    return f"updated{was}, {_next(entry.schedule)}"


def _next(schedule: str) -> str:
    """When it comes next, in words. A line of the crontab may have been edited to what we do not read."""
    try:
        times = next_times(parse_schedule(schedule), time.time(), 1)
    except ValueError as error:
        return f"cannot tell when: {error}"
    return time.strftime("next %F %H:%M", time.localtime(times[0]))
