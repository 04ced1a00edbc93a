"""netplan over systemd-networkd: a file of our own for the chain, and the NIC's addresses taken out of the files that have them.

netplan adds up lists from all of its files, so that a later file cannot take an address away: the file that has it has to be changed. What
of it stays is what describes the NIC itself. netplan is a Python program, so that Python and its YAML are there to do so. On trial
all of that is in /run/netplan, where a file hides one of the same name in /etc.

Source: netplan(5) and its design (merging, order and hiding of files), netplan 0.106.
"""

import re
from collections.abc import Iterator, Mapping

from xcatflow.errors import ActFailed
from xcatflow.steps.networks.chain import Chain, Piece
from xcatflow.steps.networks.made import MARK, Made, Text

_ETC, _RUN = "/etc/netplan", "/run/netplan"
_NICS_OWN = (
    "match", "set-name", "wakeonlan", "mtu", "macaddress", "virtual-function-count", "embedded-switch-mode", "infiniband-mode",
    "emit-lldp", "auth", "openvswitch", "link", "delay-virtual-functions-rebind", "receive-checksum-offload", "transmit-checksum-offload",
    "tcp-segmentation-offload", "tcp6-segmentation-offload", "generic-segmentation-offload", "generic-receive-offload",
    "large-receive-offload",
)  # fmt: skip

# The NIC's name in netplan, its part of the whole, the identity of its DHCP client, and the files in which it has addresses, without them.
BASE = (
    """\
for p in $donors; do
  said=$(networkctl --no-pager status -- "$p")
  id=$(printf '%s\\n' "$said" | sed -n 's|^ *Network File: .*/10-netplan-\\(.*\\)\\.network$|\\1|p')
  [ -n "$id" ] || { echo "netplan has no file for $p" >&2; exit 1; }
  echo "=== id"; echo "$id"
  echo "=== iaid"
  printf '%s\\n' "$said" | sed -n 's/^ *DHCP4 Client ID: IAID:\\(0x[0-9a-f]*\\).*/\\1/p'
  echo "=== stanza"; netplan get "ethernets.$id" || exit
  python3 - "$id" <<'PYTHON' || exit
import glob, sys
import yaml
own = OWN
for path in sorted(glob.glob("/etc/netplan/*.yaml")):
    with open(path) as file:
        data = yaml.load(file, yaml.BaseLoader) or {}
    nics = (data.get("network") or {}).get("ethernets") or {}
    nic = nics.get(sys.argv[1])
    if nic is not None and "/90-xcatflow-" not in path:
        nics[sys.argv[1]] = {key: nic[key] for key in nic or {} if key in own}
        print("===", path)
        print(yaml.safe_dump(data, sort_keys=False, default_flow_style=False), end="")
PYTHON
  exit
done
"""
).replace("OWN", repr(_NICS_OWN))

HOOKS = """\
reload() { netplan generate && networkctl reload; }
stack_new() { reload; settle; }
stack_old() { reload; sleep 1; }
"""


def made(chain: Chain, mark: str, base: str, macs: Mapping[str, str]) -> Made:
    """The files; `base` is what `BASE` prints, `macs` the NICs' addresses. Raises ActFailed."""
    parts = dict(_parts(base))
    own = Text(paths(chain)[0], f"{MARK}{mark}\n{_yaml(chain, parts, macs)}", "0600", f"{_RUN}/{_name(chain)}")
    files = [own]
    if chain.top.kind == "nic":  # netplan adds up what files say
        return Made((own,), HOOKS, base)
    if iaid := parts.get("iaid", "").strip():
        place = f"systemd/network/10-netplan-{chain.top.name}.network.d/xcatflow.conf"
        files.append(Text(f"/etc/{place}", f"[DHCPv4]\nIAID={int(iaid, 16)}\n", trial=f"/run/{place}"))
    changed = [path for path in parts if path.startswith("/")]
    if chain.donors and base and not changed:
        raise ActFailed(
            f'no file in {_ETC} has "{parts.get("id", "").strip()}": its addresses cannot be taken out there'
        )
    files += [Text(path, parts[path], "0600", path.replace(_ETC, _RUN, 1)) for path in changed]
    return Made(tuple(files), HOOKS, base)


def paths(chain: Chain) -> tuple[str, ...]:
    """The files that carry a mark."""
    return (f"{_ETC}/{_name(chain)}",)


