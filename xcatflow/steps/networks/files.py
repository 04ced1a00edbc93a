"""What keeps a chain over reboots, by what manages the NIC; where nothing does, a unit of our own.

Files are made here, from what the machine has of the NIC: that text is fetched first, so that what comes out is a pure function of it, and
can be held against examples. Each file carries a mark that tells what it was made for.

Source: systemd.service(5); the managers' own in `stack_*.py`.
"""

from collections.abc import Mapping
from hashlib import sha256
from shlex import quote

from xcatflow.steps.networks import stack_ifcfg, stack_ifupdown, stack_netplan, stack_networkd, stack_networkmanager
from xcatflow.steps.networks.chain import WAYS, Chain, Stack
from xcatflow.steps.networks.live import HEAD, make_script, open_script
from xcatflow.steps.networks.made import MARK, Made, Text
from xcatflow.steps.networks.transaction import STORE

_PATIENCE_S = 30
_UNIT = """\
{mark}
[Unit]
Description=Network of {name}
After=network-pre.target systemd-udevd.service
Before=network.target network-online.target docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={program}

[Install]
WantedBy=multi-user.target
"""
_KEPT = """\
kept() { READ systemctl daemon-reload && systemctl enable -q -- UNIT; }
dropped() { systemctl disable -q -- UNIT 2>/dev/null; rm -f /etc/systemd/system/*.wants/UNIT; systemctl daemon-reload; }
"""


def unit(chain: Chain) -> str:
    """The unit that runs the chain's program at boot, where ifupdown does not."""
    return f"xcatflow-{chain.own}.service"


def base_script(stack: Stack, chain: Chain) -> str:
    """Prints what the machine has of the NIC: what it had before it was changed for the first time, where that is known."""
    script = {
        "networkmanager": stack_networkmanager.BASE,
        "netplan": stack_netplan.BASE,
        "networkd": stack_networkd.BASE,
        "ifupdown": stack_ifupdown.BASE,
        "ifcfg": stack_ifcfg.BASE,
    }.get(stack, "")
    given = {"donors": " ".join(chain.donors), "parents": " ".join(chain.parents), "nics": " ".join(chain.nics)}
    head = HEAD + "".join(f"{name}={quote(value)}\n" for name, value in given.items())
    if stack == "ifupdown":  # its files are changed where they stand, again and again
        return head + script
    # Where none of ours is there, the NIC's own files are what it is told now, whatever was kept.
    stored, own = quote(f"{STORE}/{chain.top.name}/base"), next(iter(paths(stack, chain)), "/")
    return f"{head}if [ -s {stored} ] && [ -e {quote(own)} ]; then cat {stored}; exit; fi\n{script}"


def made(stack: Stack, chain: Chain, base: str, macs: Mapping[str, str]) -> Made:
    """All that keeps the chain; `base` is what `base_script` prints, `macs` the NICs' addresses by name. Raises ActFailed."""
    sign = mark(stack, chain)
    found = _managers(stack, chain, sign, base, macs)
    program = _program(stack, chain)
    if not program:
        return found
    files = (Text(_path(chain), f"#!/bin/sh\n{MARK}{sign}\n{program}", "0755"), *found.files)
    hooks = found.hooks
    if stack != "ifupdown":
        text = _UNIT.format(mark=MARK + sign, name=chain.top.name, program=_path(chain))
        files = (Text(f"/etc/systemd/system/{unit(chain)}", text), *files)
        hooks += _kept(stack, chain)
    return Made(files, hooks, found.base)


def hooks(stack: Stack, chain: Chain) -> str:
    """How the machine is made to read files, for the way back."""
    match stack:
        case "networkmanager":
            found = stack_networkmanager.hooks(chain)
        case "netplan":
            found = stack_netplan.HOOKS
        case "networkd":
            found = stack_networkd.HOOKS
        case "ifupdown":
            return stack_ifupdown.HOOKS
        case _:
            found = ""
    return found + _kept(stack, chain) if _program(stack, chain) else found


def _kept(stack: Stack, chain: Chain) -> str:
    reads = "nmcli connection reload;" if stack == "networkmanager" else ""
    return _KEPT.replace("UNIT", unit(chain)).replace("READ ", f"{reads} ".lstrip())


def paths(stack: Stack, chain: Chain) -> tuple[str, ...]:
    """The files whose marks tell whether all is kept; the first one names the way in plans."""
    own = [_path(chain)] if _program(stack, chain) else []
    started = [f"/etc/systemd/system/{unit(chain)}"] if own and stack != "ifupdown" else []
    match stack:
        case "networkmanager":
            found = stack_networkmanager.paths(chain)
        case "netplan":
            found = stack_netplan.paths(chain)
        case "networkd":
            found = stack_networkd.paths(chain)
        case "ifupdown":
            found = (stack_ifupdown.own(chain),)
        case "ifcfg":
            found = stack_ifcfg.paths(chain)
        case _:
            found = ()
    return (*found, *started, *own)


def mark(stack: Stack, chain: Chain) -> str:
    """Tells files made for this chain, by this version of what they hold, from others."""
    held = _managers(stack, chain, "", "", {})
    texts = repr((stack, chain, held.files, held.hooks, _program(stack, chain), _UNIT))
    return sha256(texts.encode()).hexdigest()[:16]


def way(stack: Stack) -> str:
    return WAYS[stack]


def _path(chain: Chain) -> str:
    return f"/usr/local/sbin/xcatflow-{chain.own}"


def _managers(stack: Stack, chain: Chain, sign: str, base: str, macs: Mapping[str, str]) -> Made:
    match stack:
        case "networkmanager":
            return stack_networkmanager.made(chain, sign, base, macs)
        case "netplan":
            return stack_netplan.made(chain, sign, base, macs)
        case "networkd":
            return stack_networkd.made(chain, sign, base, macs)
        case "ifupdown":
            return stack_ifupdown.made(chain, sign, base, _path(chain))
        case "ifcfg":
            return stack_ifcfg.made(chain, sign, base)
        case _:
            return Made(())


def _program(stack: Stack, chain: Chain) -> str:
    """What is done at boot beside what the manager does; empty for nothing. The packet filter comes first, which knows bridges by name
    only: when that fails, the bridge is made still."""
    opened = f"(\n{open_script(chain.top.name)})\n" if chain.top.kind == "bridge" else ""
    match stack:
        case "none":
            return opened + make_script(chain, patience_s=_PATIENCE_S)
        case "ifupdown":
            links = make_script(chain, patience_s=_PATIENCE_S, addresses=False)
            return f'if [ "${{1-}}" = filter ]; then\n{opened or ":"}\nexit 0; fi\n{links}'
        case _:
            return opened
