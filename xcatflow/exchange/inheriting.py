"""What nodes have by their groups, where a dump wrote down for each what it finally has.

Source: `lsdef -z` as xCAT prints it: effective values of nodes, raw ones of groups.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from xcatflow.exchange.brought import Remark
from xcatflow.load.definitions import assemble
from xcatflow.load.draft import Draft
from xcatflow.model.attributes import ATTRIBUTES, OWN_ONLY
from xcatflow.model.definitions import XCATDEFAULTS, Definitions

Key = tuple[str, str]
_NODES = ATTRIBUTES["node"].keys()


def by_groups(new: Mapping[Key, Draft], drafts: Mapping[Key, Draft]) -> Definitions:
    """What these nodes have by their groups alone. Raises InvalidInput."""
    bare = {key: replace(draft, values=_only_own(draft.values)) for key, draft in new.items()}
    return assemble({**drafts, **bare}.values()).definitions


def inheriting(new: Mapping[Key, Draft], handed: Definitions) -> dict[Key, Draft]:
    """New nodes without the values that they have from their groups as well: effective values were written down for them."""
    return {
        key: replace(
            draft,
            values={
                name: value
                for name, value in draft.values.items()
                if name in OWN_ONLY or draft.name == XCATDEFAULTS or handed.value(draft.name, name) != value
            },
        )
        for key, draft in new.items()
    }


def masked(new: Iterable[Draft], handed: Definitions) -> Iterator[Remark]:
    """Nodes without a value that a group gives them, in a dump that wrote such values down for most nodes: they had none."""
    shown: Counter[Key] = Counter()
    equal: set[Key] = set()
    lacking: dict[Key, list[Draft]] = {}
    for draft in new:
        for group, name in _handed_down(draft.name, handed):
            value = handed.value(draft.name, name)
            if value and name not in draft.values:
                lacking.setdefault((group, name), []).append(draft)
            elif value:
                shown[group, name] += 1
                equal |= {(group, name)} if draft.values[name] == value else set()
    for (group, name), drafts in lacking.items():
        if (group, name) in equal and shown[group, name] > len(drafts):
            text = (
                f'the dump shows no "{name}" of {{who}}, and now the group "{group}" gives one: where there is to be none, '
                f"write {name}=|^.*$||"
            )
            yield from (Remark(text, draft.source(), draft.name) for draft in drafts)


def _handed_down(node: str, handed: Definitions) -> Iterator[tuple[str, str]]:
    """The groups of a node, each with the attributes that it has for nodes."""
    for name in handed.nodes[node].groups if node in handed.nodes else ():
        group = handed.groups.get(name)
        if group is not None and not group.dynamic:
            yield from ((name, attribute) for attribute in sorted((group.attributes.keys() & _NODES) - OWN_ONLY))


def _only_own(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name in OWN_ONLY}
