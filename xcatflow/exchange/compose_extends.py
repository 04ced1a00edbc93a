"""Services of a compose file that are made of others: `extends`.

Source: Compose Specification, services, "extends", "Merging service definitions".
"""

from collections.abc import Callable, Iterable, Mapping

from xcatflow.errors import InvalidInput, Source, did_you_mean
from xcatflow.exchange.compose_tree import Fields, Items, Text, Tree, fields, items, pairs, text, texts, wrong

_PAIRS = ("annotations", "environment", "extra_hosts", "labels", "options", "storage_opt", "sysctls")
_LISTS = (
    "cap_add", "cap_drop", "configs", "constraints", "device_cgroup_rules", "dns", "dns_opt", "dns_search", "env_file", "expose",
    "external_links", "generic_resources", "group_add", "label_file", "links", "ports", "preferences", "profiles", "secrets",
    "security_opt", "tmpfs", "volumes_from",
)  # fmt: skip
_BY_TARGET = ("devices", "volumes")
_BY_NAME = ("depends_on", "networks")

Load = Callable[[str, Source], Fields]


def extended(name: str, services: Fields, load: Load, way: tuple[tuple[str, str], ...] = ()) -> Fields:
    """A service with everything that it takes over from others; `load` gives the services of another file, `way` are those that lead
    here, each with its file. Raises InvalidInput."""
    way = way or ((services.source.file, name),)
    own = fields(services.items[name], f'the keys of the service "{name}"')
    extends = own.get("extends")
    if extends is None:
        return own
    base, file = _base(extends)
    others = load(file, extends.source) if file else services
    if base not in others.items:
        hint = did_you_mean(base, others.items)
        where = f' in "{file}"' if file else ""
        raise InvalidInput(f'"extends" of "{name}": there is no service "{base}"{where}{hint}', extends.source)
    step = (others.source.file, base)
    if step in way:
        loop = " > ".join((*(one for _, one in way), base))
        raise InvalidInput(f'the service "{name}" extends itself: {loop}', extends.source)
    below = extended(base, others, load, (*way, step))
    rest = {key: value for key, value in own.items.items() if key != "extends"}
    return laid_over(below, Fields(rest, own.source, own.keys))


def _base(extends: Tree) -> tuple[str, str]:
    """The service that is taken over, and the file it is in."""
    match extends:
        case Text():
            return extends.text, ""
        case Fields() if service := extends.get("service"):
            file = extends.get("file")
            return text(service), text(file) if file else ""
    raise wrong('a mapping with "service" as "extends"', extends)


def laid_over(base: Fields, own: Fields) -> Fields:
    """`own` over `base`: mappings are merged, certain lists joined, everything else replaced."""
    merged: dict[str, Tree] = dict(base.items)
    for key, value in own.items.items():
        below = merged.get(key)
        merged[key] = value if below is None else _one(key, below, value)
    return Fields(merged, own.source, {**base.keys, **own.keys})


def _one(key: str, base: Tree, own: Tree) -> Tree:
    if isinstance(own, Text) and own.empty:
        return base
    if key in _PAIRS:
        separators = "=:" if key == "extra_hosts" else "="
        return laid_over(_named(base, pairs(base, separators)), _named(own, pairs(own, separators)))
    if key in _BY_NAME:
        return laid_over(keyed(base), keyed(own))
    if key in _LISTS:
        both = [*items(base), *items(own)]
        return Items(tuple({_written(item): item for item in both}.values()), own.source)
    if key in _BY_TARGET:
        return Items(tuple({_target(item): item for item in (*items(base), *items(own))}.values()), own.source)
    if isinstance(base, Fields) and isinstance(own, Fields):
        return laid_over(base, own)
    return own


def _named(tree: Tree, found: Iterable[tuple[str, Text, Source]]) -> Fields:
    entries = list(found)
    values: dict[str, Tree] = {name: value for name, value, _ in entries}
    return Fields(values, tree.source, {name: source for name, _, source in entries})


def keyed(tree: Tree) -> Fields:
    """A list of names as a mapping."""
    if isinstance(tree, Fields):
        return tree
    nothing: Mapping[str, Tree] = {name: Text("", tree.source, empty=True) for name in texts(tree)}
    return Fields(nothing, tree.source, dict.fromkeys(nothing, tree.source))


def _written(tree: Tree) -> object:
    match tree:
        case Text():
            return tree.text
        case Items():
            return tuple(_written(item) for item in tree.items)
        case _:
            return tuple((key, _written(value)) for key, value in sorted(tree.items.items()))


def _target(tree: Tree) -> object:
    """Where in the container something goes."""
    if isinstance(tree, Fields):
        target = tree.get("target")
        return target.text if isinstance(target, Text) else _written(tree)
    parts = text(tree).split(":")
    return parts[1] if len(parts) > 1 else parts[0]
