"""network-scripts of the RHEL family: `ifcfg` files for a chain, from that of the NIC.

Source: /usr/share/doc/initscripts/sysconfig.txt of network-scripts (TYPE, BRIDGE, DELAY, MASTER, SLAVE, BONDING_OPTS, VLAN, PHYSDEV).
"""

import re
from collections.abc import Iterator

from xcatflow.steps.networks.chain import Chain, Piece
from xcatflow.steps.networks.made import MARK, Made, Text

PLACE = "/etc/sysconfig/network-scripts"
_MOVES = re.compile(
    r"(BOOTPROTO|IPADDR\d*|NETMASK\d*|PREFIX\d*|NETWORK|BROADCAST|GATEWAY|DEFROUTE|DNS\d*|DOMAIN|PEERDNS|SEARCH|ZONE|METRIC|IPV[46]\w*|DHCP\w*)="
)
_STAYS = re.compile(r"(HWADDR|MACADDR|UUID|NAME|ETHTOOL_OPTS|MTU|SUBCHANNELS|NETTYPE|OPTIONS|NM_CONTROLLED)=")

BASE = f"""\
for p in $nics; do
  for f in ifcfg route route6; do
    [ ! -e {PLACE}/$f-$p ] || {{ echo "=== $f-$p"; cat {PLACE}/$f-$p; echo; }}
  done
done
"""


def made(chain: Chain, mark: str, base: str) -> Made:
    """The files; `base` is what `BASE` prints."""
    old = dict(_parts(base))
    files: list[Text] = []
    names = [*(piece.name for piece in reversed(chain.pieces)), *chain.nics]
    for name in dict.fromkeys(names):
        piece = next((it for it in chain.pieces if it.name == name), Piece(name, "nic"))
        if piece.kind == "nic" and piece is not chain.top and not chain.upper(name):
            continue  # it carries a VLAN, and stays what it is
        lines = [f"{MARK}{mark}", *_ifcfg(chain, piece, old)]
        files.append(Text(f"{PLACE}/ifcfg-{name}", "\n".join(lines) + "\n"))
    files[1:1] = [
        Text(
            f"{PLACE}/{kind}-{chain.top.name}",
            re.sub(rf"\bdev {re.escape(nic)}\b", f"dev {chain.top.name}", old[f"{kind}-{nic}"]),
        )
        for nic in chain.donors[:1]
        for kind in ("route", "route6")
        if f"{kind}-{nic}" in old and nic != chain.top.name
    ]
    return Made(tuple(files), base=base)


def paths(chain: Chain) -> tuple[str, ...]:
    """The files that carry a mark."""
    return (f"{PLACE}/ifcfg-{chain.top.name}",)


def _parts(base: str) -> Iterator[tuple[str, str]]:
    for part in f"\n{base}".split("\n=== ")[1:]:
        name, _, text = part.partition("\n")
        yield name, text.rstrip("\n") + "\n"


def _ifcfg(chain: Chain, piece: Piece, old: dict[str, str]) -> Iterator[str]:
    yield from (f"DEVICE={piece.name}", "ONBOOT=yes")
    mine = old.get(f"ifcfg-{piece.name}", "").splitlines()
    if piece.kind == "nic":
        yield "TYPE=Ethernet"
        yield from (line for line in mine if _STAYS.match(line))
    match piece.kind:
        case "bridge":
            yield from ("TYPE=Bridge", "DELAY=0", "STP=no")
        case "bond":
            yield from ("TYPE=Bond", "BONDING_MASTER=yes", f'BONDING_OPTS="mode={piece.mode} miimon={piece.miimon_ms}"')
        case "vlan":
            yield from ("VLAN=yes", f"PHYSDEV={piece.lower[0]}", f"VLAN_ID={piece.vlan}")
    if piece.mtu:
        yield f"MTU={piece.mtu}"
    upper = chain.upper(piece.name)
    if upper:
        yield from (f"MASTER={upper.name}", "SLAVE=yes") if upper.kind == "bond" else (f"BRIDGE={upper.name}",)
    if piece is chain.top:
        yield from _addressed(chain, old)
    else:
        yield "BOOTPROTO=none"


def _addressed(chain: Chain, old: dict[str, str]) -> Iterator[str]:
    donor = next((name for name in chain.donors if f"ifcfg-{name}" in old), "")
    kept = [line for line in old.get(f"ifcfg-{donor}", "").splitlines() if _MOVES.match(line)]
    own4 = [it for it in chain.addresses if ":" not in it]
    own6 = [it for it in chain.addresses if ":" in it]
    static = any(line.startswith("IPADDR") for line in kept)
    kept = [line for line in kept if not (line.startswith("BOOTPROTO=") and (chain.dhcp or (own4 and not static)))]
    if chain.gateways:
        kept = [line for line in kept if not re.match(r"(GATEWAY|IPV6_DEFAULTGW)=", line)]
    yield from kept
    if not any(line.startswith("BOOTPROTO=") for line in kept):
        yield "BOOTPROTO=dhcp" if chain.dhcp else "BOOTPROTO=none"
    for number, it in enumerate(own4, start=10 if static else 0):
        address, _, prefix = it.partition("/")
        yield from (f"IPADDR{number}={address}", f"PREFIX{number}={prefix}")
    if own6:
        yield from ("IPV6INIT=yes", f'IPV6ADDR_SECONDARIES="{" ".join(own6)}"')
    for gateway in chain.gateways:
        yield f"{'IPV6_DEFAULTGW' if ':' in gateway else 'GATEWAY'}={gateway}"
