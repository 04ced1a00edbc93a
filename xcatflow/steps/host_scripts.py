"""`host.scripts`: a node's postscripts and postbootscripts, as steps.

The names that xCAT ships stand for kinds of our own, which converge; any other name is a script below the site's `postscripts/`. A file
there that has a shipped name counts only where the site's attribute `ownscripts` names it: whoever brings xCAT's directory along has all
of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from types import MappingProxyType
from typing import ClassVar, Literal, cast

from pydantic import Field

from xcatflow.contract import Composite, Desk, Params, Part
from xcatflow.errors import InvalidInput
from xcatflow.model.nics import nic_values
from xcatflow.model.scripts import LISTS, ScriptLine, chosen_lines, ids_of, lines_of
from xcatflow.model.values import split_list
from xcatflow.steps.given import LenientParams
from xcatflow.steps.scripts.packages import default_part

Parts = Callable[[tuple[str, ...], Desk], tuple[Part, ...]]

SHIPPED: Mapping[str, str] = MappingProxyType(
    {
        "syslog": "xcatflow.steps.scripts.basics:syslog_parts",
        "remoteshell": "xcatflow.steps.scripts.basics:remoteshell_parts",
        "syncfiles": "xcatflow.steps.scripts.basics:syncfiles_parts",
        "ospkgs": "xcatflow.steps.scripts.packages:ospkgs_parts",
        "otherpkgs": "xcatflow.steps.scripts.packages:otherpkgs_parts",
        "xHRM": "xcatflow.steps.scripts.network:xhrm_parts",
        "confignetwork": "xcatflow.steps.scripts.network:confignetwork_parts",
        "confignetworks": "xcatflow.steps.scripts.network:confignetwork_parts",
        "setupdockerhost": "xcatflow.steps.scripts.docker:setupdockerhost_parts",
    }
)
"""What the scripts that xCAT ships do, as functions from their arguments to steps."""

_BRIDGING = ("bridge", "bridge_ovs")
_POST_BOOT = "postbootscripts"


class ScriptsParams(LenientParams):
    """The node's lists, or `scripts` instead of them."""

    lists: tuple[Literal["postscripts", "postbootscripts"], ...] = Field(
        ("postscripts", "postbootscripts"),
        description="Which of the node's lists: those of `xcatdefaults`, of its osimage and its own are joined.",
    )
    scripts: str = Field(
        "", description='Scripts instead of the lists: "s1 a b,s2", or a section such as `node-postscripts-start-here`.'
    )
    ensure: tuple[str, ...] = Field(
        (),
        description="Scripts that are in the list in any case: one that is missing comes before the first of those named after it.",
    )
    packages: str = Field(
        "", description="A package list that `otherpkgs` goes by where the node has no osimage with package lists."
    )
    arguments: dict[str, str] = Field(
        default_factory=dict,
        description="Words for shipped scripts, by name: they come before those of the list, which therefore win.",
    )
    always: bool = Field(False, description="Run the site's own scripts every time, not only when they have changed.")
    updating: bool = Field(False, description="Tell scripts that the machine is installed already: `UPDATENODE=1`.")


class HostScripts(Composite[ScriptsParams]):
    """Each script is a group of steps: a failing one ends itself, not those after it."""

    kind = "host.scripts"
    params: ClassVar[type[Params]] = ScriptsParams

    def parts(self, want: ScriptsParams, desk: Desk) -> tuple[Part, ...]:
        """Raises InvalidInput."""
        lines = _ensured(_lines(want, desk), want.ensure, desk)
        own = split_list(desk.definitions.site.get("ownscripts", ""))
        found: list[Part] = []
        for name, line in zip(ids_of(lines), lines, strict=True):
            if line.words[0] in SHIPPED and line.words[0] not in own:
                found += _shipped(name, line, want, desk)
            else:
                found.append(_own(name, line, want))
        return tuple(found)


def _lines(want: ScriptsParams, desk: Desk) -> tuple[ScriptLine, ...]:
    if want.scripts:
        return chosen_lines(desk.definitions, desk.node, want.scripts)
    return lines_of(desk.definitions, desk.node, (name for name in LISTS if name in want.lists))


def _own(name: str, line: ScriptLine, want: ScriptsParams) -> Part:
    given = {
        "script": line.text,
        "always": want.always,
        "updating": want.updating,
        "boot": line.list == _POST_BOOT,
    }
    return Part(name, "host.script", given, name)


def _shipped(name: str, line: ScriptLine, want: ScriptsParams, desk: Desk) -> Iterator[Part]:
    """The steps of a script that xCAT ships. Raises InvalidInput, the line named."""
    script, *own = line.words
    arguments = (*ScriptLine(want.arguments.get(script, "")).words, *own)
    if script == "syncfiles" and want.updating:
        return  # files are distributed when a machine is deployed, or when that is asked for
    try:
        if script == "otherpkgs" and want.packages and not _says_packages(desk):
            parts: tuple[Part, ...] = (default_part(want.packages),)
        else:
            parts = _function(SHIPPED[script])(arguments, desk)
    except InvalidInput as error:
        raise InvalidInput(replace(p, message=f"{line.text}: {p.message}") for p in error.problems) from None
    for part in parts:
        yield replace(part, id=f"{name}/{part.id}" if len(parts) > 1 else name, group=name)


def _function(place: str) -> Parts:
    module, _, name = place.partition(":")
    return cast(Parts, getattr(import_module(module), name))


def _says_packages(desk: Desk) -> bool:
    """Does the node's osimage name packages?"""
    image = desk.definitions.osimage_of(desk.node)
    return bool(image and (image.attributes.get("pkglist") or image.attributes.get("otherpkglist")))


def _ensured(lines: tuple[ScriptLine, ...], ensure: tuple[str, ...], desk: Desk) -> tuple[ScriptLine, ...]:
    """The lines with those of `ensure` that are missing."""
    found = list(lines)
    wanted = [ScriptLine(text, _POST_BOOT) for text in ensure if text.strip()]
    for number, line in enumerate(wanted):
        if any(_does(line, other, desk) for other in found):
            continue
        later = wanted[number + 1 :]
        at = next((at for at, other in enumerate(found) if _any_does(later, other, desk)), len(found))
        found.insert(at, line)
    return tuple(found)


def _any_does(wanted: Iterable[ScriptLine], line: ScriptLine, desk: Desk) -> bool:
    return any(_does(one, line, desk) for one in wanted)


def _does(wanted: ScriptLine, line: ScriptLine, desk: Desk) -> bool:
    """Does a line do what is wanted, in its own way perhaps? The bridge of a Docker host may be made of the node's adapters, or by the
    script that sets Docker up, which then is given a network."""
    name, *arguments = line.words
    if name == wanted.words[0]:
        return True
    if wanted.words[0] != "xHRM":
        return False
    if name in ("confignetwork", "confignetworks"):
        types = nic_values(desk.definitions.value(desk.node, "nictypes") or "")
        return any(sort.lower() in _BRIDGING for _, sort in types)
    return name == "setupdockerhost" and any("=" in word and not word.startswith("-") for word in arguments)
