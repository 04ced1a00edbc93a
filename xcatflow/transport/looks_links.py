"""Questions about containers' interfaces, and about who has an address on a bridge, as one POSIX script, and its reply as answers.

However many containers are asked about, the machine starts one `docker inspect`, one `ip` for itself, and one `ip` inside the network of
each that runs: containers need no tools of their own. Who has an address is asked of the neighbours, of all at the same time, and only
where the container has it not itself: a look at what is well does not wait for anybody.

Source: docker-inspect(1) and how it says that a container is not there; nsenter(1); ip(8) on `-batch` and `-json`; network_namespaces(7);
arping(8) of iputils: `-D` asks without claiming the address (RFC 5227), and prints who answered.
"""
# ruff: noqa: ARG002  (every section has the whole interface, used or not)

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any

from xcatflow.errors import CannotTell, InvalidInput, XcatflowError
from xcatflow.model.container_links import ContainerLink, ContainerLinkFacts, LinkEndFacts, Neighbour, NeighbourFacts
from xcatflow.model.links import Link, chapters, links
from xcatflow.model.question import CertificateFacts, Question, Reply

_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LINK = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")
_IPV4 = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")
_ABSENT = re.compile(r"[Nn]o such (?:container|object): (\S+)")
_ANSWERED = re.compile(r"reply from \S+ \[([0-9A-Fa-f:]{17})\]")
_ASKED = re.compile(r"^Sent \d+ probe", re.MULTILINE)
_LOOK = """\
for t in docker ip nsenter; do command -v $t >/dev/null || { echo "#missing"; echo $t; exit 0; }; done
found=$(docker inspect --type container -f '{{.State.Pid}} {{.Name}} {{.HostConfig.NetworkMode}} {{json .Config.Labels}}\
{{range $n, $e := .NetworkSettings.Networks}} {{$n}}={{$e.IPAddress}}{{end}}' -- "$@")
printf '#inspect\\n%s\\n#host\\n' "$found"
for again in 1 2 3 4 5; do  # a list that changes while it is read is told so by ip, and may be wrong
  host=$(ip -j -d addr 2>&1)
  case $host in *'Dump was interrupted'*) sleep 0.1;; *) break;; esac
done
printf '%s\\n' "$host"
printf '%s\\n' "$found" | {
held=
while read -r pid name _; do
  [ "${pid:-0}" -gt 0 ] || continue
  printf '\\n#ns %s\\n' "$pid"
  if [ "/proc/$pid/ns/net" -ef /proc/self/ns/net ]; then echo host; continue; fi
  inside=$(printf 'addr show\\nroute show default\\n' | nsenter -t "$pid" -n ip -j -b - 2>&1)
  printf '%s\\n' "$inside"
  [ -z "$six" ] || nsenter -t "$pid" -n ip -6 -j route show default 2>&1
  for p in $probes; do
    case $p in "${name#/},"*) case $inside in *"\\"local\\":\\"${p##*,}\\""*) held="$held $p ";; esac;; esac
  done
done
"""
_PROBE = """\
owner() {
  docker ps -q | xargs -r docker inspect -f '{{.State.Pid}} {{.Name}}' -- | while read -r pid name; do
    if nsenter -t "$pid" -n ip -o link 2>/dev/null | grep -qiF " $1 "; then echo "owner ${name#/}"; break; fi
  done
}
ask() {
  rest=${1#*,}
  said=$(timeout 5 arping -D -I "${rest%,*}" -c 2 -w 2 -- "${rest#*,}" 2>&1)
  mac=$(printf %s "$said" | sed -n 's/.*eply from [^ ]* \\[\\([^]]*\\)\\].*/\\1/p' | head -n 1)
  [ -z "$mac" ] || said="$said
$(owner "$mac")"
  printf '\\n#probe %s\\n%s\\n' "$1" "$said"
}
n=0
for p in $probes; do
  case $held in *" $p "*) continue;; esac
  command -v arping >/dev/null || { printf '\\n#probe %s\\nmissing\\n' "$p"; continue; }
  ask "$p" </dev/null &
  n=$((n + 1))
  [ $((n % 64)) != 0 ] || wait
done
wait
"""
_END = "}\n:\n"


@dataclass(frozen=True, slots=True)
class LinkSection:
    """All questions about containers' interfaces and about neighbours."""

    questions: tuple[ContainerLink | Neighbour, ...]

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(q.container for q in self.questions if _CONTAINER.fullmatch(q.container)))

    @property
    def _probes(self) -> tuple[str, ...]:
        asked = (q for q in self.questions if isinstance(q, Neighbour) and not _refused(q))
        return tuple(dict.fromkeys(map(_key, asked)))

    @property
    def script(self) -> str:
        if not self._names:
            return ":"
        six = "1" if any(isinstance(q, ContainerLink) and q.ipv6 for q in self.questions) else ""
        head = f"set -- {' '.join(map(quote, self._names))}\nsix={six} probes={quote(' '.join(self._probes))}\n"
        return f"{head}{_LOOK}{_PROBE if self._probes else ''}{_END}"

    def parse(
        self, reply: Reply, read_certificate: Callable[[str], CertificateFacts | None]
    ) -> dict[Question[Any], object]:
        """For each question its facts, None for a container that is not there, or CannotTell."""
        parts = chapters(reply.text)
        found = dict(_inspected(parts.get("inspect", "")))
        absent = set(_ABSENT.findall(reply.complaint))
        answers: dict[Question[Any], object] = {}
        for question in self.questions:
            name = question.container
            if refused := _refused(question):
                answers[question] = refused
            elif name not in found and name not in absent:
                answers[question] = CannotTell(f'cannot look at container "{name}": {_reason(parts, reply)}')
            elif isinstance(question, Neighbour):
                answers[question] = _neighbour(question, parts)
            else:
                answers[question] = _facts(question, found[name], parts) if name in found else None
        return answers


