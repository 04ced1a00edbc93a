"""From a text, or what a daemon told, to what is to be written: the whole way in, nothing written yet."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from xcatflow.errors import InvalidInput, Problem, Source
from xcatflow.exchange.brought import Brought, Remark, told
from xcatflow.exchange.containers import Inspected, inspected, nodes_of
from xcatflow.exchange.dump import Dump
from xcatflow.exchange.merge import Merge, merge
from xcatflow.exchange.objects import read_json
from xcatflow.exchange.recognise import Form, recognise
from xcatflow.exchange.yaml_out import yaml_lines
from xcatflow.load.draft import Draft
from xcatflow.model.definitions import Definitions
from xcatflow.model.edit import Write
from xcatflow.model.values import macs_of


@dataclass(frozen=True, slots=True)
class Request:
    """What is brought: a text called `file` in messages, or what a daemon told. `form` is what the user says it is; `docker` the daemon
    that inspected containers are of, or that services of a compose file are to be on; `mapped` Ansible variables with the attribute that
    each means; `environment`, `directory` (its name) and `read` (the text of a file beside, None where there is none) are what is around a
    compose file."""

    text: str = ""
    file: str = ""
    form: str = ""
    docker: str = ""
    daemon: Inspected | None = None
    mapped: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = ""
    read: Callable[[str], str | None] = lambda _name: None
    force: bool = False
    skip_unknown: bool = False
    inherit: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What comes of it: what was brought, how it lies over the site, and what stands in the way of writing it."""

    brought: Brought
    merge: Merge
    refused: tuple[Problem, ...] = ()

    @property
    def writes(self) -> tuple[Write, ...]:
        """The edits to be carried out."""
        return (*self.merge.new, *self.merge.changed)

    @property
    def notes(self) -> tuple[Problem, ...]:
        """What was taken over in another form, or is worth knowing."""
        return told((*self.brought.notes, *self.merge.notes))

    @property
    def left(self) -> tuple[Problem, ...]:
        """What was not taken over."""
        return told(self.brought.left)

    @property
    def kept(self) -> str:
        """The variables that were not taken over, as an Ansible inventory."""
        return "".join(f"{line}\n" for line in yaml_lines(self.brought.kept))


def bring(request: Request, existing: Definitions) -> Result:
    """Lay what is brought over the definitions of a site. Raises InvalidInput for what cannot be read."""
    form: Form = "docker" if request.daemon else recognise(request.text, request.form, request.file)
    match form:
        case "lsdef" | "stanza":
            dump = Dump(request.text, request.file, plain=form == "lsdef")
            brought, merged = dump.read(existing, partial(merge, existing, inherit=request.inherit, dumped=True))
            refused = () if request.skip_unknown else told(brought.left)
        case _:
            brought = _brought(form, request, existing)
            merged = merge(existing, brought.drafts, brought.expected, inherit=request.inherit)
            refused = ()
    if merged.differing and not request.force:
        refused = (*refused, *merged.differing)
    return Result(brought, merged, refused)


def _brought(form: Form, request: Request, existing: Definitions) -> Brought:
    match form:
        case "docker":
            daemon = request.daemon or inspected(request.text, request.file, request.docker)
            try:
                return _valid(nodes_of(daemon, existing.nodes, dict(_addresses(existing))))
            except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
                message = f"expected containers as the Engine API describes them, found another form: {error!r}"
                raise InvalidInput(message, Source(request.file)) from error
        case "json":
            return Brought(read_json(request.text, request.file))
        case "compose":
            # Only who imports YAML pays for the YAML library.
            from xcatflow.exchange.compose import Around, read_compose

            around = Around(request.directory, request.docker, request.environment, request.read)
            return read_compose(request.text, request.file, around, existing)
    from xcatflow.exchange.ansible_in import definitions_of

    if form == "ini":
        from xcatflow.exchange.ansible_ini import read_ini

        return definitions_of(read_ini(request.text, request.file), request.mapped)
    from xcatflow.exchange.ansible_yaml import read_yaml

    return definitions_of(read_yaml(request.text, request.file), request.mapped)


def _valid(brought: Brought) -> Brought:
    """Without the nodes that definitions refuse: one odd container is no reason to leave the others."""
    drafts: list[Draft] = []
    left = list(brought.left)
    for draft in brought.drafts:
        try:
            merge(Definitions(), [draft])
        except InvalidInput as error:
            left += (Remark(problem.message, draft.source()) for problem in error.problems)
        else:
            drafts.append(draft)
    return replace(brought, drafts=tuple(drafts), left=tuple(left))


def _addresses(existing: Definitions) -> Iterable[tuple[str, str]]:
    """The addresses and MACs of nodes, with the node that has each."""
    for node in existing.nodes:
        if ip := existing.value(node, "ip"):
            yield ip, node
        try:
            yield from ((mac, node) for mac, _ in macs_of(existing.value(node, "mac") or ""))
        except ValueError:
            continue


def variables(pairs: Iterable[str]) -> Mapping[str, str]:
    """`VARIABLE=ATTRIBUTE` texts as a mapping. Raises InvalidInput."""
    found: dict[str, str] = {}
    for pair in pairs:
        variable, equals, attribute = pair.partition("=")
        if not equals or not variable or not attribute:
            raise InvalidInput(f'--map: expected VARIABLE=ATTRIBUTE, found "{pair}"')
        found[variable] = attribute
    return found
