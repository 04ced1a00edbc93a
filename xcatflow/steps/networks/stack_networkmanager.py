"""NetworkManager: profiles for a chain, as keyfiles that sort above the NIC's own profile, which stays as it is.

The topmost link gets what the NIC's profile says about addresses. On trial the profiles are in /run, which is where NetworkManager keeps
what is not to survive a reboot.

Source: nm-settings-keyfile(5), nmcli(1), NetworkManager 1.42.
"""

from collections.abc import Iterator, Mapping
from uuid import NAMESPACE_URL, uuid5

from xcatflow.steps.networks.chain import Chain, Piece
from xcatflow.steps.networks.made import MARK, Made, Text

_ETC, _RUN = ("/etc/NetworkManager/system-connections", "/run/NetworkManager/system-connections")
_PRIORITY = 100
_NICS_METRIC = 100
_INHERITED = ("[ipv4]", "[ipv6]", "[proxy]")

# The profile that the NIC has now: its id in the first line, then its file.
BASE = """\
for p in $donors; do
  uuid=$(nmcli -g GENERAL.CON-UUID device show "$p")
  [ -n "$uuid" ] || { echo; exit; }
  file=$(nmcli -e no -t -f UUID,FILENAME connection show | sed -n "s/^$uuid://p")
  grep -q '^\\[connection\\]' "$file" 2>/dev/null || {
    echo "the profile of $p in \\"$file\\" is no keyfile: \\"nmcli connection migrate $uuid\\" makes it one" >&2; exit 1; }
  echo "$uuid"; cat "$file"
  exit
done
"""

_HOOKS = """\
live_new() {{ :; }}
stack_new() {{
  nmcli connection reload
  nmcli -w 45 connection up uuid {new} >/dev/null
  settle
}}
kept() {{ nmcli connection reload; }}
stack_old() {{
  nmcli connection reload
  old=$(cat "$d/base" "$store/base" 2>/dev/null | sed -n 1p)
  [ ! -e {own} ] || old={new}
  [ -z "$old" ] || nmcli -w 45 connection up uuid "$old" >/dev/null
}}
"""


def made(chain: Chain, mark: str, base: str, macs: Mapping[str, str]) -> Made:
    """The profiles; `base` is what `BASE` prints, `macs` the NICs' addresses."""
    names = [piece.name for piece in reversed(chain.pieces)] + [nic for nic in chain.nics if chain.upper(nic)]
    files = []
    for name in dict.fromkeys(names):
        piece = next((it for it in chain.pieces if it.name == name), Piece(name, "nic"))
        text = f"{MARK}{mark}\n{_profile(chain, piece, base, macs)}"
        own = _file(chain, piece)
        files.append(Text(f"{_ETC}/{own}", text, "0600", f"{_RUN}/{own}"))
    return Made(tuple(files), hooks(chain), base)


def hooks(chain: Chain) -> str:
    return _HOOKS.format(new=_uuid(chain, chain.top), own=paths(chain)[0])


def paths(chain: Chain) -> tuple[str, ...]:
    """The files that carry a mark."""
    return (f"{_ETC}/{_file(chain, chain.top)}",)


def _file(chain: Chain, piece: Piece) -> str:
    return f"{_id(chain, piece)}.nmconnection"


def _id(chain: Chain, piece: Piece) -> str:
    port = f"-{piece.name}" if piece is not chain.top and piece.kind == "nic" else ""
    return f"xcatflow-{chain.top.name}{port}" if port or piece is chain.top else f"xcatflow-{piece.name}"


def _uuid(chain: Chain, piece: Piece) -> str:
    return str(uuid5(NAMESPACE_URL, f"xcatflow:{_id(chain, piece)}"))


def _profile(chain: Chain, piece: Piece, base: str, macs: Mapping[str, str]) -> str:
    lines = [
        "[connection]",
        f"id={_id(chain, piece)}",
        f"uuid={_uuid(chain, piece)}",
        f"type={'ethernet' if piece.kind == 'nic' else piece.kind}",
        f"interface-name={piece.name}",
        f"autoconnect-priority={_PRIORITY}",
    ]
    if piece.kind in ("bond", "bridge"):
        lines.append("autoconnect-slaves=1")
    upper = chain.upper(piece.name)
    if upper:
        lines += [f"master={upper.name}", f"slave-type={upper.kind}"]
    lines += [*_ethernet(chain, piece, macs), *_kind(piece)]
    if piece is chain.top:
        lines += _addressed(chain, base)
    elif not upper:
        lines += ["", "[ipv4]", "method=disabled", "", "[ipv6]", "method=disabled"]
    return "\n".join(lines) + "\n"


def _ethernet(chain: Chain, piece: Piece, macs: Mapping[str, str]) -> Iterator[str]:
    mac = next((macs[nic] for nic in chain.donors if nic in macs), "")
    given = [f"mtu={piece.mtu}"] if piece.mtu else []
    if piece.kind == "bridge" and mac:
        given.append(f"cloned-mac-address={mac.upper()}")
    if given:
        yield from ("", "[ethernet]", *given)


def _kind(piece: Piece) -> Iterator[str]:
    match piece.kind:
        case "bridge":
            yield from ("", "[bridge]", "stp=false", "forward-delay=0")
        case "bond":
            yield from ("", "[bond]", f"miimon={piece.miimon_ms}", f"mode={piece.mode}")
        case "vlan":
            yield from ("", "[vlan]", "flags=1", f"id={piece.vlan}", f"parent={piece.lower[0]}")


def _addressed(chain: Chain, base: str) -> Iterator[str]:
    """What the NIC's profile says about addresses, and what the chain gets besides."""
    parts = {name: dict(lines) for name, lines in _sections(base)}
    for family, name in ((4, "[ipv4]"), (6, "[ipv6]")):
        part = parts.setdefault(name, {"method": "disabled" if chain.donors and not parts else "auto"})
        if not chain.donors:
            part["method"] = "disabled"
        own = [it for it in chain.addresses if (":" in it) == (family == 6)]
        last = max((int(key[7:]) for key in part if key.startswith("address") and key[7:].isdigit()), default=0)
        part.update({f"address{number}": it for number, it in enumerate(own, start=last + 1)})
        gateways = [it for it in chain.gateways if (":" in it) == (family == 6)]
        if gateways:
            part["gateway"] = gateways[0]
            for key in [key for key in part if key.startswith("address")]:
                part[key] = part[key].partition(",")[0]
        if own and part.get("method") in (None, "disabled", "ignore"):
            part["method"] = "manual"
        if chain.dhcp and family == 4:
            part["method"] = "auto"
        if chain.donors and part.get("method") not in ("disabled", "ignore"):
            # What a NIC's routes have; a bridge's would come after those of all other NICs.
            part.setdefault("route-metric", str(_NICS_METRIC))
    for name in _INHERITED:
        if name in parts:
            yield from ("", name, *(f"{key}={value}" for key, value in parts[name].items()))


def _sections(base: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    section, found = "", list[tuple[str, str]]()
    for line in [*base.splitlines(), "[end]"]:
        if line.startswith("["):
            if section in _INHERITED:
                yield section, found
            section, found = line.strip(), []
        elif line and line[0] not in "#;":
            key, _, value = line.partition("=")
            found.append((key, value))
