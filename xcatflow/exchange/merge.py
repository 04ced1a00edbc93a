"""What was brought, held against what a site has: new, equal, or different; and the edits that follow."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from xcatflow.errors import Problem, did_you_mean
from xcatflow.exchange.brought import Expected, Remark
from xcatflow.exchange.inheriting import Key, by_groups, inheriting, masked
from xcatflow.load.definitions import assemble, listed_members
from xcatflow.load.draft import Draft
from xcatflow.load.normal import normalised
from xcatflow.load.stanza import attribute_problem, name_problem
from xcatflow.model.attributes import ALIASES, LISTS, TYPES
from xcatflow.model.definitions import Definition, Definitions
from xcatflow.model.edit import Write
from xcatflow.model.values import split_list

_NOTHING: Mapping[str, str] = {}
_TWINS = ("host", "cpus", "memory", "nics", "othersettings")


@dataclass(frozen=True, slots=True)
class Merge:
    """`new` and `changed` are what is to be written, `differing` what of it the site has otherwise; `equal` are already there."""

    new: tuple[Write, ...] = ()
    changed: tuple[Write, ...] = ()
    differing: tuple[Problem, ...] = ()
    equal: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[Remark, ...] = ()
    definitions: Definitions = field(default_factory=Definitions)

    def counts(self, writes: Iterable[Write]) -> Mapping[str, int]:
        """How many objects of each type these are."""
        return Counter(write.objtype for write in writes)


def merge(
    existing: Definitions,
    drafts: Iterable[Draft],
    expected: Iterable[Expected] = (),
    *,
    inherit: bool = False,
    dumped: bool = False,
) -> Merge:
    """Definitions brought by `drafts` laid over those of a site. Only what drafts say counts: attributes that they leave out stay. With
    `inherit` new nodes get no value of their own that their groups give them anyway; `dumped` says that the drafts may be a cluster's dump.

    Raises InvalidInput with everything that the definitions would be wrong with.
    """
    given = tuple(drafts)
    brought, problems = normalised(given)
    problems = (*problems, *_wrong_objects(given))
    own = {key_of(item): item for item in objects_of(existing)}
    brought, twins = _one_family(brought, existing)
    wanted, wrong = _enrolled(brought, own)
    problems = (*problems, *twins, *wrong)
    merged: dict[Key, Draft] = {key: _draft(item) for key, item in own.items()}
    notes: tuple[Remark, ...] = ()
    if (inherit or dumped) and not problems:
        new = {key: draft for key, draft in wanted.items() if key[0] == "node" and key not in own}
        handed = by_groups(new, {**merged, **wanted})
        notes = tuple(masked(new.values(), handed)) if dumped else ()
        wanted = {**wanted, **inheriting(new, handed)} if inherit else wanted
    for draft in wanted.values():
        before = merged.get(draft.key)
        merged[draft.key] = draft if before is None else replace(draft, values={**before.values, **draft.values})
    definitions = assemble(merged.values(), problems).definitions
    return _compared(existing, own, wanted.values(), definitions, notes, expected)


def objects_of(definitions: Definitions) -> Iterator[Definition]:
    """Every object that is written somewhere."""
    if definitions.xcatdefaults.origin.file:
        yield definitions.xcatdefaults
    for mapping in (definitions.nodes, definitions.groups, definitions.osimages, definitions.networks):
        yield from mapping.values()
    yield from definitions.records.values()


def key_of(item: Definition) -> Key:
    """Type and name."""
    return getattr(item, "kind", "") or item.objtype, item.name


def _wrong_objects(drafts: Iterable[Draft]) -> Iterator[Problem]:
    seen: dict[Key, Draft] = {}
    for draft in drafts:
        if draft.objtype not in TYPES:
            yield Problem(f'unknown object type "{draft.objtype}"{did_you_mean(draft.objtype, TYPES)}', draft.source())
        elif seen.setdefault(draft.key, draft) is not draft:
            yield Problem(f'{draft.objtype} "{draft.name}" stands here twice: write it once', draft.source())
        what = f'{draft.objtype} "{draft.name}"'
        if problem := name_problem(draft.name):
            yield Problem(f"{what} {problem}", draft.source())
        for attribute, value in draft.values.items():
            broken = "has a line break, which a stanza cannot hold" if "\n" in value else ""
            if problem := broken or attribute_problem(attribute):
                yield Problem(f'"{attribute}" of {what} {problem}', draft.source(attribute))


def _draft(item: Definition) -> Draft:
    objtype, name = key_of(item)
    origin = item.origin
    return Draft(objtype, name, origin.file, origin.line, origin.col, dict(item.attributes), dict(origin.places))


def _enrolled(brought: tuple[Draft, ...], own: Mapping[Key, Definition]) -> tuple[dict[Key, Draft], list[Problem]]:
    """The drafts with membership in the nodes' lists, where it belongs: what groups list is put there."""
    found = {draft.key: draft for draft in brought}
    problems: list[Problem] = []
    for draft in brought:
        if draft.objtype != "group" or "members" not in draft.values:
            continue
        for member in listed_members(draft.values):
            key = ("node", member)
            node = found.get(key) or (_member(own[key], draft) if key in own else None)
            if node is None:
                names = [name for kind, name in (*found, *own) if kind == "node"]
                message = f'group "{draft.name}" lists "{member}", which is no node{did_you_mean(member, names)}'
                problems.append(Problem(message, draft.source("members")))
                continue
            groups = split_list(
                node.values.get("groups") or (own[key].attributes.get("groups", "") if key in own else "")
            )
            if draft.name not in groups:
                places = {"groups": draft.places.get("members", (draft.line, draft.col))} | node.places
                values = node.values | {"groups": ",".join((*groups, draft.name))}
                node = replace(node, values=values, places=places)
            if key in found or node.values:
                found[key] = node
        placeholder = "dynamic" if draft.values.get("grouptype") == "dynamic" else "static"
        found["group", draft.name] = replace(draft, values=draft.values | {"members": placeholder})
    return found, problems


