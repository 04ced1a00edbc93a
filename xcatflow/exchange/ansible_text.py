"""The text of an Ansible inventory, as YAML and as INI.

Source: Ansible documentation, inventory plugins `yaml` and `ini` (values are Python literals; lines of hosts are split as a shell does).
"""

import ast
import json
import re
import shlex
import warnings
from collections.abc import Iterator
from typing import Any

from xcatflow.exchange.ansible import ALL
from xcatflow.exchange.ansible_out import Out
from xcatflow.exchange.yaml_out import escaped, yaml_lines

HEADER = "# written by xcatflow export: what nodes finally have, and in xcat_own which of it is their own"
_BARE = re.compile(r"[A-Za-z0-9_./:@,+-]+")


def yaml_text(out: Out) -> str:
    """The inventory in YAML."""
    children: dict[str, Any] = {}
    remarks: dict[tuple[str, ...], str] = {}
    everyone: dict[str, Any] = {}
    if variables := _all_vars(out):
        everyone["vars"] = variables
    if out.hosts:
        everyone["hosts"] = out.hosts
    for name, group in out.groups.items():
        if name == ALL:
            continue
        below: dict[str, Any] = {"vars": group.vars} if group.vars else {}
        if group.hosts:
            below["hosts"] = dict.fromkeys(group.hosts)
        children[name] = below or None
        if group.remark:
            remarks[ALL, "children", name] = group.remark
    if children:
        everyone["children"] = children
    return "".join(f"{line}\n" for line in (HEADER, *yaml_lines({ALL: everyone or None}, remarks)))


def ini_text(out: Out) -> str:
    """The inventory in INI form."""
    return "".join(f"{line}\n" for line in (HEADER, *_ini_lines(out)))


def _ini_lines(out: Out) -> Iterator[str]:
    for name, values in out.hosts.items():
        yield " ".join([name, *(shlex.quote(f"{key}={_literal(value)}") for key, value in values.items())])
    for name, group in out.groups.items():
        if name == ALL:
            continue
        yield ""
        if group.remark:
            yield f"# {' '.join(group.remark.split())}"
        yield f"[{name}]"
        yield from group.hosts
        if group.vars:
            yield from ("", f"[{name}:vars]", *(f"{key}={_literal(value)}" for key, value in group.vars.items()))
    if variables := _all_vars(out):
        yield from ("", "[all:vars]", *(f"{key}={_literal(value)}" for key, value in variables.items()))


def _all_vars(out: Out) -> dict[str, Any]:
    group = out.groups.get(ALL)
    return {**(group.vars if group else {}), **out.vars}


def _literal(value: Any) -> str:
    """A value that Ansible reads as what it is: bare where that is a text, else a Python literal."""
    if isinstance(value, str) and _BARE.fullmatch(value):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                ast.literal_eval(value)
        except (ValueError, SyntaxError):
            return value
    return escaped(json.dumps(value, ensure_ascii=False))
