"""What `${...}` means for one step of one node."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from xcatflow.engine.node_nics import nics_value
from xcatflow.errors import XcatflowError
from xcatflow.model.definitions import Definitions
from xcatflow.model.fact_names import STANDS_IN
from xcatflow.model.lookup import parse_template
from xcatflow.model.placed import Inputs
from xcatflow.model.script_environment import environment_of

Outputs = Mapping[str, Mapping[str, str]]


class NotYet(XcatflowError):
    """The value is an earlier step's output, and that step has not run."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Resolves the paths of lookups. `prefix` is the part of the step's id that its file was used under; `outputs` is None while
    nothing has run; `secret` gives a secret by name."""

    definitions: Definitions
    node: str
    inputs: Inputs
    prefix: str = ""
    outputs: Outputs | None = None
    secret: Callable[[str], str | None] = lambda _name: None
    given: Mapping[str, str] = field(default_factory=dict)
    """What the caller of a run says about the node, beside its definition: `${given.NAME}`."""

    def __call__(self, path: tuple[str, ...]) -> str | None:
        """The value; None where there is none. Raises NotYet for an output of a step that has not run."""
        match path:
            case ("node", "name"):
                return self.node
            case ("node", attribute):
                return node_value(self.definitions, self.node, attribute)
            case ("node", "osimage", attribute):
                image = self.definitions.osimage_of(self.node)
                return _attribute(image, attribute)
            case ("node", "network", attribute):
                network = self.definitions.network_of(self.definitions.value(self.node, "ip") or "")
                return _prefix_length(network) if attribute == "prefix" else _attribute(network, attribute)
            case ("node", "nics", part):
                return nics_value(self.definitions, self.node, part)
            case ("node", "facts", fact):
                return self.facts_of(path).get(fact)
            case ("node", "host", "facts", fact):
                return self.facts_of(path).get(fact)
            case ("node", "host", attribute):
                host = self._host
                return host if attribute == "name" else node_value(self.definitions, host, attribute)
            case ("group", name, attribute):
                return _attribute(self.definitions.groups.get(name), attribute)
            case ("site", attribute):
                return self.definitions.site.get(attribute)
            case ("env", name):
                return environment_of(self.definitions, self.node).get(name)
            case ("input", name):
                return self._input(name)
            case ("given", name):
                return self.given.get(name)
            case ("secret", name):
                return self.secret(name)
            case ("each",):
                return self.inputs.each
            case ("step", step, output):
                return self._output(step, output)
        return None

    @property
    def _host(self) -> str:
        return machine_name(self.definitions.value(self.node, "dockerhost") or "")

    def facts_of(self, path: tuple[str, ...]) -> Mapping[str, str]:
        """The facts of the node, or of its Docker host, that a path asks for; none where none were gathered. Raises InvalidInput."""
        return self.definitions.facts.of(self._host if path[1] == "host" else self.node) or {}

    def outer(self) -> "Scope":
        """The scope that the given inputs are written in."""
        assert self.inputs.outer is not None
        return replace(self, inputs=self.inputs.outer, prefix=_parent(self.prefix))

    def _input(self, name: str) -> str | None:
        if name in self.inputs.given:
            value = self.inputs.given[name]
            if isinstance(value, str) and "${" in value and self.inputs.outer is not None:
                return parse_template(value).resolve(self.outer())
            return as_text(value)
        declared = self.inputs.declared.get(name)
        return as_text(declared.default) if declared else None

    def _output(self, step: str, output: str) -> str | None:
        if self.outputs is None:
            raise NotYet(f'"${{step.{step}.{output}}}" is known after step "{step}"')
        return self.outputs.get(self.prefix + step, {}).get(output)


def node_value(definitions: Definitions, node: str, attribute: str) -> str | None:
    """An attribute of a node as lookups see it: the definition's own, what follows from it for container nodes (`image` and `command`,
    the parts of `provmethod`), and what was found out where the definition does not say `os` or `arch`."""
    if node not in definitions.nodes:
        return None
    if attribute in ("image", "command"):
        image, _, command = (definitions.value(node, "provmethod") or "").partition("!")
        return image if attribute == "image" else command
    found = definitions.value(node, definitions.canonical(attribute) or attribute)
    if not found and attribute in STANDS_IN:
        found = (definitions.facts.of(node) or {}).get(attribute)
    return found


def known_node_attribute(definitions: Definitions, attribute: str) -> bool:
    return attribute in ("name", "image", "command") or definitions.canonical(attribute) is not None


def machine_name(dockerhost: str) -> str:
    """The host part of a `dockerhost` value; empty where it has none."""
    text = dockerhost.rpartition("://")[2] if "://" in dockerhost else dockerhost
    text = text.rpartition("@")[2]
    return text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0].partition("/")[0]


def as_text(value: Any) -> str | None:
    """A scalar as lookups see it."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
    return str(value)


def _attribute(holder: Any, attribute: str) -> str | None:
    return None if holder is None else as_text(holder.attributes.get(attribute))


def _prefix_length(network: Any) -> str | None:
    if network is None:
        return None
    mask = str(network.attributes.get("mask", ""))
    if mask.startswith("/"):
        return mask[1:]
    return str(sum(int(part).bit_count() for part in mask.split("."))) if mask.count(".") == 3 else mask or None


def _parent(prefix: str) -> str:
    head, _, _ = prefix.rstrip("/").rpartition("/")
    return head + "/" if head else ""
