"""Tasks about certificates: what there is, and new ones."""

from collections.abc import Sequence

from xcatflow.tasks.face import face

_RUN = {
    "nodes": "only these hosts (a noderange); others have their turn in a later run",
    "batch": "hosts at a time, such as 2 or 10%; what the workflow says when left out",
    "input": "an input of the workflow renew-certificates, such as port=2376; may be given several times",
    "json": "one event per line as JSON",
    "verbose": "also what needed nothing, complete changes with diffs, and the traffic",
}


@face(
    help={
        "within": "tell only what ends within so many days, such as 60d, and exit 5 when anything does",
        "hosts": "look at what these hosts (a noderange) really have, one round trip each",
        "json": "as JSON",
    }
)
def status(within: str = "", hosts: str = "", json: bool = False) -> None:
    """List certificates, what they are for, when they end, and what renews them. Changes nothing.

    With --hosts it exits 1 when a host has not what it should have.
    """
    from xcatflow.tasks import certificates

    certificates.status(within=within, hosts=hosts, json=json)


@face(
    words=["name"],
    help={
        "name": "whose it is; it is told to the daemon as the client's name",
        "role": "whose hosts it is good for: admin for all, others as the site's tls_roles says",
        "days": "for how long",
        "out": "the directory for ca.pem, cert.pem and key.pem; .xcatflow/pki/out/NAME when left out",
        "csr": "a file with a request (PKCS #10, PEM): the key stays with who made that",
    },
)
def issue(name: str, role: str = "admin", days: int = 365, out: str = "", csr: str = "") -> None:
    """Issue a certificate to a client: Docker's three files, for DOCKER_CERT_PATH."""
    from xcatflow.tasks import certificates

    certificates.issue(name, role=role, days=days, out=out, csr=csr)


@face(
    repeated=["input"],
    help={
        "all": "all of them, also those that are good for long; an interrupted run goes on where it was",
        "ca": "the CA's own certificate instead, for the same key: hosts and clients keep theirs",
        **_RUN,
    },
)
def renew(
    all: bool = False,
    ca: bool = False,
    nodes: str = "",
    batch: str = "",
    input: Sequence[str] = (),
    json: bool = False,
    verbose: bool = False,
) -> None:
    """Renew hosts' certificates that end soon, some hosts at a time; containers keep running, which is proved."""
    from xcatflow.tasks import certificates

    run = certificates.Rolling(nodes=nodes, batch=batch, inputs=tuple(input), json=json, verbose=verbose)
    if ca:
        certificates.renew_ca(run)
    else:
        certificates.renew(run, everything=all)


@face(words=["name"], repeated=["input"], help={"name": "whose certificates are to be refused", **_RUN})
def revoke(
    name: str, nodes: str = "", batch: str = "", input: Sequence[str] = (), json: bool = False, verbose: bool = False
) -> None:
    """Have hosts refuse a client: its role gets a new authority, all others new certificates, and every host is told.

    A host that cannot be told goes on letting it in: the command fails then, and goes on when it is given again.
    """
    from xcatflow.tasks import certificates

    certificates.revoke(
        name, certificates.Rolling(nodes=nodes, batch=batch, inputs=tuple(input), json=json, verbose=verbose)
    )


@face(
    repeated=["input"],
    help={
        "role": "the authority of this role's clients instead of the CA",
        "finish": "stop accepting what the former one signed, once everybody has new certificates",
        **_RUN,
    },
)
def rotate(
    role: str = "",
    finish: bool = False,
    nodes: str = "",
    batch: str = "",
    input: Sequence[str] = (),
    json: bool = False,
    verbose: bool = False,
) -> None:
    """Begin a new CA with a new key, and give hosts its certificates; the former one is accepted too until --finish."""
    from xcatflow.tasks import certificates

    run = certificates.Rolling(nodes=nodes, batch=batch, inputs=tuple(input), json=json, verbose=verbose)
    certificates.rotate(run, role=role, finish=finish)
