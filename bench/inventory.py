"""How long does it take to know a big inventory?

    python -m bench.inventory [--rounds 5] [--nodes 100000]

Wall time and memory of whole processes, side by side in one run: our commands on 100,000 nodes in 100 stanza files, and what others take
to know a tenth of that. `ansible-inventory`, ClusterShell's `nodeset` and PyYAML live in an environment of their own, `.bench-venv`,
made when it is not there.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.timing import Timing, environment, in_turn, median, ratio, timed

OTHERS = Path(__file__).parents[1] / ".bench-venv"
PACKAGES = ("ansible-core", "ClusterShell", "PyYAML")
FILES = 100
RACK = 100
HOSTS = 64
BASE = "python -c 'import pydantic'"
MB = 1 << 20


def stanza_site(root: Path, nodes: int) -> None:
    """Nodes in racks, their `mgt` from a group, all values as a cluster has them."""
    inventory = root / "inventory"
    inventory.mkdir(parents=True)
    lines = ["docker:", "    objtype=group", "    mgt=docker", ""]
    for number in range(HOSTS):
        lines += [f"dh{number:02}:", "    objtype=node", "    groups=hosts", ""]
    (inventory / "groups.stanza").write_text("\n".join(lines))
    for number, part in enumerate(_parts(nodes)):
        lines = ["# <xCAT data object stanza file>", ""]
        for node in part:
            lines += [f"{_name(node)}:", "    objtype=node", f"    groups={_groups(node)}"]
            lines += [f"    dockerhost=dh{node % HOSTS:02}", f"    ip={_ip(node)}", ""]
        (inventory / f"part{number:03}.stanza").write_text("\n".join(lines))


def _parts(nodes: int) -> Iterator[range]:
    step = max(1, nodes // FILES)
    yield from (range(begin, min(begin + step, nodes)) for begin in range(0, nodes, step))


def _name(node: int) -> str:
    return f"n{node:06}"


def _groups(node: int) -> str:
    return f"docker,all,rack{node // RACK}"


def _ip(node: int) -> str:
    return f"10.{node >> 16}.{node >> 8 & 255}.{node & 255}"


def yaml_nodes(path: Path, nodes: int) -> None:
    """The same as YAML of ours."""
    lines = ["nodes:"]
    for node in range(nodes):
        lines += [f"  {_name(node)}:", f"    groups: [{_groups(node).replace(',', ', ')}]"]
        lines += [f"    dockerhost: dh{node % HOSTS:02}", f"    ip: {_ip(node)}"]
    path.write_text("\n".join(lines) + "\n")


def ansible_files(root: Path, nodes: int) -> None:
    """The same as Ansible inventories, YAML and INI, and as groups of ClusterShell."""
    yaml, ini, groups = ["all:", "  hosts:"], [], []
    for node in range(nodes):
        yaml += [f"    {_name(node)}:", f"      ansible_host: {_ip(node)}", f"      dockerhost: dh{node % HOSTS:02}"]
        ini.append(f"{_name(node)} ansible_host={_ip(node)} dockerhost=dh{node % HOSTS:02}")
    yaml.append("  children:")
    for rack in range(0, nodes, RACK):
        members = [_name(node) for node in range(rack, min(rack + RACK, nodes))]
        yaml += [f"    rack{rack // RACK}:", "      hosts:", *(f"        {name}:" for name in members)]
        ini += [f"[rack{rack // RACK}]", *members]
        groups.append(f"rack{rack // RACK}: n[{rack:06}-{rack + len(members) - 1:06}]")
    (root / "hosts.yaml").write_text("\n".join(yaml) + "\n")
    (root / "hosts.ini").write_text("\n".join(ini) + "\n")
    (root / "groups.conf").write_text(
        f"[Main]\ndefault: local\n[local]\nmap: sed -n 's/^$GROUP: //p' {root}/groups\nlist: sed -n 's/:.*//p' {root}/groups\n"
    )
    (root / "groups").write_text("\n".join(groups) + "\n")


def others_installed() -> None:
    """Make the environment of the others. Raises CalledProcessError where their packages cannot be had."""
    if not (OTHERS / "bin" / "nodeset").exists():
        subprocess.run([sys.executable, "-m", "venv", OTHERS], check=True)
        subprocess.run([OTHERS / "bin" / "pip", "install", "--quiet", *PACKAGES], check=True)


def ours(site: Path, nodes: int) -> Mapping[str, Sequence[str]]:
    """Our commands on the big site. Those that find no compiled copy, or an old one, are marked."""
    scripts = Path(sys.executable).parent
    middle = nodes // 2
    part = f"{_name(middle)}-{_name(middle + 50)}"
    cold = f"rm -rf {site}/.xcatflow/cache"
    edit = f"{scripts}/chdef {_name(middle)} usercomment=$$"
    return {
        f"nodels {part}": [f"{scripts}/nodels", part],
        f"lsdef {_name(middle)}": [f"{scripts}/lsdef", _name(middle)],
        "nodels rack5 ip": [f"{scripts}/nodels", "rack5", "ip"],
        "nodels dockerhost==dh07": [f"{scripts}/nodels", "dockerhost==dh07"],
        "chdef of one node": ["sh", "-c", edit],
        "lsdef of it, after an edit by hand": [
            "sh", "-c", f"echo >>{site}/inventory/part000.stanza; {scripts}/lsdef {_name(middle)}"
        ],
        f"lsdef {_name(middle)}, nothing compiled": ["sh", "-c", f"{cold}; {scripts}/lsdef {_name(middle)}"],
    }  # fmt: skip


def theirs(root: Path, nodes: int) -> Mapping[str, Sequence[str]]:
    """What others take for a tenth of the nodes."""
    scripts = OTHERS / "bin"
    part = f"n[{nodes // 2:06}-{nodes // 2 + 50:06}]"
    load = "import {0}; {1}(open('{2}/nodes.yaml').read())"
    pure = load.format("ruamel.yaml", "ruamel.yaml.YAML(typ='safe', pure=True).load", root)
    c_yaml = f"import yaml; yaml.load(open('{root}/nodes.yaml').read(), Loader=yaml.CSafeLoader)"
    return {
        "ansible-inventory --list (YAML)": [f"{scripts}/ansible-inventory", "-i", f"{root}/hosts.yaml", "--list"],
        "ansible-inventory --list (INI)": [f"{scripts}/ansible-inventory", "-i", f"{root}/hosts.ini", "--list"],
        "ansible-inventory --host (INI)": [
            f"{scripts}/ansible-inventory", "-i", f"{root}/hosts.ini", "--host", _name(nodes // 2)
        ],
        "nodeset -e @rack5": [f"{scripts}/nodeset", "--groupsconf", f"{root}/groups.conf", "-e", "@rack5"],
        "nodeset -e of 51 names, no inventory": [f"{scripts}/nodeset", "-e", part],
        "nodeset -c @*": [f"{scripts}/nodeset", "--groupsconf", f"{root}/groups.conf", "-c", "@*"],
        "ruamel.yaml, its nodes": [sys.executable, "-c", pure],
        "PyYAML with its C loader, its nodes": [f"{scripts}/python", "-c", c_yaml],
    }  # fmt: skip


def shown(timings: Mapping[str, Sequence[Timing]], base: Sequence[Timing]) -> None:
    """A table."""
    print(f"{'':46}{'wall s':>9}{'to the import':>15}{'peak MB':>9}")
    for name, taken in timings.items():
        wall, peak = median(one.wall_s for one in taken), max(one.peak_bytes for one in taken)
        print(f"{name:46}{wall:9.2f}{ratio(taken, base):15.2f}{peak / MB:9.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nodes", type=int, default=100_000)
    arguments = parser.parse_args()
    others_installed()
    with tempfile.TemporaryDirectory(prefix="xcatflow-bench-") as directory:
        root, few = Path(directory), arguments.nodes // 10
        stanza_site(root / "big", arguments.nodes)
        yaml_nodes(root / "nodes.yaml", few)
        ansible_files(root, few)
        environ = environment(
            XCATFLOW_SITE=str(root / "big"), ANSIBLE_NOCOLOR="1", ANSIBLE_LOCALHOST_WARNING="0", HOME=directory
        )
        environ.pop("PYTHONPATH", None)
        base = {BASE: [sys.executable, "-c", "import pydantic"]}
        commands = {**base, **ours(root / "big", arguments.nodes), **theirs(root, few)}
        os.chdir(root)
        for command in commands.values():
            timed(command, environ)
        timings = in_turn(commands, environ, arguments.rounds)
    print(
        f"{arguments.nodes} nodes in {FILES} files, the others {few}; median of {arguments.rounds} interleaved rounds\n"
    )
    shown(timings, timings[BASE])


if __name__ == "__main__":
    main()
