"""Tasks that bring definitions in from elsewhere, and give them out in other forms."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xcatflow.errors import InvalidInput, Problem, did_you_mean, reason_of
from xcatflow.tasks.common import say, site, warn
from xcatflow.tasks.face import face

if TYPE_CHECKING:
    from xcatflow.app import Site
    from xcatflow.exchange.importing import Request, Result
    from xcatflow.model.definitions import Definitions

_PLURALS = {"policy": "policies"}
_FORMS = ("ansible", "ansible-ini", "hosts", "stanza", "json")


@face(
    name="import",
    words=["source"],
    repeated=["map"],
    help={
        "source": "a file, or - for standard input; left out with --docker",
        "from": "lsdef, stanza, ansible, docker (what docker inspect prints), compose or json; by the content when left out",
        "docker": "a daemon (dh01:2376, unix:///var/run/docker.sock, ssh://dh01) or a node that is a Docker host: its containers; with a "
        "compose file where its services are to be",
        "file": "where new objects go, such as inventory/old.stanza; where their like are when left out",
        "dry-run": "tell what would be written, and write nothing",
        "force": "change objects that the site has otherwise",
        "inherit": "leave out of nodes what their groups give them anyway: lsdef -z writes it down for each",
        "skip-unknown": "put what definitions cannot hold into inventory-skipped/, and go on",
        "keep-vars": "put Ansible variables that mean nothing here into inventory-skipped/, as an inventory for Ansible",
        "map": "VARIABLE=ATTRIBUTE: an Ansible variable that is an attribute; may be given several times",
    },
)
def import_(
    source: str = "",
    from_: str = "",
    docker: str = "",
    file: str = "",
    dry_run: bool = False,
    force: bool = False,
    inherit: bool = False,
    skip_unknown: bool = False,
    keep_vars: bool = False,
    map: Sequence[str] = (),
) -> None:
    """Bring definitions in: lsdef output, an Ansible inventory, a compose file, a daemon's containers. Makes a site where there is none."""
    from xcatflow.app import Site
    from xcatflow.exchange.importing import bring
    from xcatflow.exchange.skipped import save_workflow
    from xcatflow.load.shipped import make_site
    from xcatflow.model.definitions import Definitions

    root, here = _here()
    existing = here.definitions if here and (dry_run or docker) else Definitions()
    asked = _request(root, existing, source, from_, docker, map)
    request = replace(asked, force=force, inherit=inherit, skip_unknown=skip_unknown)
    if dry_run:
        _rehearse(bring(request, existing))
        return
    if here is None:
        _refuse(bring(request, existing))
        for _ in make_site(root, inventory=False):
            pass
        say(f"made a site in {root.resolve()}")
        here = Site(root.resolve())
    with here.editing(lambda text: warn(f"note: {text}")) as held:
        result = bring(request, held.definitions)
        _tell(result)
        aside = _set_aside(here.root, request.file, result, keep_vars=keep_vars)
        held.write(result.writes, file=file)
        places = _places(held.definitions, result)
    made = [save_workflow(here.root, name, text) for name, text in result.brought.workflows.items()]
    say(*aside, *made, _counted("wrote", result) + places)


def _here() -> tuple[Path, "Site | None"]:
    """The site, and its directory; where there is none, the directory for one."""
    try:
        found = site()
    except InvalidInput:
        return Path(os.environ.get("XCATFLOW_SITE") or "."), None
    return found.root, found


def _request(
    root: Path, existing: "Definitions", source: str, form: str, docker: str, mapped: Sequence[str]
) -> "Request":
    """What is to be brought. Raises InvalidInput, and what asking a daemon raises."""
    from xcatflow.exchange.importing import Request, variables

    if not source and not docker:
        raise InvalidInput("xcatflow import: name a file, - for standard input, or --docker and a daemon")
    if not source:
        from xcatflow.inspecting import inspect

        return Request(file=docker, daemon=inspect(root, existing, docker))
    if docker in existing.nodes:
        from xcatflow.inspecting import endpoint_of

        docker = endpoint_of(existing, docker)
    from xcatflow.load.text import read_text

    stdin = source == "-"
    return Request(
        text=sys.stdin.read() if stdin else read_text(Path(source)),
        file="<stdin>" if stdin else source,
        form=form,
        docker=docker,
        mapped=variables(mapped),
        environment=dict(os.environ),
        directory=(Path.cwd() if stdin else Path(source).resolve().parent).name,
        read=lambda name: read_text(Path(name)) if Path(name).is_file() else None,
    )


def _rehearse(result: "Result") -> None:
    """Say what would be done. Raises InvalidInput where something is in the way."""
    _tell(result)
    say(*(f"would write workflows/{name}.yaml" for name in result.brought.workflows), _counted("would write", result))


