"""A survey of an inventory goes on where loading refuses, and agrees with it on whether there is a reason."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from xcatflow.errors import InvalidInput
from xcatflow.load.definitions import load_definitions
from xcatflow.load.oddities import again, headers
from xcatflow.load.survey import survey
from xcatflow.model import checks, cross_checks
from xcatflow.model.findings import Findings

LINES = """\
web1:
web2:
web1-web3:
_x:
lan:
docker:
default-node:
default-nod:
clustersite:
:
 objtype=node
 objtype=node
 objtype=group
 objtype=network
 objtype=site
 objtype=osimage
 objtype=nodes
 groups=docker,all
 groups=web1-web3,dyn
 mgt=docker
 mgt=dokcer
 dockerhost=web2
 dockerhost=http://x
 dockerflag={"Tty": true,}
 ip=10.0.0.1
 ip=|web(\\d+)|10.0.0.($1+0)|
 ip=|(|x|
 ip=10.0.0.300
 mac=|x|
 net=10.0.0.0
 net=10.0.0.5
 mask=/8
 mask=255.0.255.0
 gateway=10.255.255.255
 grouptype=dynamic
 wherevals=mgt==docker
 wherevals=(
 members=web1,web9
 nicips=eth0!10.0.0.1|x,eth1
 nicips.eth1=|($1)|
 hostnames=web1 www
 provmethod=!x
 hierarchicalattrs=ip,nicips:;
 excludenodes=web1
 domian=x
 nonsense=1
 ends:with:
junk
=x
# remark
"""
YAML = (
    "nodes: {web3: {ip: 10.0.0.1}}\n",
    "nodes: [\n",
    "node: {}\n",
    "nodes: {web1: {}, web2: x}\n",
    "- a\n",
    "nodes: {w: {ip: [1]}}\n",
    "",
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(LINES.splitlines()), max_size=25), st.sampled_from(YAML))
def test_it_agrees_with_loading(lines: list[str], yaml: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        inventory = Path(directory) / "inventory"
        inventory.mkdir()
        (inventory / "a.stanza").write_text("\n".join(lines))
        (inventory / "b.yaml").write_text(yaml)
        found = Findings()
        read = survey(inventory)
        cross_checks.rules(found, read.definitions)
        refused = bool(read.errors or found.errors)
        checks.check(found, read.definitions, read.lost)
        assert all(finding.problem.source for finding in found.all)
        try:
            load_definitions(inventory)
        except InvalidInput:
            assert refused
        else:
            assert not refused
            assert not read.lost


def test_attributes_written_twice() -> None:
    text = "a:\n ip=1\n  ip = 2\nb:\n ip=1\n#ip=2\n x=a=b\nc :\r\n\tx=1\r\n\tip=2\n=\n =\n"
    assert [str(problem) for problem in again(text, "f")] == [
        'f:3:3: "ip" stands twice in this stanza, first in line 2: the last one counts'
    ]
    assert list(headers(text)) == ["a", "b", "c"]
