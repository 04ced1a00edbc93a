"""systemd-networkd: files for a chain, from those that the NIC has.

The topmost link gets what the NIC was told; the others name what they are a port of. All sort before any that the NIC has, and nothing of
the NIC's own files is changed. On trial they are in /run under names that sort before those in /etc.

Source: systemd.network(5) (the first file by name that matches wins; drop-ins), systemd.netdev(5).
"""

import re
from collections.abc import Iterator, Mapping

from xcatflow.steps.networks.chain import Chain, Piece
from xcatflow.steps.networks.made import MARK, Made, Text

PLACE = "/etc/systemd/network"
_TRIAL = "/run/systemd/network"

# What is known of a NIC: the file that sets it up and its drop-ins, and the identity that its DHCP client has shown so far. Of a NIC that
# carries a VLAN: the name of its file.
BASE = """\
for p in $parents; do
  from=$(networkctl --no-pager status -- "$p" | sed -n 's/^ *Network File: *//p')
  [ "$from" != n/a ] && [ -n "$from" ] || { echo "networkd has no file for $p" >&2; exit 1; }
  echo "#parent $p ${from##*/}"
done
for p in $donors; do
  said=$(networkctl --no-pager status -- "$p")
  from=$(printf '%s\\n' "$said" | sed -n 's/^ *Network File: *//p')
  [ "$from" != n/a ] && [ -r "$from" ] || { echo "networkd has no file for $p" >&2; exit 1; }
  cat "$from"; echo
  for top in /usr/lib /run /etc; do
    for extra in "$top/systemd/network/${from##*/}.d"/*.conf; do [ ! -r "$extra" ] || cat "$extra"; done
  done
  printf '%s\\n' "$said" | sed -n 's/^ *DHCP4 Client ID: IAID:\\(0x[0-9a-f]*\\).*/[DHCPv4]\\nIAID=\\1/p'
  exit
done
"""

HOOKS = """\
stack_new() { networkctl reload; settle; }
stack_old() { networkctl reload; sleep 1; }
"""


def made(chain: Chain, mark: str, base: str, macs: Mapping[str, str]) -> Made:
    """The files; `base` is what `BASE` prints, `macs` the NICs' addresses."""
    found = [*_files(chain, mark, base, macs)]
    return Made(tuple(found), HOOKS, base)


def paths(chain: Chain) -> tuple[str, ...]:
    """The files that carry a mark."""
    return (f"{PLACE}/05-xcatflow-{chain.top.name}.network",)


def _files(chain: Chain, mark: str, base: str, macs: Mapping[str, str]) -> Iterator[Text]:
    top = chain.top
    # The NICs come last: until then they are what they were.
    for piece in chain.made:
        yield _text(f"05-xcatflow-{piece.name}.netdev", mark, _netdev(piece, chain, macs))
    for piece in chain.made:
        if piece is not top:
            yield _text(f"05-xcatflow-{piece.name}.network", mark, _member(chain, piece.name))
    yield _text(f"05-xcatflow-{top.name}.network", mark, _top(chain, base))
    for nic in chain.nics:
        if chain.upper(nic):
            yield _text(f"05-xcatflow-{top.name}-{nic}.network", mark, _member(chain, nic))
        elif vlans := chain.vlans(nic):
            place = f"systemd/network/{_parent(base, nic)}.d/xcatflow-{vlans[0].name}.conf"
            yield Text(f"/etc/{place}", f"[Network]\nVLAN={vlans[0].name}\n", trial=f"/run/{place}")


def _parent(base: str, nic: str) -> str:
    """The file that a VLAN's NIC is set up by."""
    found = (line.split()[2] for line in base.splitlines() if line.startswith(f"#parent {nic} "))
    return next(found, f"{nic}.network")


def _text(name: str, mark: str, body: str) -> Text:
    return Text(f"{PLACE}/{name}", f"{MARK}{mark}\n{body}", trial=f"{_TRIAL}/{name.replace('05-', '04-', 1)}")


def _netdev(piece: Piece, chain: Chain, macs: Mapping[str, str]) -> str:
    lines = ["[NetDev]", f"Name={piece.name}", f"Kind={piece.kind}"]
    if piece.kind == "bridge" and (mac := next((macs[nic] for nic in chain.donors if nic in macs), "")):
        lines.append(f"MACAddress={mac}")
    if piece.mtu:
        lines.append(f"MTUBytes={piece.mtu}")
    match piece.kind:
        case "bridge":
            lines += ["[Bridge]", "STP=no", "ForwardDelaySec=0"]
        case "bond":
            lines += ["[Bond]", f"Mode={piece.mode}", f"MIIMonitorSec={piece.miimon_ms}ms"]
        case "vlan":
            lines += ["[VLAN]", f"Id={piece.vlan}"]
    return "\n".join(lines) + "\n"


def _member(chain: Chain, name: str) -> str:
    """A link that is a port of another, or carries a VLAN, and has no address."""
    upper = chain.upper(name)
    lines = ["[Match]", f"Name={name}", "[Network]"]
    lines += [f"{'Bond' if upper.kind == 'bond' else 'Bridge'}={upper.name}"] if upper else ["LinkLocalAddressing=no"]
    lines += [f"VLAN={vlan.name}" for vlan in chain.vlans(name)]
    return "\n".join(lines) + "\n"


def _top(chain: Chain, base: str) -> str:
    lines = ["[Match]", f"Name={chain.top.name}", *_inherited(base, chain.gateways)]
    lines += [line for address in chain.addresses for line in ("[Network]", f"Address={address}")]
    lines += [line for gateway in chain.gateways for line in ("[Network]", f"Gateway={gateway}")]
    if chain.dhcp:
        lines += ["[Network]", "DHCP=ipv4"]
    if chain.top.kind == "nic" and chain.top.mtu:
        lines += ["[Link]", f"MTUBytes={chain.top.mtu}"]
    return "\n".join(lines) + "\n"


def _inherited(base: str, gateways: tuple[str, ...]) -> Iterator[str]:
    """What the NIC was told, without what it is known by, what it was a port of, and gateways of the families of these."""
    section, families = "", {":" in gateway for gateway in gateways}
    for line in base.splitlines():
        text = line.strip()
        if text.startswith("["):
            section = text
        if not text or text[0] in "#;" or section == "[Match]":
            continue
        if section == "[Network]" and re.match(r"(Bridge|Bond)\s*=", text):
            continue
        gateway = re.fullmatch(r"Gateway\s*=\s*([0-9a-fA-F.]*|[0-9a-fA-F:.]*)", text)
        if section == "[Network]" and gateway and (":" in gateway[1]) in families:
            continue
        if iaid := re.fullmatch(r"IAID=(0x[0-9a-f]+)", text):
            text = f"IAID={int(iaid[1], 16)}"
        yield text
