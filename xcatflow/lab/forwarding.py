"""The way out of a lab on a private engine: that engine leaves the machine's packet filter alone, so these few rules are ours, each marked
with the lab's id, and each is taken back."""

from pathlib import Path

from xcatflow.errors import ActFailed
from xcatflow.lab.commands import run
from xcatflow.lab.state import Lab

SWITCH = Path("/proc/sys/net/ipv4/ip_forward")


def rules(lab: Lab) -> tuple[tuple[str, ...], ...]:
    """Table, chain and rule, as iptables takes them."""
    mark = ("-m", "comment", "--comment", lab.network)
    return (
        ("nat", "POSTROUTING", "-s", lab.subnet, "!", "-o", lab.bridge, *mark, "-j", "MASQUERADE"),
        ("filter", "FORWARD", "-i", lab.bridge, *mark, "-j", "ACCEPT"),
        ("filter", "FORWARD", "-o", lab.bridge, *mark, "-j", "ACCEPT"),
    )


def open_way(lab: Lab) -> None:
    """Put the rules in that are missing. Raises ActFailed."""
    for table, chain, *rule in rules(lab):
        if not _present(table, chain, rule):
            run(["iptables", "-w", "-t", table, "-I", chain, *rule])


def close_way(lab: Lab) -> None:
    """Take the rules out that are there. Raises ActFailed."""
    for table, chain, *rule in rules(lab):
        while _present(table, chain, rule):
            run(["iptables", "-w", "-t", table, "-D", chain, *rule])


def forwarding() -> bool:
    """Does the machine forward packets?"""
    return SWITCH.read_text().strip() == "1"


def switch_forwarding(*, on: bool) -> None:
    """Switch the machine's packet forwarding. Raises ActFailed."""
    try:
        SWITCH.write_text("1\n" if on else "0\n")
    except OSError as error:
        raise ActFailed(
            f'cannot write "{SWITCH}": {error.strerror}; the hosts would reach nothing outside the lab'
        ) from None


def _present(table: str, chain: str, rule: list[str]) -> bool:
    try:
        run(["iptables", "-w", "-t", table, "-C", chain, *rule])
    except ActFailed as error:
        if "not installed" in str(error):
            raise
        return False
    return True
