"""chdef: change object definitions, and make those that do not exist.

Source: xCAT's manual page of chdef.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.asked import FLAGS, INVALID_OPTION, NO_NAMES, Asked, read_asked
from xcatflow.commands.changes import added, items_of, removed
from xcatflow.commands.checking import misnamed
from xcatflow.commands.command import Command, Context, Editing, Refused
from xcatflow.commands.defining import FAILED, Defining, given_heads
from xcatflow.commands.groups import SHAPE, GroupShaping, Selection, absent_text, terms_allowed
from xcatflow.commands.planned import Planned
from xcatflow.commands.remarks import Remarks
from xcatflow.commands.renaming import rename
from xcatflow.commands.targets import exists
from xcatflow.load.draft import Draft
from xcatflow.model.attributes import NICS, canonical
from xcatflow.model.formula import is_formula
from xcatflow.model.nics import split_nic

USAGE = """\
Usage: chdef [-V] [-t types] [-p | -m] [--strict] [--file path] {-o names | noderange} attr=val ...
       chdef [-V] -t group -o name [-d] [-p | -m] [-w attr==val]... [members=noderange] [attr=val ...]
       chdef [-V] [-t osimage] -u -o name [provmethod=..] [profile=..] [osvers=..] [osarch=..] [attr=val ...]
       chdef [-V] [-p | -m] [--strict] -z < stanzas
       chdef [-t type] {-o name | name} -n newname
       chdef {-h | --help | -v | --version}

  attr=              the attribute has no value then
  -p, --plus         add items to the end of lists
  -m, --minus        take items out of lists
  -t, --type         types of the objects; node where not given
  -o, --objects      their names, for nodes a noderange
  --strict           change nothing where anything is wrong
  --file PATH        the file that new objects go to, from the site's directory
  -d, --dynamic      a group that finds its members by its conditions, whenever it is used
  -w, --where        condition on members: attr==val, attr!=val, attr=~regex, attr!~regex; all must hold
  -u                 complete an osimage by its profile and system
  -n, --new          the object's new name
  -z, --stanza       read stanzas from standard input
  -V, --verbose      name the objects
