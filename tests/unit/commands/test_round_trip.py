"""What `lsdef` prints, `mkdef` and `chdef` read: for sites with odd values, formulas, groups of both sorts and objects of every type."""

import io
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xcatflow.app import Site
from xcatflow.commands.command import Context, Editing
from xcatflow.commands.table import find
from xcatflow.commands.talk import Talk
from xcatflow.edit.editing import editing
from xcatflow.model.definitions import Definitions
from xcatflow.model.edit import Write

Objects = Mapping[tuple[str, str], Mapping[str, str]]

texts = st.text(alphabet="ab =:#\"'|/,!é\t", min_size=1, max_size=8) | st.sampled_from(
    ['"', '""', 'x"', " a", "a ", "a:", "#", "=", "Object name: c1", "c1:", "a=b", "{}", "|x", "//"]
)
formulas = st.sampled_from(
    [
        "|10.20.0.($1+20)|",
        r"|\D+(\d+)|10.30.0.($1+0)|",
        "/^/x-/",
        r"|^.*$||",
        "|(.*)|($1)|",
        r"|none(\d+)|x($1)|",
        "|($1|",
    ]
)
ip_formulas = st.sampled_from(
    ["|10.20.0.($1+20)|", r"|\D+(\d+)|10.30.0.($1+0)|", r"|^.*$||", r"|none(\d+)|x($1)|", "|($1|"]
)
addresses = st.integers(1, 250).map("10.20.0.{}".format) | st.integers(1, 99).map("fd59::{}".format)
adapters = st.dictionaries(
    st.sampled_from(["eth0", "eth1", "br0"]),
    st.sampled_from(["10.30.0.7", "10.30.0.7|10.31.0.7", "|10.30.0.($1+0)|", "a b", '"q"', "x:", "!"]),
    min_size=1,
    max_size=3,
).map(lambda found: ",".join(f"{nic}!{value}" for nic, value in found.items()))
scripts = st.lists(st.sampled_from(["a", "b c d", "xHRM bridgeprereq eth0:br0"]), min_size=1, unique=True)
plain = st.fixed_dictionaries(
    {},
    optional={
        "ip": addresses | ip_formulas,
        "usercomment": texts,
        "os": st.sampled_from(["ubuntu22.04", "debian12"]),
        "arch": texts,
        "hostnames": texts | formulas,
        "nicips": adapters,
        "nicaliases": adapters,
        "postscripts": scripts.map(",".join),
        "postbootscripts": scripts.map(",".join),
        "status": st.sampled_from(["booted", "running"]),
        "prescripts-begin": texts,
    },
)
docker = st.fixed_dictionaries(
    {"mgt": st.just("docker"), "dockerhost": st.sampled_from(["dh01", "dh01:2376", "|dh(sprintf('%02d',$1))|"])},
    optional={"dockerflag": st.sampled_from(['{"Tty":true,"Env":["A=1"]}', "{}"]), "dockernics": st.just("a,b")},
)
nodes = st.dictionaries(
    st.sampled_from(["c1", "c22", "web-a", "dh01", "xx"]),
    st.tuples(
        st.lists(st.sampled_from(["all", "web", "rack1", "st"]), min_size=1, unique=True).map(",".join),
        plain,
        docker | st.just({}),
    ),
    max_size=4,
)
groups = st.dictionaries(
    st.sampled_from(["web", "rack1", "st", "empty"]),
    st.fixed_dictionaries(
        {}, optional={"arch": texts, "hostnames": formulas, "nicips": adapters, "usercomment": texts}
    ),
    max_size=3,
)
dynamic = st.dictionaries(
    st.sampled_from(["dyn", "dyn2"]),
    st.fixed_dictionaries(
        {"wherevals": st.sampled_from(["mgt==docker", "mgt==docker::node=~^c", 'usercomment!="x"', "os=~/:$/"])},
        optional={"usercomment": texts},
    ),
    max_size=2,
)
others = st.fixed_dictionaries(
    {},
    optional={
        ("network", "lan10"): st.fixed_dictionaries(
            {"net": st.just("10.20.0.0"), "mask": st.just("255.255.0.0")}, optional={"domain": texts}
        ),
        ("network", "fd59::/64"): st.just({"net": "fd59::", "mask": "/64", "gateway": "<xcatmaster>"}),
        ("osimage", "img"): st.fixed_dictionaries(
            {"imagetype": st.just("linux")}, optional={"pkglist": texts, "environvar": texts}
        ),
        ("route", "r1"): st.just({"net": "10.0.0.0", "mask": "255.0.0.0"}),
        ("site", "clustersite"): st.dictionaries(st.sampled_from(["domain", "odd.name", "x-y"]), texts, min_size=1),
        ("policy", "2"): st.just({"name": "root"}),
    },
)


