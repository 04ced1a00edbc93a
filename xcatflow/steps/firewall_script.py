"""The rules of `firewall`, the unit that loads them, and the scripts that try them out. Pure.

Source: nft(8), nftables(8) on families and priorities; systemd.service(5).
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from shlex import quote

FILE = "/etc/xcatflow/firewall.nft"
SUM = "/etc/xcatflow/firewall.sum"
"""The digest of the table as `nft` listed it when it was made: what tells that somebody changed it."""
UNIT = "xcatflow-firewall.service"
UNIT_TEXT = f"""\
[Unit]
Description=who may reach the Docker daemon (xcatflow)
DefaultDependencies=no
Before=network-pre.target shutdown.target
Wants=network-pre.target
After=local-fs.target nftables.service
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/env nft -f {FILE}
ExecReload=/usr/bin/env nft -f {FILE}

[Install]
WantedBy=multi-user.target
"""


def ruleset(ports: Iterable[int], allow: Iterable[str]) -> str:
    """The table as a script of `nft` that replaces what is there of it at once."""
    numbers = ", ".join(map(str, sorted(set(ports))))
    rules = ['iif "lo" accept']
    networks = [ip_network(text) for text in allow]
    # What lies in another one is left out: older versions of nft take no sets that overlap.
    four = collapse_addresses(network for network in networks if isinstance(network, IPv4Network))
    six = collapse_addresses(network for network in networks if isinstance(network, IPv6Network))
    for word, listed in (("ip", ", ".join(map(str, four))), ("ip6", ", ".join(map(str, six)))):
        if listed:
            rules.append(f"{word} saddr {{ {listed} }} accept")
    # The only rule that is final, and it names the ports: nothing else is ever decided here.
    rules.append(f"tcp dport {{ {numbers} }} drop")
    lines = "\n".join(f"\t\t{rule}" for rule in rules)
    return (
        "# Written by xcatflow: change the step, not this file.\n"
        "table inet xcatflow\n"
        "delete table inet xcatflow\n"
        "table inet xcatflow {\n"
        "\tchain input {\n"
        "\t\ttype filter hook input priority -5; policy accept;\n"
        f"{lines}\n"
        "\t}\n"
        "}\n"
    )


def begin_script(directory: str, confirm_s: int) -> str:
    """Loads the rules on its standard input; unless `keep_script` is run within `confirm_s`, what was there before comes back."""
    return f"d={quote(directory)} confirm={confirm_s}\n{_BEGIN}"


def keep_script(directory: str) -> str:
    """Makes what runs there stay, and notes what it looks like."""
    return f"d={quote(directory)}\n{_KEEP}"


_BEGIN = """\
set -eu; umask 077
mkdir -- "$d"
cat >"$d/new"
nft list table inet xcatflow >"$d/old" 2>/dev/null || : >"$d/old"
cat >"$d/watch" <<'END'
n=0
until [ -e "$1/keep" ]; do
  n=$((n + 1))
  if [ $n -gt $(($2 * 10)) ]; then
    nft delete table inet xcatflow
    [ ! -s "$1/old" ] || nft -f "$1/old"
    break
  fi
  sleep 0.1
done
rm -rf -- "$1"
END
nft -c -f "$d/new" || { rm -rf -- "$d"; exit 1; }
setsid sh "$d/watch" "$d" "$confirm" </dev/null >/dev/null 2>&1 &
nft -f "$d/new" || { : >"$d/keep"; exit 1; }
"""

_KEEP = f"""\
set -eu
[ -d "$d" ] || {{ echo "nobody came back in time to confirm it: the former rules are back" >&2; exit 1; }}
: >"$d/keep"
mkdir -p /etc/xcatflow
sum=$(nft list table inet xcatflow | sha256sum)
printf '%s\\n' "${{sum%% *}}" >{SUM}.new
mv -f {SUM}.new {SUM}
"""
