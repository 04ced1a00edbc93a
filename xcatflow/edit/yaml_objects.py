"""The objects of a YAML text of definitions, and changes of them."""

from collections.abc import Iterable, Sequence

from xcatflow.edit.change import ObjectChange
from xcatflow.edit.gaps import closing, comment_above, comment_below
from xcatflow.edit.settle import Entry, settled
from xcatflow.edit.yaml_form import Form
from xcatflow.edit.yaml_new import Gone, NewObjects, braced
from xcatflow.edit.yaml_splice import Splice
from xcatflow.edit.yaml_write import key_text
from xcatflow.errors import InvalidInput, Source
from xcatflow.load.draft import Draft
from xcatflow.load.sections import section_of
from xcatflow.load.yaml_definitions import names_clustersite
from xcatflow.load.yaml_pieces import Piece

Pair = tuple[Piece, Piece]


class Objects:
    """The objects of one text while it is changed; `finish` comes last."""

    def __init__(self, splice: Splice, root: Piece | None, drafts: Iterable[Draft], file: str) -> None:
        self.splice = splice
        self.root = root
        self.file = file
        self.drafts = {draft.key: draft for draft in drafts}
        self.form = Form(root)
        self.places: dict[int, dict[str, int]] = {}
        self.new: dict[str, list[ObjectChange]] = {}
        self.gone: Gone = {}
        self.fresh = NewObjects(splice, root, self.form, self.gone)

    def change(self, change: ObjectChange, *, anew: bool) -> None:
        """Carry out one change; with `anew` the object's values are written as a whole."""
        section = section_of(change.objtype)
        if not section:
            raise InvalidInput(f'a YAML file holds no objects of type "{change.objtype}"', Source(self.file))
        if not change.old:
            self.new.setdefault(section, []).append(change)
            return
        container, pair = self._find(section, change.old)
        if change.new:
            self._change(container, pair, change, anew=anew)
        else:
            self._remove(container, pair)

    def finish(self) -> None:
        """Write the new objects, and take out of brackets what goes."""
        for section, changes in self.new.items():
            self.fresh.add(section, changes)
        for container, indices in self.gone.values():
            self.splice.remove(container, indices)

    def _find(self, section: str, name: str) -> tuple[Piece, Pair]:
        """The mapping that holds an object, and its pair in there."""
        pair = self.root.get(section) if self.root else None
        if self.root is None or pair is None or pair[1].kind == "alias":
            raise InvalidInput(f'"{name}" cannot be changed here: edit the file by hand', Source(self.file))
        if section == "site" and not names_clustersite(pair[1].node):
            return self.root, pair
        section_value = pair[1]
        return section_value, section_value.pairs[self._places(section_value)[name]]

    def _places(self, container: Piece) -> dict[str, int]:
        """The entries of a mapping by name."""
        found = self.places.get(id(container))
        if found is None:
            found = {key.meant.text: index for index, (key, _) in enumerate(container.pairs)}
            self.places[id(container)] = found
        return found

    # --- objects that are there ---

    def _change(self, container: Piece, pair: Pair, change: ObjectChange, *, anew: bool) -> None:
        key, value = pair
        draft = self.drafts[change.objtype, change.old]
        if change.new != change.old:
            self.splice.replace(key.start, key.end, key_text(change.new, flow=container.flow, style=key.style))
            self.splice.touch(key)
        pairs = value.meant.pairs
        entries = [Entry(name.meant.text, draft.values[name.meant.text], at) for at, (name, _) in enumerate(pairs)]
        found = settled(change.objtype, entries, change.values, {}, joined=True)
        if not anew and found == entries:
            return
        if not anew and found is not None and value.kind == "mapping":
            self._settle(change.objtype, value, entries, found)
        elif not anew and found and value.empty and not container.flow:
            indent = " " * (self.splice.column(key.outer) + self.fresh.step())
            self.splice.touch(value)
            self.splice.add_lines(self.splice.line_of(key.outer), self.fresh.lines(change.objtype, found, indent))
        else:
            texts = {
                name: self.form.value(change.objtype, name, one, plain=anew) for name, one in change.values.items()
            }
            self.splice.overwrite(key, value, braced(texts))

    def _settle(self, objtype: str, value: Piece, before: Sequence[Entry], after: Sequence[Entry]) -> None:
        """Let a mapping have these entries."""
        kept = {entry.at for entry in after}
        if value.flow and before and kept <= {None}:
            all_new = {entry.written: self.form.value(objtype, entry.written, entry.value) for entry in after}
            self.splice.overwrite(None, value, braced(all_new))
            return
        self.splice.remove(value, [at for at in range(len(before)) if at not in kept])
        behind = -1
        fresh: dict[int, list[str]] = {}
        for entry in after:
            if entry.at is None:
                key = key_text(entry.written, flow=value.flow)
                text = self.form.value(objtype, entry.written, entry.value, flow=value.flow)
                fresh.setdefault(behind, []).append(f"{key}: {text}")
                continue
            behind = entry.at
            name, piece = value.pairs[behind]
            if entry.written != before[behind].written:
                self.splice.replace(name.start, name.end, key_text(entry.written, flow=value.flow, style=name.style))
                self.splice.touch(name)
            if entry.value != before[behind].value:
                wanted, typed = self.form.tree(objtype, entry.written, entry.value, piece)
                self.splice.adapt(name, piece, wanted, flow=value.flow, typed=typed)
        for place, texts in fresh.items():
            self.splice.insert(value, place, texts)

    def _remove(self, container: Piece, pair: Pair) -> None:
        index = self._places(container)[pair[0].meant.text]
        if container.flow:
            self.gone.setdefault(id(container), (container, []))[1].append(index)
            return
        splice = self.splice
        for piece in pair:
            splice.touch(piece, whole=True)
        start, end = splice.spans(container)[index]
        column = splice.column(start)
        first = comment_above(splice.lines, splice.line_of(start), column)
        stop = comment_below(splice.lines, splice.line_of(end - 1) + 1, column)
        splice.drop_lines(first, stop - 1)
        above = first > 0 and splice.lines[first - 1].strip()
        heads = bool(above) and index == 0 and container is not self.root
        splice.gone.update(closing(splice.lines, splice.gone, first, stop, first=heads))