def _name(chain: Chain) -> str:
    return f"90-xcatflow-{chain.top.name}.yaml"


def _parts(base: str) -> Iterator[tuple[str, str]]:
    for part in f"\n{base}".split("\n=== ")[1:]:
        name, _, text = part.partition("\n")
        yield name, text.rstrip("\n") + "\n"


def _yaml(chain: Chain, parts: Mapping[str, str], macs: Mapping[str, str]) -> str:
    ids = {chain.donors[0]: parts["id"].strip()} if chain.donors and "id" in parts else {}
    lines = ["network:", "  version: 2"]
    if others := [nic for nic in chain.nics if nic != chain.top.name]:
        # What only carries a VLAN stays what it is: netplan adds up what files say.
        bare = {nic: "{}" if nic in chain.parents else "{dhcp4: false, dhcp6: false}" for nic in others}
        lines += ["  ethernets:", *(f"    {ids.get(nic, nic)}: {text}" for nic, text in bare.items())]
    for kind in ("bond", "vlan", "bridge", "nic"):
        if pieces := [piece for piece in chain.pieces if piece.kind == kind]:
            lines.append(f"  {'ethernets' if kind == 'nic' else f'{kind}s'}:")
            for piece in pieces:
                lines += [f"    {ids.get(piece.name, piece.name)}:", *_piece(chain, piece, parts, ids, macs)]
    return "\n".join(lines) + "\n"


def _piece(
    chain: Chain, piece: Piece, parts: Mapping[str, str], ids: Mapping[str, str], macs: Mapping[str, str]
) -> Iterator[str]:
    lower = ", ".join(ids.get(name, name) for name in piece.lower)
    match piece.kind:
        case "bridge":
            yield f"      interfaces: [{lower}]"
            yield "      parameters: {stp: false, forward-delay: 0}"
            if mac := next((macs[nic] for nic in chain.donors if nic in macs), ""):
                yield f'      macaddress: "{mac}"'
        case "bond":
            yield f"      interfaces: [{lower}]"
            yield f"      parameters: {{mode: {piece.mode}, mii-monitor-interval: {piece.miimon_ms}}}"
        case "vlan":
            yield from (f"      id: {piece.vlan}", f"      link: {lower}")
    if piece.mtu:
        yield f"      mtu: {piece.mtu}"
    if piece is chain.top:
        yield from (f"      {line}" for line in _addressed(chain, parts.get("stanza", "")))
    else:
        yield "      dhcp4: false"


def _addressed(chain: Chain, stanza: str) -> list[str]:
    """What the NIC's part says, without what describes the NIC itself, and what the chain gets besides."""
    blocks: dict[str, list[str]] = {}
    key = ""
    for line in stanza.splitlines():
        if start := re.match(r"([A-Za-z0-9-]+):", line):
            key = start[1]
            blocks[key] = []
        if key:
            blocks[key].append(line)
    for own in _NICS_OWN:
        blocks.pop(own, None)
    if chain.top.kind == "nic":  # netplan adds them up
        blocks = {}
    if chain.addresses:
        blocks.setdefault("addresses", ["addresses:"]).extend(f'- "{address}"' for address in chain.addresses)
    if chain.gateways:
        blocks["routes"] = ["routes:", *_without_defaults(blocks.get("routes", [])[1:], chain.gateways)]
        routes = [line for gateway in chain.gateways for line in ("- to: default", f'  via: "{gateway}"')]
        blocks.setdefault("routes", ["routes:"]).extend(routes)
    if chain.dhcp:
        blocks["dhcp4"] = ["dhcp4: true"]
    return [line for block in blocks.values() for line in block]


def _without_defaults(lines: list[str], gateways: tuple[str, ...]) -> Iterator[str]:
    """Routes without the default ones of the families that these gateways are of."""
    items: list[list[str]] = []
    for line in lines:
        if line.startswith("-") or not items:
            items.append([])
        items[-1].append(line)
    families = {":" in gateway for gateway in gateways}
    for item in items:
        text = "\n".join(item)
        default = re.search(r"\bto: *[\"']?(default|0\.0\.0\.0/0|::/0)", text)
        via = re.search(r"\bvia: *[\"']?([0-9a-fA-F.:]+)", text)
        if not (default and via and (":" in via[1]) in families):
            yield from item
