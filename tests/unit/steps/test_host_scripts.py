"""Scripts of the site's own run for real on this machine, its /xcatpost and /var in a folder; lists become steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.desk import FolderDesk
from tests.fakes.target import LocalTarget
from xcatflow.contract import Desk, Part
from xcatflow.errors import ActFailed, InvalidInput
from xcatflow.model.definitions import Definitions, Node, OsImage, Record
from xcatflow.model.question import Reply
from xcatflow.steps import host_script, host_scripts
from xcatflow.steps.host_script import HostScript, ScriptParams
from xcatflow.steps.host_scripts import HostScripts, ScriptsParams
from xcatflow.steps.scripts.tree import Tree, read_tree

SHELLS = [("sh",), *([("busybox", "ash")] if Path("/bin/busybox").exists() else []), ("bash",)]


@dataclass
class Elsewhere(LocalTarget):
    """The local machine with /xcatpost and /var below a folder."""

    root: Path = Path()

    def reply(self, script: str, stdin: bytes = b"") -> Reply:
        there = script.replace("/xcatpost", f"{self.root}/xcatpost").replace("/var/", f"{self.root}/var/")
        return super().reply(there, stdin)


@dataclass
class Lab:
    """A site with scripts, and a machine."""

    root: Path
    at: Elsewhere
    attributes: Mapping[str, str]
    image: Mapping[str, str]
    site: Mapping[str, str]

    def script(self, name: str, text: str) -> None:
        path = self.root / "site" / "postscripts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @property
    def desk(self) -> FolderDesk:
        node = Node("dh01", {"groups": "all", "ip": "10.20.0.1", **self.attributes})
        image = OsImage("u22", {"environvar": "GREETING=it's me", **self.image})
        site = Record("clustersite", {"domain": "lab", **self.site}, kind="site")
        return FolderDesk(self.root / "site", Definitions([node, image, site]))

    def want(self, script: str, **given: object) -> ScriptParams:
        return HostScript().prepare(ScriptParams.model_validate({"script": script, **given}), self.desk)

    def converge(self, script: str, **given: object) -> list[str]:
        return [str(change) for change in self.at.converge(HostScript(), self.want(script, **given))]

    def run(self, script: str, **given: object) -> Mapping[str, str] | None:
        """The outputs of the last act."""
        want, outputs = self.want(script, **given), None
        seen = self.at.look(HostScript(), want)
        for change in HostScript().plan(seen, want):
            outputs = HostScript().apply(self.at, want, seen, change)
        return outputs

    @property
    def log(self) -> str:
        return (self.root / "var/log/xcat/xcat.log").read_text()


@pytest.fixture(params=SHELLS, ids=lambda shell: shell[-1])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Lab:
    (tmp_path / "site" / "postscripts").mkdir(parents=True)
    return Lab(tmp_path, Elsewhere(shell=request.param, root=tmp_path), {"provmethod": "u22"}, {}, {})


def test_a_script_runs_once_until_it_or_its_environment_changes(lab: Lab) -> None:
    lab.script("count", f"#!/bin/sh\necho ran >>{lab.root}/ran\n")
    files, ran = "update scripts in /xcatpost files", "run postscript count"
    assert lab.converge("count") == [files, f"{ran} (it has not run yet)"]
    assert lab.converge("count") == []
    assert lab.converge("count more") == [f"{ran} more (it has not run yet)"]
    lab.script("count", f"#!/bin/sh\necho ran again at $IPADDR >>{lab.root}/ran\n")
    assert lab.converge("count") == [files, f"{ran} (the script has changed)"]
    lab.attributes = {**lab.attributes, "ip": "10.20.0.2"}
    assert lab.converge("count") == [f"{ran} (what it reads of its environment has changed: IPADDR)"]
    lab.attributes = {**lab.attributes, "mac": "02:00:00:00:00:01"}
    assert lab.converge("count") == [], "what the script does not name is no reason to run it again"
    assert lab.converge("count") == []
    assert lab.converge("count", updating=True) == []
    assert (lab.root / "ran").read_text() == "ran\nran\nran again at 10.20.0.1\nran again at 10.20.0.2\n"


def test_always_is_always(lab: Lab) -> None:
    lab.script("s", "echo hello\n")
    assert lab.converge("s", always=True)[-1] == "run postscript s (always)"
    assert lab.converge("s", always=True) == ["run postscript s (always)"]
    assert lab.converge("s") == []
    assert lab.run("s", always=True) == {"stdout": "hello", "code": "0"}


def test_arguments_environment_and_directory_are_the_scripts_own(lab: Lab) -> None:
    lab.script("lib", "MINE=1\n")
    lab.script(
        "sub/s",
        '#!/bin/sh\n. ./lib\nprintf "<%s>" "$@"; echo\necho "$GREETING $DOMAIN $NODE $UPDATENODE $MINE"\n'
        'pwd; echo "${PATH%%:*}"; cat; ps -ww -o args= -p $$ | grep -c GREETING; echo "[$d$n$k$x]"\n',
    )
    outputs = lab.run("sub/s 'a  b' \"it's\" $HOME *", always=True, updating=True)
    place = f"{lab.root}/xcatpost"
    assert outputs
    assert outputs["stdout"].splitlines() == [
        "<a  b><it's><$HOME><*>", "it's me lab dh01 1 1", place, place, "0", "[]"
    ]  # fmt: skip
    assert "GREETING" not in "".join(lab.at.scripts)


def test_variables_may_have_the_names_of_ours(lab: Lab) -> None:
    lab.image = {"environvar": "d=1,n=2,x=3,l=4,k=5,w=6,e=7,c=8,b=9,r=10"}
    lab.script("s", 'echo "$d $n $x $l $k $w $e $c $b $r"\n')
    assert lab.run("s") == {"stdout": "1 2 3 4 5 6 7 8 9 10", "code": "0"}
    assert lab.converge("s") == []


def test_a_failing_script_tells_its_code_and_runs_again(lab: Lab) -> None:
    lab.script("bad", "echo one\necho two >&2\nexit 7\n")
    for _ in range(2):
        with pytest.raises(ActFailed, match=r"^postbootscript bad exited with code 7: two$") as caught:
            lab.run("bad", boot=True)
        assert caught.value.detail == "one\ntwo"
    lab.script("bad", "exit 0\n")
    assert lab.converge("bad", boot=True)[-1] == "run postbootscript bad (it has not run yet)"
    assert lab.converge("bad", boot=True) == []
    lab.script("bad", "exit 1\n")
    with pytest.raises(ActFailed):
        lab.run("bad", always=True)
    lab.script("bad", "exit 0\n")
    assert lab.converge("bad")[-1] == "run postscript bad (it has not run yet)"


def test_the_log_has_it_all(lab: Lab) -> None:
    lab.script("s", "echo said\nexit 3\n")
    with pytest.raises(ActFailed):
        lab.run("s a")
    first, *rest = lab.log.splitlines()
    assert first.endswith(" Running postscript: s")
    assert rest == ["postscript start..: s", "said", "postscript end....: s exited with code 3"]
    with pytest.raises(ActFailed):
        lab.run("s a", boot=True, updating=True)
    assert lab.log.count("postscript start..: s") == 2
    assert (lab.root / "var/log/xcat/xcat.log").stat().st_mode & 0o077 == 0


def test_in_debug_mode_shell_scripts_are_traced(lab: Lab) -> None:
    lab.site = {"xcatdebugmode": "1"}
    lab.script("s", "#!/bin/sh -e\necho hello $1\n")
    lab.script("p", "#!/usr/bin/perl\nprint 'no shell';\n")
    lab.script("e", "#!/usr/bin/env -S bash -e\necho with env\n")
    lab.script("f", "#!/bin/fish\n")
    (lab.root / "site" / "postscripts" / "b").write_bytes(b"\x7fELF\x02\0\0")
    assert [lab.want(name).traced for name in "spefb"] == [True, False, True, False, False]
    outputs = lab.run("s 'a b'")
    assert outputs
    assert outputs["stdout"].splitlines() == ["+ echo hello a b", "hello a b"]
    assert lab.run("p") == {"stdout": "no shell", "code": "0"}


def test_files_that_are_gone_from_the_site_go_and_others_stay(lab: Lab) -> None:
    lab.script("s", "echo 1\n")
    lab.script("old", "echo 1\n")
    lab.converge("s")
    (lab.root / "xcatpost" / "foreign").write_text("not ours")
    (lab.root / "site" / "postscripts" / "old").unlink()
    lab.script("s", "echo 2\n")
    lab.converge("s")
    assert sorted(path.name for path in (lab.root / "xcatpost").iterdir()) == [".xcatflow", "foreign", "s"]
    (lab.root / "xcatpost" / "s").write_text("damaged")
    assert lab.converge("s a")[0] == "update scripts in /xcatpost files"


def test_a_directory_of_scripts_may_become_a_script_and_a_script_one(lab: Lab) -> None:
    lab.script("a/b/s", "echo 1\n")
    lab.script("c", "echo 1\n")
    lab.converge("c")
    for name in ("a/b/s", "c"):
        (lab.root / "site" / "postscripts" / name).unlink()
    for name in ("a/b", "a"):
        (lab.root / "site" / "postscripts" / name).rmdir()
    lab.script("a", "echo 2\n")
    lab.script("c/s", "echo 2\n")
    assert lab.run("a") == {"stdout": "2", "code": "0"}
    assert lab.run("c/s") == {"stdout": "2", "code": "0"}


def test_what_not_everybody_may_read_here_not_everybody_may_read_there(lab: Lab) -> None:
    lab.script("s", "")
    lab.script("hostkeys/key", "private")
    (lab.root / "site" / "postscripts" / "hostkeys" / "key").chmod(0o600)
    lab.converge("s")
    assert [(lab.root / "xcatpost" / name).stat().st_mode & 0o777 for name in ("s", "hostkeys/key")] == [0o755, 0o700]


def test_the_tree_and_the_lists_are_read_once_for_all_steps_of_a_run(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.script("s", "")
    (lab.root / "site" / "p").write_text("chrony\n")
    lab.image = {"pkglist": "p"}
    desk, read = lab.desk, list[str]()

    def tree(root: Path) -> Tree:
        read.append("tree")
        return read_tree(root)

    def text(self: FolderDesk, name: str) -> str:
        read.append(name)
        return (self.root / name).read_text()

    monkeypatch.setattr(host_script, "read_tree", tree)
    monkeypatch.setattr(FolderDesk, "read", text)
    for number in range(3):
        HostScript().prepare(ScriptParams(script=f"s {number}"), desk)
    assert read == ["tree", "p"]


def test_a_script_without_a_name_is_refused(lab: Lab) -> None:
    with pytest.raises(InvalidInput, match="expected the name of a script below"):
        lab.want(" ")


@pytest.mark.parametrize("name", ["gone", "../secret", "/bin/true", "sub"])
def test_a_script_that_is_not_there_is_refused_before_anything(lab: Lab, name: str) -> None:
    lab.script("sub/s", "")
    with pytest.raises(InvalidInput, match=r"^The postscript .*/postscripts/.* does not exist\.$"):
        lab.want(name)


def test_the_directory_of_old_is_understood(lab: Lab) -> None:
    (lab.root / "site" / "postscripts").rmdir()
    (lab.root / "install" / "postscripts").mkdir(parents=True)
    (lab.root / "install" / "postscripts" / "s").write_text("echo old\n")
    lab.site = {"installdir": f"{lab.root}/install"}
    assert lab.run("s") == {"stdout": "old", "code": "0"}


def test_what_the_package_lists_say_is_in_the_environment(lab: Lab) -> None:
    lists = {
        "p": "#ENV:A=1 B=2#\nchrony\n@Tools\n-snapd\n",
        "o": "docker-ce=5:25\n-old\n#NEW_INSTALL_LIST#\n#ENV:C=3#\niperf3\n--later\n",
    }
    for name, text in lists.items():
        (lab.root / "site" / name).write_text(text)
    lab.image = {"pkgdir": "/install/u22", "pkglist": "p", "otherpkglist": "o", "environvar": "GREETING=hi"}
    lab.script("s", "env | grep -E '^(OS|OTHER)PKG|^ENVLIST|^GREETING' | sort\n")
    outputs = lab.run("s")
    assert outputs
    assert outputs["stdout"].splitlines() == [
        "ENVLIST2=C=3",
        "ENVLIST=A=1 B=2",
        "GREETING=hi",
        "OSPKGDIR=/install/u22",
        "OSPKGS=chrony,@Tools,-snapd",
        "OTHERPKGS1=docker-ce=5:25,-old",
        "OTHERPKGS2=iperf3,--later",
        "OTHERPKGS_INDEX=2",
    ]
    (lab.root / "site" / "p").unlink()
    with pytest.raises(InvalidInput, match='"p"'):
        lab.want("s")


# --- lists ---


def bridge(arguments: tuple[str, ...], desk: Desk) -> tuple[Part, ...]:
    return (Part("bridge", "network.bridge", {"name": arguments[-1:], "node": desk.node}),)


def docker(arguments: tuple[str, ...], desk: Desk) -> tuple[Part, ...]:
    if arguments == ("wrong",):
        raise InvalidInput("expected nothing of the sort")
    return (Part("certificate", "tls.host_certificate", {}), Part("daemon", "docker.daemon", {"words": arguments}))


def packages(arguments: tuple[str, ...], desk: Desk) -> tuple[Part, ...]:
    return (Part("other", "package.present", {"names": ["x"]}),)


def nothing(arguments: tuple[str, ...], desk: Desk) -> tuple[Part, ...]:
    return ()


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_ins = {
        "xHRM": bridge, "confignetwork": bridge, "setupdockerhost": docker, "otherpkgs": packages, "ospkgs": nothing,
        "syslog": nothing, "remoteshell": nothing, "syncfiles": nothing,
    }  # fmt: skip
    monkeypatch.setattr(
        host_scripts, "SHIPPED", {name: f"{__name__}:{each.__name__}" for name, each in stand_ins.items()}
    )


ENSURE = ("ospkgs", "otherpkgs", "xHRM bridgeprereq eth0:br0", "setupdockerhost")


def parts(
    *, post: str = "", boot: str = "", image: Mapping[str, str] | None = None, site: str = "", **given: object
) -> list[Part]:
    attributes = {"groups": "all", "provmethod": "u22", "postscripts": post, "postbootscripts": boot}
    nics = {"nictypes": "br0!bridge,eth0!ethernet"} if given.pop("bridged", False) else {}
    definitions = Definitions(
        [
            Node("dh01", {**attributes, **nics}),
            OsImage("u22", image or {}),
            Record("clustersite", {"ownscripts": site}, kind="site"),
        ]
    )
    desk = FolderDesk(Path("/nowhere"), definitions)
    return list(HostScripts().parts(ScriptsParams.model_validate(given), desk))


@pytest.mark.usefixtures("shipped")
def test_lists_become_groups_of_steps_in_their_order() -> None:
    found = parts(post="s1 a", boot="before,xHRM bridgeprereq eth0:br0,s1 b,setupdockerhost,after")
    assert [(part.id, part.use, part.group) for part in found] == [
        ("s1", "host.script", "s1"),
        ("otherpkgs", "package.present", "otherpkgs"),
        ("before", "host.script", "before"),
        ("xHRM", "network.bridge", "xHRM"),
        ("s1-2", "host.script", "s1-2"),
        ("setupdockerhost/certificate", "tls.host_certificate", "setupdockerhost"),
        ("setupdockerhost/daemon", "docker.daemon", "setupdockerhost"),
        ("after", "host.script", "after"),
    ]
    assert found[0].with_ == {"script": "s1 a", "always": False, "updating": False, "boot": False}
    assert found[4].with_ == {"script": "s1 b", "always": False, "updating": False, "boot": True}


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, "otherpkgs xHRM setupdockerhost"),
        ({"boot": "setupdockerhost,late"}, "otherpkgs xHRM setupdockerhost late"),
        ({"boot": "mine,xHRM bridgeprereq eth1:br1"}, "otherpkgs mine xHRM setupdockerhost"),
        ({"boot": "setupdockerhost mynet0=10.0.0.0/24@10.0.0.1:eth0"}, "otherpkgs setupdockerhost"),
        ({"boot": "setupdockerhost -b=br0"}, "otherpkgs xHRM setupdockerhost"),
        ({"boot": "confignetwork", "bridged": True}, "otherpkgs confignetwork setupdockerhost"),
        ({"boot": "confignetwork"}, "otherpkgs confignetwork xHRM setupdockerhost"),
        ({"boot": "setupdockerhost,xHRM bridgeprereq eth0:br0"}, "otherpkgs setupdockerhost xHRM"),
    ],
)
def test_what_is_ensured_keeps_its_order(given: dict[str, object], found: str) -> None:
    groups = [part.group for part in parts(**given, ensure=ENSURE)]  # type: ignore[arg-type]
    assert " ".join(dict.fromkeys(groups)) == found


@pytest.mark.usefixtures("shipped")
def test_words_from_the_workflow_come_before_those_of_the_list() -> None:
    found = parts(scripts="setupdockerhost port=2", arguments={"setupdockerhost": "port=1 'a b'", "s": "x"})
    assert found[1].with_ == {"words": ("port=1", "a b", "port=2")}


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize(
    ("image", "pkglist"), [({}, "l.pkglist"), ({"pkglist": "p"}, None), ({"otherpkglist": "o"}, None)]
)
def test_packages_of_last_resort(image: dict[str, str], pkglist: str | None) -> None:
    (found,) = parts(scripts="otherpkgs", packages="l.pkglist", image=image)
    assert found.with_.get("pkglist") == pkglist
    if pkglist:
        assert found.with_["instead"]["docker.io"] == ["docker-ce", "docker-engine", "moby-engine"]


@pytest.mark.usefixtures("shipped")
def test_a_script_of_the_sites_own_has_a_shipped_name_only_where_the_site_says_so() -> None:
    assert [part.use for part in parts(scripts="otherpkgs,xHRM a b")] == ["package.present", "network.bridge"]
    assert [part.use for part in parts(scripts="otherpkgs,xHRM a b", site="xHRM")] == ["package.present", "host.script"]


@pytest.mark.usefixtures("shipped")
def test_a_complaint_names_the_line() -> None:
    with pytest.raises(InvalidInput, match="setupdockerhost wrong: expected nothing of the sort"):
        parts(scripts="setupdockerhost wrong")


def test_every_shipped_name_has_its_function() -> None:
    for place in host_scripts.SHIPPED.values():
        assert callable(host_scripts._function(place)), place
