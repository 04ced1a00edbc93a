"""Objects from standard input: stanzas, or a plain listing as `lsdef` prints it for people."""

from dataclasses import dataclass, replace

from xcatflow.commands.remarks import Remarks
from xcatflow.errors import Problem
from xcatflow.load.draft import Draft
from xcatflow.load.plain import is_plain, parse_plain
from xcatflow.load.stanza import parse_stanzas
from xcatflow.model.definitions import XCATDEFAULTS

STDIN = "<stdin>"


@dataclass(frozen=True, slots=True)
class Given:
    """`plain` says that it was a listing: what it shows of the defaults of all nodes is no wish."""

    drafts: tuple[Draft, ...]
    problems: tuple[Problem, ...] = ()
    plain: bool = False

    def objects(self, remarks: Remarks) -> tuple[Draft, ...]:
        """The objects, the pseudo node of script lists before the nodes that are held against it, nodes before their groups. What is
        wrong with the text is told."""
        for problem in self.problems:
            remarks.problem(problem)
        return tuple(sorted(self.drafts, key=_turn))


def _turn(draft: Draft) -> tuple[bool, bool]:
    return draft.objtype == "group", draft.name != XCATDEFAULTS


def read_objects(text: str, objtype: str = "node") -> Given:
    """What `text` says, in the form it has; `objtype` is the type of listed objects whose header names none."""
    text = text.removeprefix("\ufeff")
    if is_plain(text):
        drafts, problems = parse_plain(text, STDIN, objtype)
        return Given(tuple(map(_without_found_members, drafts)), problems, plain=True)
    drafts, problems = parse_stanzas(text, STDIN)
    return Given(tuple(map(_without_switched_off, drafts)), problems)


def _without_switched_off(draft: Draft) -> Draft:
    """`attr=` in defaults ends a default; only in the object's own stanza it says that the object has no value."""
    values = {name: value for name, value in draft.values.items() if value or draft.source(name).line > draft.line}
    return replace(draft, values=values)


def _without_found_members(draft: Draft) -> Draft:
    """A listing also shows who is in a dynamic group, which is no wish."""
    if draft.objtype != "group" or draft.values.get("grouptype") != "dynamic":
        return draft
    return replace(draft, values={name: value for name, value in draft.values.items() if name != "members"})
