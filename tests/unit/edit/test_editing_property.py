"""Whatever is edited, reading the files afterwards gives what `edited` says, and nothing else of the files has changed."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from tests.unit.edit.inventories import EXAMPLES, GROUPS, NODES, OTHERS, edits_of, stanza_files, texts, values_of, words
from tests.unit.edit.yaml_inventories import yaml_files
from xcatflow.edit.editing import editing
from xcatflow.errors import InvalidInput
from xcatflow.load.definitions import build_definitions
from xcatflow.load.draft import Draft
from xcatflow.model.attributes import NICS, TYPES
from xcatflow.model.definitions import Definitions
from xcatflow.model.edit import Edit, Rename, Write, edited
from xcatflow.model.nics import join_nics, nic_entries, split_nic
from xcatflow.model.values import split_list

Own = Mapping[tuple[str, str], Mapping[str, str]]


@st.composite
def inventories(draw: st.DrawFn) -> dict[str, str]:
    """Files of definitions."""
    keys = [("node", name) for name in draw(st.lists(st.sampled_from(NODES), unique=True, max_size=6))]
    keys += [("group", name) for name in draw(st.lists(st.sampled_from(GROUPS), unique=True, max_size=3))]
    keys += draw(st.lists(st.sampled_from(OTHERS), unique=True, max_size=3))
    nodes = [name for objtype, name in keys if objtype == "node"]
    members = {
        name: draw(st.sampled_from((", ", ","))).join(draw(st.lists(st.sampled_from(nodes), unique=True, min_size=1)))
        for objtype, name in keys
        if objtype == "group" and nodes and draw(st.booleans())
    }
    files: dict[str, list[tuple[str, str, dict[str, str]]]] = {}
    names = draw(
        st.sampled_from((("a.stanza",), ("a.stanza", "sub/b.stanza"), ("a.yaml",), ("a.stanza", "b.yaml", "c.yml")))
    )
    for objtype, name in keys:
        files.setdefault(draw(st.sampled_from(names)), []).append((objtype, name, draw(values_of(objtype, name))))
    return {
        name: draw(stanza_files(objects, members) if name.endswith("stanza") else yaml_files(objects, members))
        for name, objects in files.items()
    }


def put(root: Path, files: Mapping[str, str]) -> None:
    """A new site with these files of definitions."""
    shutil.rmtree(root, ignore_errors=True)
    (root / "inventory").mkdir(parents=True)
    for name, text in files.items():
        path = root / "inventory" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def own_of(definitions: Definitions) -> Own:
    """What every object has itself."""
    return {
        (objtype, name): dict(item.attributes)
        for objtype in TYPES
        for name, item in definitions.objects(objtype).items()
    }


def own_values(root: Path) -> Own:
    """The same, read anew."""
    with editing(root) as held:
        return own_of(held.definitions)


def model(own: Own, edits: Sequence[Edit]) -> dict[tuple[str, str], dict[str, str]]:
    """What `edited` says, with adapters joined and the groups' lists kept."""
    now: Own = own
    event(f"{len(edits)} edits")
    names: dict[str, str] = {}
    lists = {name: values.get("members", "") for (objtype, name), values in own.items() if objtype == "group"}
    for edit in edits:
        if isinstance(edit, Write):
            old = {} if edit.replace else now.get((edit.objtype, edit.name), {})
            whole = {name: value for name, value in edit.values.items() if not split_nic(name)[1]}
            for attribute, value in edit.values.items():
                head, nic = split_nic(attribute)
                if nic:
                    entries = dict(nic_entries(whole.get(head, old.get(head, "")))) | {nic: value}
                    whole[head] = join_nics(entries.items())
            edit = Write(edit.objtype, edit.name, whole, edit.replace)
        if isinstance(edit, Rename) and edit.objtype == "node":
            names = {old: edit.to if new == edit.name else new for old, new in names.items()} | (
                {} if edit.name in names.values() else {edit.name: edit.to}
            )
        now = edited(now, [edit])
    del lists
    found = {key: dict(values) for key, values in now.items()}
    for (objtype, name), values in found.items():
        listed = values.get("members", "")
        if objtype == "group" and listed not in ("", "static", "dynamic"):
            renamed = [names.get(node, node) for node in split_list(listed)]
            kept = [node for node in renamed if name in split_list(found.get(("node", node), {}).get("groups", ""))]
            values["members"] = ",".join(kept)
            if not kept:
                del values["members"]
    return found