def _tell(result: "Result") -> None:
    """Say what is odd. Raises InvalidInput where something is in the way."""
    _refuse(result)
    warn(*(f"note: {problem}" for problem in result.notes))
    warn(*(f"warning: not taken over: {problem}" for problem in result.left))


def _refuse(result: "Result") -> None:
    if not result.refused:
        return
    warn(*(f"note: {problem}" for problem in result.notes))
    advice = [Problem("nothing was written")]
    if result.merge.differing:
        advice.append(Problem("--force changes what the site has otherwise"))
    if len(result.refused) > len(result.merge.differing):
        advice.append(Problem("--skip-unknown puts what cannot be taken over into inventory-skipped/, and goes on"))
    raise InvalidInput((*result.refused, *advice))


def _set_aside(root: Path, name: str, result: "Result", *, keep_vars: bool) -> list[str]:
    """Write what was not taken over where nothing is lost; what to say about it."""
    from xcatflow.exchange.skipped import save

    stem = Path(name).stem if "://" not in name else name
    said: list[str] = []
    if result.brought.aside:
        text = "".join(
            f"{line}\n" for line in (f"# not taken over from {name}; nothing reads this", *result.brought.aside)
        )
        said.append(f"wrote {save(root, stem, '.txt', text)}: what definitions cannot hold")
    if keep_vars and result.brought.kept:
        text = f"# variables of {name} that definitions have no place for: ansible -i EXPORTED -i THIS\n{result.kept}"
        said.append(f"wrote {save(root, stem, '.yaml', text)}: variables for Ansible")
    return said


def _counted(verb: str, result: "Result") -> str:
    """`wrote 3 nodes, 1 group; changed 2 nodes; 4 nodes are there already`."""
    merge = result.merge
    parts = [f"{verb} {_sorts(merge.counts(merge.new))}"] if merge.new else []
    if merge.changed:
        parts.append(
            f"{'would change' if verb.startswith('would') else 'changed'} {_sorts(merge.counts(merge.changed))}"
        )
    if merge.equal:
        one = sum(merge.equal.values()) == 1
        parts.append(f"{_sorts(merge.equal)} {'is' if one else 'are'} there already")
    return "; ".join(parts) or "nothing to write"


def _sorts(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{number} {objtype if number == 1 else _PLURALS.get(objtype, objtype + 's')}"
        for objtype, number in sorted(counts.items())
    )


def _places(definitions: "Definitions", result: "Result") -> str:
    """The files that new objects went to, in a bracket."""
    from xcatflow.exchange.merge import key_of, objects_of

    files = {key_of(item): item.origin.file for item in objects_of(definitions)}
    names = sorted({files[write.objtype, write.name] for write in result.merge.new})
    return f" ({', '.join(names)})" if names else ""


@face(
    words=["form"],
    help={
        "form": "ansible (an inventory in YAML), ansible-ini, hosts (as for /etc/hosts), stanza or json",
        "nodes": "only these nodes, and the groups that they are in",
        "output": "a file; standard output when left out",
    },
)
def export(form: str, nodes: str = "", output: str = "") -> None:
    """Give definitions out: as an Ansible inventory, as lines of /etc/hosts, as stanzas, as JSON."""
    if form not in _FORMS:
        raise InvalidInput(f'no form "{form}"{did_you_mean(form, _FORMS)}: expected {", ".join(_FORMS)}')
    here = site()
    chosen = here.select(nodes) if nodes else tuple(here.definitions.nodes)
    text = _text(form, here.definitions, chosen, whole=not nodes)
    if not output:
        say(text.removesuffix("\n"))
        return
    try:
        Path(output).write_text(text)
    except OSError as error:
        raise InvalidInput(f'cannot write "{output}": {reason_of(error)}') from None


def _text(form: str, definitions: "Definitions", chosen: Sequence[str], *, whole: bool) -> str:
    match form:
        case "ansible" | "ansible-ini":
            from xcatflow.exchange.ansible_out import inventory_of, templated
            from xcatflow.exchange.ansible_text import ini_text, yaml_text

            inventory = inventory_of(definitions, chosen, whole=whole)
            if names := templated(inventory):
                warn(f'note: Ansible takes "{{{{" in values of {", ".join(names)} for templates when it uses them')
            if "all" in inventory.hosts:
                warn('note: the node "all" hides every other host from Ansible, whose word for all hosts it is')
            return yaml_text(inventory) if form == "ansible" else ini_text(inventory)
        case "hosts":
            from xcatflow.commands.hosts_text import gathered, hosts_text

            warn(*(f"note: {warning}" for warning in gathered(definitions, tuple(chosen), lambda _name: None).warnings))
            return hosts_text(definitions, chosen)
    from xcatflow.exchange.objects import chosen_objects, json_text, stanzas

    objects = chosen_objects(definitions, chosen, whole=whole)
    return json_text(objects) if form == "json" else stanzas(objects)