def _member(node: Definition, group: Draft) -> Draft:
    """A node of the site that a group lists: nothing is said of it yet."""
    return Draft("node", node.name, group.file, *group.places.get("members", (group.line, group.col)))


def _one_family(brought: tuple[Draft, ...], existing: Definitions) -> tuple[tuple[Draft, ...], list[Problem]]:
    """Docker nodes have `docker...` instead of `vm...`: old listings show both, which are two names of the same."""
    groups = {draft.name: draft.values for draft in brought if draft.objtype == "group"}
    problems: list[Problem] = []
    found: list[Draft] = []
    for draft in brought:
        if draft.objtype in ("node", "group") and _is_docker(draft, groups, existing):
            values = dict(draft.values)
            for vm, docker in _twins():
                if vm in values and values.setdefault(docker, values[vm]) == values[vm]:
                    draft.places.setdefault(docker, draft.places.get(vm, (draft.line, draft.col)))
                    del values[vm]
                elif vm in values:
                    message = (
                        f'"{vm}" and "{docker}" are one attribute of docker {draft.objtype} "{draft.name}", but differ'
                    )
                    problems.append(Problem(message, draft.source(vm)))
            draft = replace(draft, values=values)
        found.append(draft)
    return tuple(found), problems


def _twins() -> Iterator[tuple[str, str]]:
    for column in _TWINS:
        names = [name for name, _ in ALIASES["node"][f"vm.{column}"]]
        yield (
            next(name for name in names if name.startswith("vm")),
            next(name for name in names if name.startswith("docker")),
        )


def _is_docker(draft: Draft, groups: Mapping[str, Mapping[str, str]], existing: Definitions) -> bool:
    if "mgt" in draft.values or draft.objtype == "group":
        return draft.values.get("mgt") == "docker"
    for name in split_list(draft.values.get("groups", "")):
        group = existing.groups.get(name)
        if mgt := groups.get(name, _NOTHING).get("mgt") or (group.attributes.get("mgt") if group else ""):
            return mgt == "docker"
    return False


def _compared(
    existing: Definitions,
    own: Mapping[Key, Definition],
    wanted: Iterable[Draft],
    definitions: Definitions,
    remarks: tuple[Remark, ...],
    expected: Iterable[Expected],
) -> Merge:
    new: list[Write] = []
    changed: list[Write] = []
    differing: list[Problem] = []
    equal: Counter[str] = Counter()
    for draft in wanted:
        before = own.get(draft.key)
        if before is None:
            new.append(Write(draft.objtype, draft.name, draft.values))
        elif different := {
            name: value for name, value in draft.values.items() if not _same(existing, before, name, value)
        }:
            changed.append(Write(draft.objtype, draft.name, different))
            differing += (_difference(draft, before, name) for name in different)
        else:
            equal[draft.objtype] += 1
    notes = (*remarks, *_unexpected(definitions, expected))
    return Merge(tuple(new), tuple(changed), tuple(differing), equal, notes, definitions)


def _same(existing: Definitions, before: Definition, name: str, value: str) -> bool:
    """Does the site say so already? A node that has no value of its own may have it from a group."""
    old = before.attributes.get(name, "")
    if before.objtype == "group" and name in ("members", "grouptype"):
        return name == "members" or value == (old or "static")
    if not old and before.name in existing.nodes and before.objtype == "node":
        old = existing.value(before.name, name) or ""
    return old == value or (name in LISTS and split_list(old) == split_list(value))


def _difference(draft: Draft, before: Definition, name: str) -> Problem:
    old = before.attributes.get(name)
    there = f'"{old}" ({before.source(name)})' if old else f"nothing ({before.source()})"
    message = f'{draft.objtype} "{draft.name}" has another "{name}" here: "{draft.values[name]}", the site has {there}'
    return Problem(message, draft.source(name))


def _unexpected(definitions: Definitions, expected: Iterable[Expected]) -> Iterator[Remark]:
    for one in expected:
        if one.node not in definitions.nodes:
            continue
        found = definitions.value(one.node, one.attribute) or ""
        if found != one.value:
            there = f'is "{found}" by its groups' if found else "is given by none of its groups"
            text = (
                f'"{one.attribute}" of {{who}} is not the node\'s own ("xcat_own" does not list it) and {there}: '
                f'"{one.value}" is not taken over'
            )
            yield Remark(text, one.source, one.node)
