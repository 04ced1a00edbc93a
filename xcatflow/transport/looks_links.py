"""Questions about containers' interfaces as one POSIX script, and its reply as answers.

However many containers are asked about, the machine starts one `docker inspect`, one `ip` for itself, and one `ip` inside the network of
each that runs: containers need no tools of their own.

Source: docker-inspect(1) and how it says that a container is not there; nsenter(1); ip(8) on `-batch` and `-json`; network_namespaces(7).
"""
# ruff: noqa: ARG002  (every section has the whole interface, used or not)

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any

from xcatflow.errors import CannotTell, InvalidInput, XcatflowError
from xcatflow.model.links import Link, chapters, links
from xcatflow.model.question import (
    CertificateFacts,
    ContainerLink,
    ContainerLinkFacts,
    LinkEndFacts,
    Question,
    Reply,
)

_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_ABSENT = re.compile(r"[Nn]o such (?:container|object): (\S+)")
_LOOK = """\
for t in docker ip nsenter; do command -v $t >/dev/null || { echo "#missing"; echo $t; exit 0; }; done
found=$(docker inspect --type container -f '{{.State.Pid}} {{.Name}}' -- "$@")
printf '#inspect\\n%s\\n#host\\n' "$found"
ip -j -d link 2>&1
printf '%s\\n' "$found" | while read -r pid name; do
  [ "${pid:-0}" -gt 0 ] || continue
  printf '\\n#ns %s\\n' "$pid"
  if [ "/proc/$pid/ns/net" -ef /proc/self/ns/net ]; then echo host; continue; fi
  printf 'addr show\\nroute show default\\n' | nsenter -t "$pid" -n ip -j -b - 2>&1
done
:
"""


@dataclass(frozen=True, slots=True)
class LinkSection:
    """All questions about containers' interfaces."""

    questions: tuple[ContainerLink, ...]

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(q.container for q in self.questions if _CONTAINER.fullmatch(q.container)))

    @property
    def script(self) -> str:
        return f"set -- {' '.join(map(quote, self._names))}\n{_LOOK}" if self._names else ":"

    def parse(
        self, reply: Reply, read_certificate: Callable[[str], CertificateFacts | None]
    ) -> dict[Question[Any], object]:
        """For each question ContainerLinkFacts, None, or CannotTell."""
        parts = chapters(reply.text)
        pids = _pids(parts.get("inspect", ""))
        absent = set(_ABSENT.findall(reply.complaint))
        answers: dict[Question[Any], object] = {}
        for question in self.questions:
            name = question.container
            if not _CONTAINER.fullmatch(name):
                answers[question] = InvalidInput(f'"{name}" is no name of a container')
            elif name in pids:
                answers[question] = _facts(question, pids[name], parts)
            elif name in absent:
                answers[question] = None
            else:
                answers[question] = CannotTell(f'cannot look at container "{name}": {_reason(parts, reply)}')
        return answers


def _pids(listing: str) -> dict[str, int]:
    """Containers' names to the ids of their main processes; 0 for one that does not run."""
    lines = (line.split(" /", 1) for line in listing.splitlines())
    return {words[1]: int(words[0]) for words in lines if len(words) == 2 and words[0].isdigit()}


def _reason(parts: Mapping[str, str], reply: Reply) -> str:
    if "missing" in parts:
        return f'the machine has no "{parts["missing"]}"'
    return next(iter(reply.complaint.splitlines()), f"docker inspect gave no answer (status {reply.code})")


def _facts(question: ContainerLink, pid: int, parts: Mapping[str, str]) -> ContainerLinkFacts | XcatflowError:
    inside = parts.get(f"ns {pid}", "")
    try:
        host = links(parts["host"])
        bridges = tuple(link.name for link in host if link.kind == "bridge")
        if pid == 0 or inside == "host":
            return ContainerLinkFacts(pid, host_network=pid > 0, bridges=bridges)
        shown, routes = inside.splitlines()
        default: Mapping[str, str] = next(iter(json.loads(routes)), {})
        return ContainerLinkFacts(
            pid=pid,
            link=_end(question.interface, shown, host),
            gateway=default.get("gateway", ""),
            gateway_link=default.get("dev", ""),
            bridges=bridges,
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        said = next((line for line in (inside or parts.get("host", "")).splitlines() if line[:1] != "["), repr(error))
        return CannotTell(f'cannot look into container "{question.container}": {said}')


def _end(interface: str, shown: str, host: tuple[Link, ...]) -> LinkEndFacts | None:
    link = next((link for link in links(shown) if link.name == interface), None)
    if link is None:
        return None
    # Both ends name each other's number; a number alone may be that of a link somewhere else.
    other = next((it for it in host if it.kind == "veth" and it.index == link.peer and it.peer == link.index), None)
    return LinkEndFacts(
        addresses=tuple(it.text for it in link.addresses if it.family == 4 and not it.dynamic),
        mac=link.mac,
        mtu=next(item["mtu"] for item in json.loads(shown) if item.get("ifname") == interface),
        up=link.up,
        host_end=other.name if other else "",
        bridge=other.master if other else "",
    )