A plain listing of lsdef on standard input is read as well.
"""


def run(context: Context, arguments: Arguments) -> None:
    """Everything that goes wrong is told. Raises InvalidInput, Locked."""
    asked = _asked(context, arguments)
    if asked is None:
        context.talk.say(USAGE.rstrip("\n"))
        return
    with context.desk.editing() as editing:
        if "n" in arguments:
            rename(context, asked, editing, arguments.value("n"))
        else:
            _Changing(context, asked, editing, strict="strict" in arguments).run()


def _asked(context: Context, arguments: Arguments) -> Asked | None:
    """None where nothing was said at all. Raises Refused."""
    if "f" in arguments:
        raise Refused("The '-f' option is not valid for the chdef command.")
    if "n" in arguments and any(flag in arguments for flag in "dpmzw"):
        raise Refused("Cannot combine '-n' and '-d','-p','-m','-z','-w' options.")
    if "p" in arguments and "m" in arguments:
        raise Refused("Cannot use '-p' and '-m' together.", usage=True)
    asked = read_asked(context, arguments)
    if "n" in arguments and asked.values:
        raise Refused("Cannot combine '-n' with 'attr=val' pairs.")
    if not asked.names_objects and (arguments.given or arguments.operands):
        raise Refused(NO_NAMES, usage=True)
    return asked if asked.names_objects else None


class _Changing:
    """One call of the command."""

    def __init__(self, context: Context, asked: Asked, editing: Editing, *, strict: bool) -> None:
        self._context = context
        self._asked = asked
        self._remarks = Remarks(whole=asked.given is not None, strict=strict)
        self._planned = Planned(editing.definitions)
        self._defining = Defining(context, asked, editing, self._remarks, self._planned)
        self._shaping = GroupShaping(
            context,
            self._planned,
            self._remarks,
            selection=Selection(asked.terms, asked.dynamic),
            operation=asked.operation,
        )
        self._emptied: list[tuple[str, str]] = []

    def run(self) -> None:
        """Raises InvalidInput where the objects cannot be told."""
        drafts = self._defining.drafts(lambda _type, _names: self._asked.values, looked_up=True)
        talk = self._context.talk
        if refusal := self._list_refusal(drafts):
            talk.error(refusal)
            return
        new = [draft for draft in drafts if not self._exists(draft)]
        wrong = misnamed(new, self._remarks)
        allowed = terms_allowed(self._asked.terms, self._remarks)
        if self._asked.given is not None or (allowed and not wrong):
            for draft in drafts:
                if draft not in wrong:
                    self._change(draft)
            self._defining.settle()
            self._tell_shining_through()
        written = self._defining.write()
        if written:
            made = ",".join(name for _, name in self._defining.made)
            self._defining.say_written(*([f"New object definitions '{made}' have been created."] if made else []))
        if talk.failed:
            talk.error(FAILED)
        elif not written:
            talk.say("No object definitions have been created or modified.")

    def _list_refusal(self, drafts: Sequence[Draft]) -> str:
        if not self._asked.operation:
            return ""
        names = {name for draft in drafts if draft.objtype in ("node", "group") for name in draft.values}
        if any(split_nic(canonical("node", name) or name)[0] in NICS for name in names):
            return "chdef does not support to change the nic related attributes with -m or -p flag."
        if names & {"dockerflag", "vm.othersettings"}:
            return "chdef does not support to change the dockerflag attribute with -m or -p flag."
        return ""

    def _exists(self, draft: Draft) -> bool:
        """A group that only nodes name exists as well."""
        key = (draft.objtype, draft.name)
        return self._planned.exists(*key) or exists(self._planned.definitions, *key)

    def _change(self, asked: Draft) -> None:
        """Decide on one object."""
        new = not self._exists(asked)
        if new and self._asked.operation == "m":
            self._remarks.error(f"The '-m' option is not valid since the '{asked.name}' definition does not exist.")
            return
        draft = self._defining.accept(asked)
        if not draft.values and (asked.values or self._is_empty_call):
            if new and not asked.values and draft.objtype == "node":
                self._defining.is_impossible(draft, {})
            return
        before = self._members(draft)
        values = self._group_values(draft) if draft.objtype == "group" else self._values(draft)
        if values is None:
            return
        if self._asked.operation == "m" and not values and before == self._members(draft):
            return
        if new or self._asked.completes:
            more = self._defining.completed(draft, dict(self._planned.own(draft.objtype, draft.name)) | values)
            if more is None or (new and self._defining.is_impossible(draft, values)):
                return
            values |= more
        if values or new:
            self._planned.put(draft.objtype, draft.name, values)
        self._defining.decided(draft, new=new)

    @property
    def _is_empty_call(self) -> bool:
        """Was nothing said but which objects are meant?"""
        return self._asked.given is None and not (self._asked.terms or self._asked.dynamic or self._asked.completes)

    def _members(self, draft: Draft) -> tuple[str, ...]:
        return self._planned.members(draft.name) if draft.objtype == "group" else ()

    def _group_values(self, draft: Draft) -> dict[str, str] | None:
        """What a group gets; its members' lists change. None where it cannot be, told."""
        old = self._planned.own("group", draft.name)
        shape = self._shaping.shape(draft)
        if shape is None:
            return None
        values = self._values(replace(draft, values={k: v for k, v in draft.values.items() if k not in SHAPE}))
        only_named = not self._planned.exists("group", draft.name) and self._exists(draft)
        if only_named and not values and shape.get("grouptype") == "static":
            # Who is in it is all that there is to it, and nodes say that.
            return {}
        return values | {name: value for name, value in shape.items() if value != old.get(name, "")}

    def _values(self, draft: Draft) -> dict[str, str]:
        """What the object gets, an empty value where it shall have none."""
        if not self._asked.operation:
            return self._defining.stored(draft, self._adapters(draft))
        values: dict[str, str] = {}
        for attribute, text in draft.values.items():
            before = self._planned.value(draft.objtype, draft.name, attribute)
            if self._asked.operation == "p":
                if draft.objtype == "node":
                    text = self._defining.without_defaults(draft.name, attribute, text)
                values[attribute] = added(before, text)
                continue
            left, absent = removed(before, text)
            for item in absent:
                self._remarks.error(absent_text(item, attribute, draft.name))
            if left != ",".join(items_of(before)):
                values[attribute] = left
                if draft.objtype == "node" and not left:
                    self._emptied.append((draft.name, attribute))
        return values

    def _adapters(self, draft: Draft) -> Mapping[str, str]:
        """The values of network adapters that those given come to; what a node has from its groups becomes its own."""
        own = self._planned.own(draft.objtype, draft.name)
        found: dict[str, str] = {}
        for head in given_heads(draft.values) & NICS:
            text = own.get(head, "")
            if draft.objtype == "node" and (not text or is_formula(text)):
                text = self._inherited(draft.name, head, text)
            found[head] = text
        return found

    def _inherited(self, node: str, attribute: str, own: str) -> str:
        """Formulas of single adapters stay, one for all of them is evaluated."""
        definitions = self._planned.definitions
        if node not in definitions.nodes:
            return own
        decides = definitions.raw(node, attribute)
        if decides is None or is_formula(decides[1]):
            return definitions.value(node, attribute) or ""
        return decides[1]

    def _tell_shining_through(self) -> None:
        """A node that has no value of its own any more may still have one."""
        for node, attribute in self._emptied:
            if value := self._planned.value("node", node, attribute):
                self._remarks.warn(f"{node}: {attribute} is still '{value}', by a group of the node.")


COMMAND = Command(
    name="chdef",
    usage=USAGE,
    run=run,
    flags=(*FLAGS, Flag("n", "new", "value"), Flag(long="strict")),
    versioned=True,
    invalid_option=INVALID_OPTION,
)
