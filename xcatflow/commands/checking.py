"""Is what somebody wants to define possible at all? Names of objects and attributes, and attributes that only some objects have."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from xcatflow.commands.columns import meant
from xcatflow.commands.remarks import Remarks
from xcatflow.load.draft import Draft
from xcatflow.model.attributes import ATTRIBUTES, KEYS, NICS
from xcatflow.model.formula import is_formula
from xcatflow.model.names import name_problem
from xcatflow.model.nics import split_nic

_ATTRIBUTE = re.compile(r"[A-Za-z0-9_.:@-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
NAME_FORMAT = 'please refer to "man xcatdb" for the valid "xCAT Object Name Format"'


def misnamed(drafts: Iterable[Draft], remarks: Remarks) -> tuple[Draft, ...]:
    """Those that no objects may be called as, told; odd names get a warning."""
    dotted: list[Draft] = []
    wrong: list[Draft] = []
    for draft in drafts:
        if not name_problem(draft.objtype, draft.name):
            if draft.objtype == "node" and draft.name != draft.name.lower():
                remarks.warn(
                    f"The node name '{draft.name}' contains capital letters which may not be resolved correctly by the dns server."
                )
        elif draft.objtype == "node" and "." in draft.name and name_problem("node", draft.name.replace(".", "")) == "":
            dotted.append(draft)
        else:
            wrong.append(draft)
    _refuse_names(dotted, ", Cannot use '.' in node name.", remarks)
    _refuse_names(wrong, f", {NAME_FORMAT}", remarks)
    return (*dotted, *wrong)


def _refuse_names(drafts: list[Draft], reason: str, remarks: Remarks) -> None:
    if drafts and drafts[0].file:
        for draft in drafts:
            remarks.refuse(f"The object name '{draft.name}' is invalid{reason}", draft)
    elif drafts:
        names = ",".join(draft.name for draft in drafts)
        remarks.refuse(f"The object name '{names}' is invalid{reason}")


def accepted(draft: Draft, value: Callable[[str], str], remarks: Remarks, *, more: str = "") -> Draft:
    """The draft with those attributes that objects of its type may be given, by their own names; `more` is said about each other one,
    `value` gives what the object has so far: some names mean different attributes on different objects."""
    kept = replace(draft, values={}, places=dict(draft.places))
    for written, text in draft.values.items():
        attribute = meant(draft.objtype, written, lambda name: draft.values.get(name) or value(name))
        if (
            attribute is None
            or attribute in (KEYS.get(draft.objtype), "objtype")
            or not _ATTRIBUTE.fullmatch(attribute)
        ):
            wrong = f"'{written}' is not a valid attribute name for an object type of '{draft.objtype}'."
            remarks.refuse(wrong if draft.file else wrong + more, draft, written)
        elif problem := text_problem(draft, attribute, text):
            remarks.refuse(problem, draft, written)
        else:
            kept.values.pop(attribute, None)
            kept.values[attribute] = text
            if written in draft.places:
                kept.places[attribute] = draft.places[written]
    return kept


def text_problem(draft: Draft, attribute: str, text: str) -> str:
    """What is wrong with a value as a text; empty where nothing is."""
    whose = f'"{attribute}" of {draft.objtype} "{draft.name}"'
    if "\n" in text:
        return f"{whose}: expected one line, found a line break"
    if found := _CONTROL.search(text):
        return f"{whose}: expected text, found the control character U+{ord(found[0]):04X}"
    head, adapter = split_nic(attribute)
    if head not in NICS or draft.objtype not in ("node", "group") or not text or (is_formula(text) and not adapter):
        return ""
    if adapter:
        return f'{whose}: expected the value of one adapter, found a comma in "{text}"' if "," in text else ""
    if all("!" in entry for entry in text.split(",")):
        return ""
    return f'{whose}: expected adapters with their values, as in eth0!VALUE, found "{text}"; or set "{attribute}.eth0"'


def misfits(draft: Draft, value: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """(attribute, complaint) for those given that only other objects have: a node with another `mgt`, an image of another sort. A group
    may hand down any: another group may give the rest. `value` is what the object will have."""
    known = ATTRIBUTES.get(draft.objtype)
    if known is None or draft.objtype == "group":
        return
    for attribute, text in draft.values.items():
        columns = known.get(attribute, ())
        if not text or not columns or not all(column.conditions for column in columns):
            continue
        conditions = dict.fromkeys(condition for column in columns for condition in column.conditions)
        if not any(wanted in value(key).split(",") for key, wanted in conditions):
            needed = " or ".join(
                f"{key} value is {' or '.join(wanted for _, wanted in pairs)}"
                for key, pairs in groupby(conditions, key=lambda condition: condition[0])
            )
            yield attribute, f"Cannot set the attr='{attribute}' attribute unless {needed}."
