"""`firewall`: only these networks and nodes reach these ports of the machine.

All of it is in a table of our own, so that rules of others, Docker's among them, are never touched, and it says nothing about any other
port. The port that the connection came in by is refused. A change that cannot be confirmed over the network is put back by the machine
itself.

Source: nft(8): the verdict "accept" of a chain ends only that chain, "drop" is final; systemd.unit(5).
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address, ip_network
from secrets import token_hex
from shlex import quote
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from xcatflow.contract import Desk, Params, Step, Target
from xcatflow.errors import ActFailed, CannotTell, CannotUndo, InvalidInput
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, File, FileFacts, Question, Shell
from xcatflow.steps.firewall_script import FILE, SUM, UNIT, UNIT_TEXT, begin_script, keep_script, ruleset
from xcatflow.steps.given import Words, words
from xcatflow.steps.place import checked, diff_of, place_file

_MOST_NODES = 10_000
_CONFIRM_S = 30


def _networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    found = []
    for text in texts:
        try:
            found.append(str(ip_network(text)))
        except ValueError as error:
            raise ValueError(f'expected a network or address such as "10.0.0.0/8", found "{text}": {error}') from None
    return tuple(dict.fromkeys(found))


def _ports(value: object) -> object:
    return words(value) if not isinstance(value, int) else (value,)


_Port = Annotated[int, Field(ge=1, le=65535)]


class FirewallParams(Params):
    """Who may reach what."""

    ports: Annotated[tuple[_Port, ...], BeforeValidator(_ports, json_schema_input_type=int | str | list[int])] = Field(
        (2375, 2376), min_length=1, description="The TCP ports, those of the Docker daemon when left out."
    )
    allow: Annotated[Words, AfterValidator(_networks)] = Field(
        (), description="Networks and addresses that may reach them: a list, or text with commas."
    )
    nodes: str = Field("", description="A noderange whose nodes' `ip` addresses may reach them too.")
    controller: bool = Field(
        True,
        description="Refuse rules that shut out the machine that xcatflow runs on; `false` where it has no business there.",
    )
    state: Literal["present", "absent"] = Field("present", description="`absent` removes the rules.")

    @model_validator(mode="after")
    def _fits(self) -> "FirewallParams":
        if self.state == "present" and not (self.allow or self.nodes):
            raise ValueError('expected "allow" or "nodes": with neither nobody could reach the ports')
        return self

    @property
    def text(self) -> str:
        """The rules."""
        return ruleset(self.ports, self.allow)


@dataclass(frozen=True, slots=True)
class FirewallFacts:
    """What the machine has: `nft` or not, our table live (its digest), what it was when it was made, our files; and where the connection
    came from and in by."""

    nft: bool
    live: str = ""
    made: str = ""
    enabled: bool = False
    rules: FileFacts | None = None
    unit: FileFacts | None = None
    client: str = ""
    ssh_port: int = 0


_LOOK = f"""\
set -- ${{SSH_CONNECTION-}}
echo "${{1-}} ${{4-}}"
command -v nft >/dev/null || {{ echo none; exit 0; }}
echo nft
nft list table inet xcatflow 2>/dev/null | sha256sum | {{ read -r s r; echo "$s"; }}
if [ -f {SUM} ]; then cat {SUM}; else echo; fi
if [ -L /etc/systemd/system/multi-user.target.wants/{UNIT} ]; then echo enabled; else echo disabled; fi
"""
_NOTHING = sha256(b"").hexdigest()


class Firewall(Step[FirewallParams, FirewallFacts]):
    """The table `inet xcatflow`, loaded at each start by a unit of its own."""

    kind = "firewall"
    params: ClassVar[type[FirewallParams]] = FirewallParams

    def prepare(self, want: FirewallParams, desk: Desk) -> FirewallParams:
        if not want.nodes:
            return want
        from xcatflow.selection import select

        found = []
        for node in select(want.nodes, desk.definitions)[:_MOST_NODES]:
            ip = desk.definitions.value(node, "ip") or ""
            try:
                found.append(str(ip_network(str(ip_address(ip)))))
            except ValueError:
                raise InvalidInput(
                    f'node "{node}" of "{want.nodes}" has no "ip" that a rule could allow: give it one'
                ) from None
        if not (found or want.allow):
            raise InvalidInput(f'the noderange "{want.nodes}" means no node: nobody could reach the ports')
        return want.model_copy(update={"allow": tuple(dict.fromkeys((*want.allow, *found))), "nodes": ""})

    def ask(self, want: FirewallParams) -> tuple[Question[Any], ...]:
        return (Shell(_LOOK), File(FILE, ""), File(f"/etc/systemd/system/{UNIT}", ""))

    def seen(self, answers: Answers, want: FirewallParams) -> FirewallFacts | None:
        reply = answers[Shell(_LOOK)]
        lines = (*reply.text.split("\n"), "", "", "", "")
        if reply.code or lines[1] not in ("nft", "none"):
            raise CannotTell(f"cannot tell the packet filter's rules: {reply.complaint or f'status {reply.code}'}")
        client, _, port = lines[0].partition(" ")
        live = "" if lines[2] == _NOTHING else lines[2]
        rules, unit = answers[File(FILE, "")], answers[File(f"/etc/systemd/system/{UNIT}", "")]
        return FirewallFacts(
            lines[1] == "nft",
            live,
            lines[3],
            lines[4] == "enabled",
            rules,
            unit,
            client,
            int(port) if port.isdigit() else 0,
        )

    def plan(self, seen: FirewallFacts | None, want: FirewallParams) -> tuple[Change, ...]:
        assert seen is not None
        what = "firewall table inet xcatflow"
        if want.state == "absent":
            there = seen.live or seen.rules or seen.unit or seen.enabled
            return (Change(Verb.REMOVE, what),) if there else ()
        if not seen.nft:
            raise ActFailed('the machine has no "nft": install the package nftables before, with package.present')
        _refuse_lock_out(seen, want)
        new = want.text.encode()
        old = (seen.rules.content if seen.rules else None) or b""
        allowed = f"ports {', '.join(map(str, want.ports))} from {_short(want.allow)}"
        if old != new:
            return (Change(Verb.UPDATE if old else Verb.CREATE, what, "", None, allowed, diff=_diff(old, new)),)
        if not seen.live or seen.live != seen.made:
            why = "somebody changed it" if seen.live else "it is not loaded"
            return (Change(Verb.LOAD, what, "", None, allowed, why=why),)
        if not seen.enabled or not seen.unit or seen.unit.content != UNIT_TEXT.encode():
            return (Change(Verb.ENABLE, what, "at boot"),)
        return ()

    def apply(self, at: Target, want: FirewallParams, seen: FirewallFacts | None, change: Change) -> None:
        if change.verb is Verb.REMOVE:
            _take_away(at)
            return
        _load(at, want.text)

    def undo(self, at: Target, want: FirewallParams, seen: FirewallFacts | None, change: Change) -> None:
        assert seen is not None
        if seen.rules is None:
            _take_away(at)
        elif seen.rules.content is not None:
            _load(at, seen.rules.content.decode())
        else:
            raise CannotUndo("the former rules are not known")


def _refuse_lock_out(seen: FirewallFacts, want: FirewallParams) -> None:
    """Raise ActFailed where the rules concern the port that we came in by, or shut us out of the others."""
    if seen.ssh_port in want.ports or 22 in want.ports:
        raise ActFailed(
            f'port {seen.ssh_port or 22} is how the machine is reached over SSH: it is left alone; take it out of "ports"'
        )
    if want.controller and seen.client:
        client = ip_address(re.sub(r"%.*", "", seen.client))
        if not any(client.version == net.version and client in net for net in map(ip_network, want.allow)):
            raise ActFailed(
                f'xcatflow comes from {seen.client}, which "allow" does not have: it would be shut out of the ports; '
                'add it, or say "controller: false"'
            )


def _short(networks: tuple[str, ...]) -> str:
    return ", ".join(networks) if len(networks) <= 4 else f"{', '.join(networks[:3])} and {len(networks) - 3} more"


def _diff(old: bytes, new: bytes) -> str:
    return diff_of(FILE, old, new)


def _load(at: Target, text: str) -> None:
    """Prove the rules live, guarded; then have them loaded at each start."""
    directory = f"/run/xcatflow-firewall-{token_hex(4)}"
    checked(at, begin_script(directory, _CONFIRM_S), "cannot load the rules", stdin=text.encode())
    # Only who comes in anew proves that one still can.
    at.reconnect()
    checked(at, keep_script(directory), "cannot keep the rules")
    checked(at, "mkdir -p /etc/xcatflow", "cannot make /etc/xcatflow")
    place_file(at, FILE, text.encode())
    place_file(at, f"/etc/systemd/system/{UNIT}", UNIT_TEXT.encode())
    script = f"systemctl daemon-reload && systemctl enable -- {quote(UNIT)}"
    checked(at, script, f'cannot have "{UNIT}" load the rules at each start')


def _take_away(at: Target) -> None:
    script = (
        "set -e\n"
        f"if [ -f /etc/systemd/system/{UNIT} ]; then systemctl disable -- {UNIT}; fi\n"
        f"rm -f -- /etc/systemd/system/{UNIT} {FILE} {SUM}\n"
        "rmdir /etc/xcatflow 2>/dev/null || :\n"
        "systemctl daemon-reload\n"
        "if command -v nft >/dev/null && nft list table inet xcatflow >/dev/null 2>&1; then nft delete table inet xcatflow; fi\n"
    )
    checked(at, script, "cannot remove the rules")