def plain(own: Own) -> dict[tuple[str, str], dict[str, str]]:
    """With lists of members written in one way."""
    return {
        key: {
            name: ",".join(split_list(value)) if key[0] == "group" and name == "members" else value
            for name, value in values.items()
        }
        for key, values in own.items()
    }


def is_valid(own: Own) -> bool:
    try:
        build_definitions(Draft(*key, values=dict(values)) for key, values in own.items())
    except InvalidInput:
        return False
    return True


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Thousands of inventories need not be brought to disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _file: None)
        yield


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.data())
def test_what_is_read_afterwards_is_what_was_meant(place: Path, data: st.DataObject) -> None:
    root = place / "site"
    files = data.draw(inventories())
    put(root, files)
    try:
        before = own_values(root)
    except InvalidInput as error:
        assert "needs mgt=docker" in str(error) or "bad YAML" in str(error), error
        event(f"unreadable {error}"[:100])
        assume(False)
        return
    edits = data.draw(edits_of(list(before)))
    wanted = model(before, edits)
    try:
        with editing(root) as held:
            held.write(edits)
            told = own_of(held.definitions)
    except InvalidInput as error:
        event("refused")
        assert not is_valid(wanted), error
        assert {name: (root / "inventory" / name).read_bytes().decode() for name in files} == files
        return
    after = own_values(root)
    assert plain(after) == plain(wanted)
    assert told == after
    for name, text in files.items():
        new = (root / "inventory" / name).read_bytes().decode()
        assert new.startswith("\ufeff") == text.startswith("\ufeff")
        if "\r\n" in text:
            assert "\n" not in new.replace("\r\n", "")


@st.composite
def single_edits(draw: st.DrawFn, own: Own) -> Write:
    """A value for one attribute of an object that is there."""
    key = draw(st.sampled_from(sorted(own)))
    attributes = ["usercomment"] if key[0] != "site" else ["domain", "new"]
    if key[0] == "node":
        attributes += ["ip", "hostnames", "vmhost", "nicips.eth0", "nictypes"]
    attribute = draw(st.sampled_from(attributes))
    if attribute == "ip":
        return Write(*key, {"ip": draw(st.sampled_from(("", "10.8.0.1")))})
    if attribute == "nicips.eth0":
        return Write(*key, {attribute: draw(st.sampled_from(("", "a", "b|c")))})
    if attribute == "nictypes":
        return Write(*key, {attribute: draw(st.sampled_from(("", "eth0!a", "eth0!a,eth1!b")))})
    return Write(*key, {attribute: draw(texts | words | st.just(""))})


def end_of(lines: Sequence[str], last: int) -> int:
    """The number of the line behind an object, of which this is the last line that begins an attribute."""
    inside = ("-", "}", "eth", "ib")
    return (
        next((at for at in range(last, len(lines)) if not lines[at].lstrip(" '\"").startswith(inside)), len(lines)) + 1
    )


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.data())
def test_only_the_lines_of_what_changes_change(place: Path, data: st.DataObject) -> None:
    root = place / "site"
    files = data.draw(inventories())
    put(root, files)
    try:
        with editing(root) as held:
            definitions = held.definitions
    except InvalidInput:
        assume(False)
        return
    own = own_of(definitions)
    assume(own)
    edit = data.draw(single_edits(own))
    draft = definitions.objects(edit.objtype)[edit.name].origin
    name = draft.file.removeprefix("inventory/")
    assume("&" not in files[name].replace("&and", ""))
    with editing(root) as held:
        held.write([edit])
    texts_now = {one: (root / "inventory" / one).read_bytes().decode() for one in files}
    assert {one: text for one, text in texts_now.items() if one != name} == {
        one: text for one, text in files.items() if one != name
    }
    old, new = files[name].split("\n"), texts_now[name].split("\n")
    changed = [
        (first, last, low, high)
        for kind, first, last, low, high in SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if kind != "equal"
    ]
    end = end_of(old, max([draft.line, *(line for line, _ in draft.places.values())]))
    for first, last, _, _ in changed:
        assert draft.line - 1 <= first <= last <= end, (edit, old[first:last])
    # Adapters in another order are written anew, in braces over several lines with the object around them.
    if not (isinstance(edit, Write) and any(name.partition(".")[0] in NICS for name in edit.values)):
        assert sum(last - first for first, last, _, _ in changed) <= 4
    assert sum(high - low for _, _, low, high in changed) <= 4
