"""`lsdef --template`: the shipped templates for new objects, as they are written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xcatflow.commands.talk import Talk
from xcatflow.load.stanza_text import INDENT, stanza_text


@dataclass(frozen=True, slots=True)
class ShippedTemplates:
    """`several` types are in the listing; `stanza` is its form."""

    talk: Talk
    several: bool = False
    stanza: bool = False

    def show(self, types: Sequence[str], asked: Sequence[str], *, short: bool) -> None:
        """The templates asked for, by name, else all of these types; `short`: their names. Tells which are not there."""
        found = list(self._found(types, asked))
        if not found and not asked:
            self.talk.say("Could not find any objects to display.")
        elif found and self.stanza and not short:
            self.talk.say(stanza_text(found).rstrip("\n"))
            return
        for objtype, name, values in found:
            if short:
                self.talk.say(f"{name}  ({objtype})")
            else:
                header = f"Object name: {name}" + (f"  ({objtype})" if self.several else "")
                self.talk.say(header, *(f"{INDENT}{key}={text}" for key, text in sorted(values.items())))

    def _found(self, types: Sequence[str], asked: Sequence[str]) -> Iterator[tuple[str, str, Mapping[str, str]]]:
        # Only who asks for templates waits for their being read.
        from xcatflow.load.templates import templates

        known = {objtype: templates(objtype) for objtype in types}
        for name in asked:
            if not any(name in each for each in known.values()):
                self.talk.error(f"Could not find {name} in xCAT templates.")
        for objtype, each in known.items():
            yield from ((objtype, name, each[name]) for name in sorted(asked or each) if name in each)
