"""The logs of container nodes, as lsdocker shows them: every line with its node in front."""

import time
from datetime import UTC, datetime

from xcatflow.commands.arguments import Arguments
from xcatflow.commands.command import Context, Refused
from xcatflow.commands.container_nodes import Found
from xcatflow.model.duration import seconds
from xcatflow.model.logs import LogLine, LogsWanted


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
    for node in found.instances:
        if node in errors:
            talk.error(errors[node], node=node)
        elif node in silent and not wanted.follow:
            talk.say(f"{node}: ")


def _tail(arguments: Arguments) -> int | None:
    text = arguments.value("tail")
    if "tail" not in arguments:
        return None
    if not text.isdecimal():
        raise Refused(f'--tail: expected a number of lines, found "{text}"')
    return int(text)


def _since(arguments: Arguments) -> float | None:
    """Seconds since the epoch. Raises InvalidInput."""
    text = arguments.value("since")
    if "since" not in arguments:
        return None
    if text.isdecimal() and len(text) > 8:
        return float(text)
    try:
        return time.time() - seconds(text)
    except ValueError:
        pass
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f'--since: expected a time such as 10min, 2h or 2016-03-02T09:15:40, found "{text}"') from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
