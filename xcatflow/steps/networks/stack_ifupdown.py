"""ifupdown: the NIC's stanzas become the bridge's, where they stand.

In them one line is added, which has the links made by a program of our own before addresses are set: neither bridge-utils, ifenslave nor
vlan has to be installed. What the chain gets besides stands in a file of its own. `allow-hotplug` becomes `auto`: nobody plugs in a bridge.

Source: interfaces(5) of ifupdown 0.8.
"""

from collections.abc import Iterator, Mapping

from xcatflow.steps.networks.chain import Chain
from xcatflow.steps.networks.made import MARK, Made, Text

FILES = "/etc/network/interfaces"

# All files, each below a line with its path.
BASE = f"""\
for f in {FILES} {FILES}.d/*; do
  case $f in *.xcatflow|*/xcatflow-*|*'*') continue;; esac
  [ ! -f "$f" ] || {{ echo "=== $f"; cat "$f"; echo; }}
done
"""

_STATE = "/run/network/ifstate"
# ifdown and ifup know what is up by name.
HOOKS = f"""\
rename_state() {{ [ ! -w {_STATE} ] || [ -z "$donors" ] || sed -i "s/^$1=$1\\$/$2=$2/" {_STATE}; }}
kept() {{ rename_state "${{donors%% *}}" "$top"; }}
dropped() {{ rename_state "$top" "${{donors%% *}}"; }}
"""


def own(chain: Chain) -> str:
    return f"{FILES}.d/xcatflow-{chain.top.name}"


def made(chain: Chain, mark: str, base: str, program: str) -> Made:
    """The files; `base` is what `BASE` prints, `program` the path of what makes the links."""
    texts = dict(_sources(base))
    changed = {path: _moved(text, chain, program) for path, text in texts.items()}
    lines = texts.get(FILES, "").splitlines()
    sourced = any(_sources_all(line) or line.split() == ["source", own(chain)] for line in lines)
    if not sourced:
        changed[FILES] = f"{changed.get(FILES, '')}source {own(chain)}\n"
    text = f"{MARK}{mark}\n" + "\n".join(_besides(chain, changed, program)) + "\n"
    found = [Text(own(chain), text)]
    found += [Text(path, text) for path, text in changed.items() if text != texts.get(path)]
    return Made(tuple(found), HOOKS, base)


def _sources(base: str) -> Iterator[tuple[str, str]]:
    for part in f"\n{base}".split("\n=== ")[1:]:
        path, _, text = part.partition("\n")
        yield path, text.rstrip("\n") + "\n" if text.strip("\n") else ""


def _sources_all(line: str) -> bool:
    words = line.split()
    return (
        len(words) > 1
        and words[0] in ("source", "source-directory")
        and words[1].startswith(("interfaces.d", f"{FILES}.d"))
        and words[1].rstrip("/*").endswith("interfaces.d")
    )


def _moved(text: str, chain: Chain, program: str) -> str:
    """A file in which the stanzas of the first donor are the top's, and other NICs below it are not set up any more."""
    if chain.top.kind == "nic":
        return text
    lines: list[str] = []
    donors, top, skipping = chain.donors, chain.top.name, False
    for line in text.splitlines():
        words = line.split()
        first = words[0] if words else ""
        if first in ("iface", "mapping", "auto", "source", "source-directory", "no-auto-down", "no-scripts") or (
            first.startswith("allow-") or first == "rename"
        ):
            skipping = False
        if first == "iface" and len(words) > 1 and words[1] in donors:
            if words[1] != donors[0]:
                skipping = True
                continue
            lines += [line.replace(words[1], top, 1), f"    pre-up {program}"]
            continue
        if first == "auto" or first.startswith("allow-"):
            kept = [word for word in words[1:] if word not in donors]
            if kept != words[1:]:
                lines += [" ".join([first, *kept])] if kept else []
                continue
        if not skipping:
            lines.append(line)
    return "\n".join(lines) + "\n" if lines else ""


def _besides(chain: Chain, changed: Mapping[str, str], program: str) -> Iterator[str]:
    """The top's own part. It comes up by itself, whatever the NIC did."""
    top = chain.top.name
    has_stanzas = any(
        words[:2] == ["iface", top] for text in changed.values() for words in map(str.split, text.splitlines())
    )
    if has_stanzas and chain.top.kind != "nic":
        yield f"# The stanzas of {chain.donors[0] if chain.donors else top} are those of {top} now; they stand where they stood."
    yield f"auto {top}"
    if chain.dhcp and not has_stanzas:
        yield f"iface {top} inet dhcp"
    else:
        yield f"iface {top} inet manual"
    if not has_stanzas and chain.top.kind != "nic":
        yield f"    pre-up {program}"
    for address in chain.addresses:
        yield f"    up ip addr replace {address} dev {top}"
    for gateway in chain.gateways:
        yield f"    up ip route replace default via {gateway} dev {top}"
    if chain.top.kind == "bridge":
        yield f"    up {program} filter"
