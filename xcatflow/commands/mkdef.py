"""mkdef: make object definitions.

Source: xCAT's manual page of mkdef.
"""

from collections.abc import Mapping, Sequence

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.asked import FLAGS, INVALID_OPTION, NO_NAMES, Asked, read_asked
from xcatflow.commands.changes import items_of
from xcatflow.commands.checking import misnamed
from xcatflow.commands.command import Command, Context, Editing, Refused
from xcatflow.commands.defining import FAILED, Defining
from xcatflow.commands.groups import SHAPE, GroupShaping, Selection, terms_allowed
from xcatflow.commands.object_templates import from_template
from xcatflow.commands.planned import Planned
from xcatflow.commands.remarks import Remarks
from xcatflow.load.draft import Draft
from xcatflow.model.definitions import XCATDEFAULTS

USAGE = """\
Usage: mkdef [-V] [-f] [-t types] [--template name] [--file path] {-o names | noderange} attr=val ...
       mkdef [-V] [-f] -t group -o name [-d] [-w attr==val]... [members=noderange] [attr=val ...]
       mkdef [-V] [-f] [-t osimage] -u -o name provmethod=.. profile=.. [osvers=..] [osarch=..] [attr=val ...]
       mkdef [-V] [-f] -z < stanzas
       mkdef {-h | --help | -v | --version}

  -f, --force        replace objects that exist
  -t, --type         types of the objects; node where not given
  -o, --objects      their names, for nodes a noderange
  --template NAME    values for what is not given, from a shipped template or an object
  --file PATH        the file that new objects go to, from the site's directory
  -d, --dynamic      a group that finds its members by its conditions, whenever it is used
  -w, --where        condition on members: attr==val, attr!=val, attr=~regex, attr!~regex; all must hold
  -u                 complete an osimage by its profile and system
  -z, --stanza       read stanzas from standard input
  -V, --verbose      name the objects
A plain listing of lsdef on standard input is read as well.
"""

_SKIPPING = "\nSkipping to the next attribute."


def run(context: Context, arguments: Arguments) -> None:
    """Everything that goes wrong is told. Raises InvalidInput, Locked."""
    asked = _asked(context, arguments)
    if asked is None:
        context.talk.say(USAGE.rstrip("\n"))
        return
    with context.desk.editing() as editing:
        _Making(context, asked, editing, force="f" in arguments, template=arguments.value("template")).run()


def _asked(context: Context, arguments: Arguments) -> Asked | None:
    """None where nothing was said at all. Raises Refused."""
    if "p" in arguments or "m" in arguments:
        raise Refused("The '-p' and '-m' options are not valid for the mkdef command.")
    _check_template(arguments)
    asked = read_asked(context, arguments)
    if not asked.names_objects and (arguments.given or arguments.operands):
        raise Refused(NO_NAMES)
    return asked if asked.names_objects else None


def _check_template(arguments: Arguments) -> None:
    if "template" not in arguments:
        return
    names = [name for typed in arguments.values("template") for name in items_of(typed)]
    if "z" in arguments:
        raise Refused("The file input can not be used with --template option!")
    if len(names) > 1:
        raise Refused("Only 1 template object definition should be specified for mkdef!")
    if not names:
        raise Refused("no object definition template specified for mkdef --template!")


class _Making:
    """One call of the command."""

    def __init__(self, context: Context, asked: Asked, editing: Editing, *, force: bool, template: str) -> None:
        self._context = context
        self._asked = asked
        self._force = force
        self._template = template.strip()
        self._remarks = Remarks(whole=True)
        self._planned = Planned(editing.definitions)
        self._defining = Defining(context, asked, editing, self._remarks, self._planned)
        self._skipped = False
        self._nodes: set[str] = set()
        self._shaping = GroupShaping(
            context,
            self._planned,
            self._remarks,
            selection=Selection(asked.terms, asked.dynamic),
            operation="p",
            anew=editing.definitions.groups if force else (),
            kept=self._nodes,
        )

    def run(self) -> None:
        """Raises InvalidInput where the objects cannot be told."""
        drafts = self._defining.drafts(self._values)
        new = [draft for draft in drafts if self._force or not self._exists(draft)]
        wrong = misnamed(new, self._remarks)
        terms_allowed(self._asked.terms, self._remarks)
        if self._asked.given is not None or not self._remarks.blocked:
            if self._asked.given is None and not self._anything_given(drafts):
                return
            for draft in drafts:
                if draft not in wrong:
                    self._make(self._defining.accept(draft, more=_SKIPPING))
            self._defining.settle()
        written = self._defining.write()
        if written:
            self._defining.say_written()
        if self._context.talk.failed:
            self._context.talk.error(FAILED)
        elif not written and self._skipped:
            self._context.talk.error("0 object definitions have been created or modified.")

    def _values(self, objtype: str, names: Sequence[str]) -> Mapping[str, str]:
        if not self._template:
            return self._asked.values
        return from_template(self._template, objtype, names, self._asked.values, self._planned.definitions)

    def _anything_given(self, drafts: Sequence[Draft]) -> bool:
        if any(draft.values for draft in drafts) or self._asked.terms or self._asked.dynamic or self._asked.completes:
            return True
        self._remarks.tell(self._context.talk)
        text = "No object definitions have been created or modified: no attributes were specified."
        if "node" in self._asked.types:
            text += " The 'groups' attribute is required when creating node definitions."
        self._context.talk.error(text)
        return False

    def _make(self, draft: Draft) -> None:
        """Decide on one object."""
        exists = self._exists(draft)
        if exists and self._kept(draft):
            return
        values = self._defining.stored(draft, {})
        more = self._defining.completed(draft, values)
        if more is None or self._defining.is_impossible(draft, values):
            return
        values |= more
        key = (draft.objtype, draft.name)
        if exists:
            self._planned.put(*key, {}, replace=True)
        if draft.objtype == "group":
            shape = self._shaping.shape(draft)
            if shape is None:
                return
            values = {name: value for name, value in values.items() if name not in SHAPE} | dict(shape)
        if draft.objtype == "node":
            self._nodes.add(draft.name)
        self._planned.put(*key, {name: value for name, value in values.items() if value})
        self._defining.decided(draft, new=True)

    def _exists(self, draft: Draft) -> bool:
        return self._planned.exists(draft.objtype, draft.name)

    def _kept(self, draft: Draft) -> bool:
        """Does an object that exists stay as it is? Told."""
        name = draft.name
        if draft.objtype == "network":
            self._remarks.error(
                f"A network definition called '{name}' already exists. Cannot create a definition for '{name}'."
            )
            return True
        undefined = name == XCATDEFAULTS and not self._planned.definitions.xcatdefaults.origin.file
        if self._force or (draft.objtype == "node" and undefined):
            return False
        self._remarks.warn(
            f"A definition for '{name}' already exists. No changes will be made."
            "  Run again with '-f' option to force replace."
        )
        self._skipped = True
        return True


COMMAND = Command(
    name="mkdef",
    usage=USAGE,
    run=run,
    flags=(*FLAGS, Flag(long="template", takes="perhaps")),
    versioned=True,
    invalid_option=INVALID_OPTION,
)
