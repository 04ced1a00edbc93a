"""The logs of container nodes, as lsdocker shows them: every line with its node in front."""

import re
import time
from contextlib import suppress
from datetime import UTC, datetime

from xcatflow.commands.arguments import Arguments
from xcatflow.commands.command import Context, Refused
from xcatflow.commands.container_nodes import Found
from xcatflow.model.duration import seconds
from xcatflow.model.fold import fold
from xcatflow.model.logs import UNREAD, LogLine, LogsWanted

_NUMBER = re.compile(r"[0-9]{1,12}")


def show_logs(context: Context, arguments: Arguments, found: Found) -> None:
    """Show the logs of the containers; Docker hosts have none. Raises InvalidInput."""
    talk, split = context.talk, "split" in arguments
    wanted = LogsWanted(found.instances, "f" in arguments, _since(arguments), _tail(arguments))
    for node in found.hosts:
        talk.error(" -l is not support for host", node=node)
    if not found.instances:
        return
    silent = set(found.instances)

    def said(line: LogLine) -> bool:
        silent.discard(line.node)
        stream = talk.err if split and line.stream == 2 else talk.out
        stream.write(f"{line.node}: {line.text}\n")
        return not stream.closed

    errors = context.desk.logs(wanted, said)
    if talk.out.closed:
        return
    for node in found.instances:
        if node in errors and errors[node] != UNREAD:
            talk.error(errors[node], node=node)
        elif node in silent and node not in errors and not wanted.follow:
            talk.say(f"{node}: ")
    if unread := [node for node in found.instances if errors.get(node) == UNREAD]:
        talk.interrupted = True
        talk.error(f"interrupted, logs were not read to their end for {fold(unread)}")


def _tail(arguments: Arguments) -> int | None:
    text = arguments.value("tail")
    if "tail" not in arguments:
        return None
    if not _NUMBER.fullmatch(text):
        raise Refused(f'--tail: expected a number of lines, found "{text}"')
    return int(text)


def _since(arguments: Arguments) -> float | None:
    """Seconds since the epoch. Raises InvalidInput."""
    text = arguments.value("since")
    if "since" not in arguments:
        return None
    try:
        if _NUMBER.fullmatch(text) and len(text) > 8:
            return float(text)
        if not _NUMBER.fullmatch(text):
            with suppress(ValueError):
                return time.time() - seconds(text)
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f'--since: expected a time such as 10min, 2h or 2016-03-02T09:15:40, found "{text}"') from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