@st.composite
def sites(draw: st.DrawFn) -> Objects:
    """The own values of objects that make a valid site."""
    found: dict[tuple[str, str], Mapping[str, str]] = dict(draw(others))
    for name, (listed, values, more) in draw(nodes).items():
        found["node", name] = {"groups": listed, **values, **more}
    for name, values in draw(groups).items():
        found["group", name] = {"grouptype": "static", **values}
    for name, values in draw(dynamic).items():
        found["group", name] = {"grouptype": "dynamic", "members": "dynamic", **values}
    return found


class _Desk:
    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "inventory").mkdir(parents=True)

    @property
    def definitions(self) -> Definitions:
        return Site(self.root).definitions

    def editing(self) -> AbstractContextManager[Editing]:
        return editing(self.root)


def typed(desk: _Desk, line: str, given: str = "") -> str:
    """What a command says, which must be content."""
    out, err = io.StringIO(), io.StringIO()
    name, *words = line.split()
    context = Context(desk, Talk(out, err), stdin=lambda: given, cwd=desk.root, piped=True)
    assert find(name)(words, context) == 0, err.getvalue()
    return out.getvalue()


def made(root: Path, objects: Objects) -> _Desk:
    desk = _Desk(root)
    with desk.editing() as held:
        held.write([Write(objtype, name, values) for (objtype, name), values in objects.items()])
    return desk


def counted(text: str) -> int:
    return int(text.split()[0]) if text[:1].isdigit() else 0


@settings(max_examples=25, deadline=None)
@given(sites())
def test_stanzas_make_the_same_site_and_change_nothing_in_it(
    tmp_path_factory: pytest.TempPathFactory, objects: Objects
) -> None:
    root = tmp_path_factory.mktemp("site")
    desk = made(root / "a", objects)
    listed = typed(desk, "lsdef -a -z")
    copy = _Desk(root / "b")
    assert counted(typed(copy, "mkdef -z", listed)) == listed.count("objtype=")
    assert typed(copy, "lsdef -a -z") == listed
    assert counted(typed(desk, "chdef -z", listed)) == listed.count("objtype=")
    assert typed(desk, "lsdef -a -z") == listed


@settings(max_examples=25, deadline=None)
@given(sites())
def test_raw_stanzas_lose_nothing(tmp_path_factory: pytest.TempPathFactory, objects: Objects) -> None:
    root = tmp_path_factory.mktemp("site")
    desk, copy = made(root / "a", objects), _Desk(root / "b")
    listed = typed(desk, "lsdef -a -z --raw")
    typed(copy, "mkdef -z", listed)
    assert typed(copy, "lsdef -a -z --raw") == listed
    assert typed(copy, "lsdef -a -z") == typed(desk, "lsdef -a -z")
    before = {path: path.read_bytes() for path in (copy.root / "inventory").iterdir()}
    typed(copy, "chdef -z", listed)
    assert {path: path.read_bytes() for path in (copy.root / "inventory").iterdir()} == before


@settings(max_examples=25, deadline=None)
@given(sites())
def test_listings_for_people_change_nothing_either(tmp_path_factory: pytest.TempPathFactory, objects: Objects) -> None:
    root = tmp_path_factory.mktemp("site")
    desk = made(root / "a", objects)
    listed = typed(desk, "lsdef -a -l")
    blanks = any(line != line.rstrip(" \t") for line in listed.splitlines())
    before = typed(desk, "lsdef -a -z")
    objects_listed = sum(line.startswith("Object name: ") for line in listed.splitlines())
    assert counted(typed(desk, "chdef", listed)) == objects_listed
    assert blanks or typed(desk, "lsdef -a -z") == before