def _refused(question: ContainerLink | Neighbour) -> InvalidInput | None:
    """Why no script can ask this; None when one can."""
    if not _CONTAINER.fullmatch(question.container):
        return InvalidInput(f'"{question.container}" is no name of a container')
    if isinstance(question, Neighbour) and not (_LINK.fullmatch(question.bridge) and _IPV4.fullmatch(question.address)):
        return InvalidInput(
            f'cannot ask for "{question.address}" on "{question.bridge}": expected an IPv4 address and a bridge'
        )
    return None


def _key(question: Neighbour) -> str:
    return f"{question.container},{question.bridge},{question.address}"


@dataclass(frozen=True, slots=True)
class _Inspected:
    """What `docker inspect` says of a container; `pid` is 0 for one that does not run."""

    pid: int
    mode: str
    labels: Mapping[str, str]
    networks: Mapping[str, str]


def _inspected(listing: str) -> list[tuple[str, _Inspected]]:
    """By name; lines that are none of ours are left out."""
    found: list[tuple[str, _Inspected]] = []
    for line in listing.splitlines():
        pid, slash, rest = line.partition(" /")
        name, _, more = rest.partition(" ")
        mode, _, more = more.partition(" ")
        if not (slash and pid.isdigit()):
            continue
        labels, end = json.JSONDecoder().raw_decode(more) if more else ({}, 0)
        networks = dict(word.rsplit("=", 1) for word in more[end:].split() if "=" in word)
        found.append((name, _Inspected(int(pid), mode, labels or {}, networks)))
    return found


def _reason(parts: Mapping[str, str], reply: Reply) -> str:
    if "missing" in parts:
        return f'the machine has no "{parts["missing"]}"'
    return next(iter(reply.complaint.splitlines()), f"docker inspect gave no answer (status {reply.code})")


def _facts(question: ContainerLink, found: _Inspected, parts: Mapping[str, str]) -> ContainerLinkFacts | XcatflowError:
    inside = parts.get(f"ns {found.pid}", "")
    known = {"pid": found.pid, "labels": found.labels, "networks": found.networks, "mode": found.mode}
    try:
        host = links(parts["host"])
        bridges = tuple(link.name for link in host if link.kind == "bridge")
        if found.pid == 0 or inside == "host":
            return ContainerLinkFacts(**known, host_network=found.pid > 0, bridges=bridges)  # type: ignore[arg-type]
        shown, routes, *routes6 = inside.splitlines()
        default, default6 = (_first(text) for text in (routes, "".join(routes6)))
        return ContainerLinkFacts(
            **known,  # type: ignore[arg-type]
            link=_end(question.interface, shown, host),
            gateway=default.get("gateway", ""),
            gateway_link=default.get("dev", ""),
            bridges=bridges,
            gateway6=default6.get("gateway", ""),
            gateway6_link=default6.get("dev", ""),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        said = next((line for line in (inside or parts.get("host", "")).splitlines() if line[:1] != "["), repr(error))
        return CannotTell(f'cannot look into container "{question.container}": {said}')


def _first(routes: str) -> Mapping[str, str]:
    found: list[Mapping[str, str]] = json.loads(routes or "[]")
    return next(iter(found), {})


def _end(interface: str, shown: str, host: tuple[Link, ...]) -> LinkEndFacts | None:
    link = next((link for link in links(shown) if link.name == interface), None)
    if link is None:
        return None
    # Both ends name each other's number; a number alone may be that of a link somewhere else.
    other = next((it for it in host if it.kind == "veth" and it.index == link.peer and it.peer == link.index), None)
    raw = next(item for item in json.loads(shown) if item.get("ifname") == interface)
    return LinkEndFacts(
        addresses=tuple(it.text for it in link.addresses if not it.dynamic),
        mac=link.mac,
        mtu=raw["mtu"],
        up=link.up,
        host_end=other.name if other else "",
        bridge=other.master if other else "",
        refused=tuple(it["local"] for it in raw.get("addr_info") or () if it.get("dadfailed")),
    )


def _neighbour(question: Neighbour, parts: Mapping[str, str]) -> NeighbourFacts | XcatflowError:
    """Who has the address: the machine itself, whoever answered, or nobody."""
    try:
        mine = [
            link for link in links(parts["host"]) for it in link.addresses if it.text.startswith(f"{question.address}/")
        ]
    except (ValueError, LookupError, TypeError, AttributeError):
        return CannotTell(f"cannot tell the machine's own addresses: {parts.get('host', '')[:80]}")
    if mine:
        return NeighbourFacts(mine[0].mac, f'the machine itself, on "{mine[0].name}"')
    said = parts.get(f"probe {_key(question)}")
    if said is None:  # the container has it itself
        return NeighbourFacts()
    if answered := _ANSWERED.search(said):
        owner = next((line.removeprefix("owner ") for line in said.splitlines() if line.startswith("owner ")), "")
        return NeighbourFacts(answered[1].lower(), f'container "{owner}"' if owner else "")
    if _ASKED.search(said):
        return NeighbourFacts()
    reason = "the machine has no arping (package iputils-arping)" if said == "missing" else said.split("\n")[0]
    return NeighbourFacts(obstacle=reason or "arping said nothing")
