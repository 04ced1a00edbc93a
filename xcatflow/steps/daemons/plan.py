"""What has to be done to a Docker engine, and what that does to its containers. Pure.

Source: the engine's manual on live restore: it goes with no swarm; docker-proxy ends with the engine that started it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from xcatflow.errors import ActFailed
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import FileFacts
from xcatflow.steps.daemons.config import (
    CONFIG,
    DROP_IN,
    changed_keys,
    config_text,
    drop_in,
    merged,
    parse_config,
    restoring,
)
from xcatflow.steps.daemons.info import counted, named
from xcatflow.steps.daemons.look import DaemonState
from xcatflow.steps.daemons.params import DaemonParams
from xcatflow.steps.place import diff_of

SERVICE = "service docker"
CONTAINERS = "running containers"


@dataclass(frozen=True, slots=True)
class Needs:
    """Why the engine has to be restarted (nothing: it has not), and the keys of its configuration that it can read again as it runs."""

    restart: tuple[str, ...] = ()
    reload: tuple[str, ...] = ()


def changes(seen: DaemonState, want: DaemonParams) -> tuple[Change, ...]:
    """Files first, then whatever has the engine use them. Raises ActFailed where containers would be lost that nobody said may be."""
    files = tuple(_files(seen, want))
    moves = _moves(seen, want)
    needs = needed(seen, want)
    if not seen.running:
        return (*files, Change(Verb.START, SERVICE, "", seen.active, "running"))
    if needs.restart:
        if seen.info and seen.info.swarm and want.live_restore:
            raise ActFailed(
                "the engine is part of a swarm, and does not start with live restore: "
                'say "live_restore: false", and its containers are stopped while it is restarted'
            )
        stops = (Change(Verb.STOP, CONTAINERS, why=moves),) if moves and seen.info and seen.info.running else ()
        why = f"{', '.join(needs.restart)}; {_containers(seen, want, stopped=bool(moves))}"
        return (*files, *stops, Change(Verb.RESTART, SERVICE, why=why))
    if needs.reload:
        return (*files, Change(Verb.RELOAD, SERVICE, why=f"{_are(needs.reload)} read again as it runs"))
    return files


def needed(seen: DaemonState, want: DaemonParams) -> Needs:
    """What a running engine needs to be as wanted."""
    reasons: list[str] = []
    at_start: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    wanted = wanted_files(seen, want)
    if seen.loaded is not None:
        at_start, again = changed_keys(parse_config(seen.loaded), parse_config(wanted[CONFIG] or b""))
    if at_start:
        reasons.append(f"{_are(at_start)} read when it starts")
    if DROP_IN in former(seen, want):
        reasons.append("its command changes")
    if newer := tuple(path for path in seen.newer if path != CONFIG or seen.loaded is None):
        reasons.append(f"{_newer(newer)} newer than the running engine")
    if seen.replaced:
        reasons.append("its program was replaced")
    return Needs(tuple(reasons), again)


def wanted_files(seen: DaemonState, want: DaemonParams) -> dict[str, bytes | None]:
    """Both files as they are to be; None: not there. A configuration that says the same in other words stays as it is."""
    has = parse_config((seen.config and seen.config.content) or b"")
    config = merged(has, want.config)
    old = seen.config.content if seen.config else None
    return {DROP_IN: drop_in(seen.units), CONFIG: old if config == has and seen.config else config_text(config)}


def former(seen: DaemonState, want: DaemonParams) -> dict[str, FileFacts | None]:
    """The files that change, as they were."""
    wanted = wanted_files(seen, want)
    now = {DROP_IN: seen.drop_in, CONFIG: seen.config}
    return {path: facts for path, facts in now.items() if (facts.content if facts else None) != wanted[path]}


def way_back(seen: DaemonState, want: DaemonParams) -> dict[str, FileFacts | None]:
    """The files to restart the engine with where it has to go back. An engine that starts without live restore stops the containers that
    were left running, so what was switched on stays on."""
    files = former(seen, want)
    if CONFIG in files and switches(seen, want):
        content = restoring((seen.config and seen.config.content) or b"")
        mode = seen.config.mode if seen.config else 0o644
        files[CONFIG] = FileFacts("file", mode, "root", "root", len(content), content=content)
    return files


def switches(seen: DaemonState, want: DaemonParams) -> bool:
    """Is live restore to be switched on in the engine that runs, before it is restarted?"""
    return want.live_restore and seen.running and not restores(seen) and bool(needed(seen, want).restart)


def restores(seen: DaemonState) -> bool:
    """Does the engine that runs leave its containers running when it ends? Where it does not say, its configuration does."""
    if seen.info:
        return seen.info.live_restore
    return parse_config((seen.config and seen.config.content) or b"").get("live-restore") is True


def _files(seen: DaemonState, want: DaemonParams) -> Iterator[Change]:
    wanted = wanted_files(seen, want)
    for path, facts in former(seen, want).items():
        diff = diff_of(path, (facts and facts.content) or b"", wanted[path] or b"")
        if wanted[path] is None:
            yield Change(Verb.REMOVE, f"file {path}", why="the unit needs it no longer", diff=diff)
        elif facts is None:
            yield Change(Verb.CREATE, f"file {path}", diff=diff)
        else:
            yield Change(Verb.UPDATE, f"file {path}", "content", diff=diff)


def _moves(seen: DaemonState, want: DaemonParams) -> str:
    """What becomes of containers where the engine gets another store; empty where it keeps its own, or has none of them. Raises ActFailed
    unless that may be."""
    has = parse_config((seen.config and seen.config.content) or b"")
    config = want.config
    info = seen.info
    now = {
        "storage-driver": info.storage_driver if info else has.get("storage-driver", config.get("storage-driver")),
        "data-root": info.data_root if info else has.get("data-root", "/var/lib/docker"),
    }
    differing = [(key, old, config[key]) for key, old in now.items() if key in config and config[key] != old]
    number = info.containers if info else seen.kept
    if not differing or not number:
        return ""
    told = " and ".join(f'"{key}" from {old} to {new}' for key, old, new in differing)
    lost = f"{counted(number)} of the engine would be unknown to it"
    if not want.allow_data_loss:
        raise ActFailed(f'changing {told}: {lost}; remove them first, or say "allow_data_loss: true"')
    return f"{told}: it does not know them any more"


def _containers(seen: DaemonState, want: DaemonParams, *, stopped: bool) -> str:
    """What a restart does to running containers: the engine that runs decides, not the one that comes."""
    if seen.info is None:
        if not want.live_restore:
            return "containers on it are stopped"
        unsure = restores(seen) and CONFIG in seen.newer
        return (
            "containers on it are stopped unless it was started with live restore"
            if unsure
            else "containers keep running"
        )
    running = seen.info.running
    names = named(tuple(each.name for each in running))
    if not running or stopped:
        return "no container runs then" if stopped else "no container runs"
    if not want.live_restore:
        return f"stops {counted(len(running))}: {names}"
    published = tuple(each.name for each in running if each.published)
    proxied = parse_config(seen.loaded or b"").get("userland-proxy") is not False
    told = f"{counted(len(running))} keep{'s' if len(running) == 1 else ''} running"
    if published and proxied:
        told += f", connections through docker-proxy to ports of {named(published)} end"
    return told


def _are(keys: tuple[str, ...]) -> str:
    return f"{named(keys)} {'are' if len(keys) > 1 else 'is'}"


def _newer(paths: tuple[str, ...]) -> str:
    return _are(tuple(path.rpartition("/")[2] for path in paths))
