"""Looks at a Docker daemon from outside of a run, and tells what its containers are made of."""

from contextlib import closing
from pathlib import Path

from xcatflow.engine.secrets import Redactor
from xcatflow.errors import InvalidInput, did_you_mean
from xcatflow.exchange.containers import Inspected
from xcatflow.exchange.gather import from_daemon, from_shell
from xcatflow.model.definitions import Definitions
from xcatflow.model.endpoint import machine_of, parse_endpoint
from xcatflow.wiring import Wiring


def inspect(root: Path, definitions: Definitions, where: str) -> Inspected:
    """Everything about the containers of a daemon. `where` is its endpoint, the name of a node that is a Docker host, or
    `ssh://[user@]host`: then the docker command there is asked. Changes nothing.

    Raises InvalidInput, Unreachable, ActFailed, DeadlineExceeded.
    """
    endpoint = endpoint_of(definitions, where)
    with closing(Wiring(root, definitions, Redactor(), rehearse=True)) as wiring:
        if endpoint.startswith("ssh://"):
            login = endpoint.removeprefix("ssh://").rstrip("/")
            machine = login.rpartition("@")[2].partition(":")[0]
            if not machine:
                raise InvalidInput(f'--docker "{where}": expected a host, as in ssh://dh01')
            with closing(wiring.shell(login)) as shell:
                return from_shell(shell, _daemon_of(definitions, machine))
        with closing(wiring.docker(endpoint)) as docker:
            return from_daemon(docker, str(parse_endpoint(endpoint)) if "://" in endpoint else endpoint)


def endpoint_of(definitions: Definitions, where: str) -> str:
    """The endpoint that is meant: of a node its `dockerhost`, or what others call its daemon. Raises InvalidInput."""
    if where in definitions.nodes:
        return definitions.value(where, "dockerhost") or _daemon_of(definitions, where)
    if not where.startswith("ssh://"):
        try:
            parse_endpoint(where)
        except InvalidInput:
            if hint := did_you_mean(where, definitions.nodes):
                raise InvalidInput(f'--docker "{where}": no endpoint of a daemon, and no node{hint}') from None
            raise
    return where


def _daemon_of(definitions: Definitions, machine: str) -> str:
    """The endpoint that nodes of the site name for a machine's daemon, else the machine's name."""
    for node in definitions.nodes:
        endpoint = definitions.value(node, "dockerhost")
        if endpoint and machine_of(endpoint) == machine:
            return endpoint
    return machine
