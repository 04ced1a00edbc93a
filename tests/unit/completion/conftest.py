"""A small site in stanzas and YAML, and the current directory in it."""

from pathlib import Path

import pytest

from tests.unit.tasks.site import Cli

STANZAS = """\
# c0:
dh01:
    objtype=node
    groups=all,dockerhost
    mgt=ipmi
    os=ubuntu22.04
  dh02 :
  objtype = node
  groups=all,dockerhost
  os=debian12
  usercomment="no header:"
default-node:
    groups=all,docker,web
web1:
    objtype=node
    dockerhost=dh01:2375
    mgt=docker
web2:
    mgt=docker
    objtype=node
web10:
    objtype=node
spare:
    objtype=group
lan:
    objtype=network
    net=10.0.0.0
    mask=255.0.0.0
"""
YAML = """\
nodes:
  db001:
    groups: [all, docker, "db"]
    mgt: docker
    # x1:
  'n-1': {groups: "all,ib", os: debian12}
osimages:
  ubuntu22.04-x86_64-compute:
    osvers: ubuntu22.04
site:
  domain: lab.example
"""
WORKFLOW = """\
name: create
inputs:
  image:
    required: true
  # remark:
  tag: {default: latest}
steps: []
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "inventory/a.stanza": STANZAS,
        "inventory/more/b.yaml": YAML,
        "inventory/.hidden/c.stanza": "hidden:\n    objtype=node\n",
        "workflows/create.yaml": WORKFLOW,
        "workflows/chains/site.yaml": "name: site\n",
        "hosts.lst": "web1\n",
        "with blank.txt": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XCATFLOW_SITE", raising=False)
    return tmp_path


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The program in this process."""
    return Cli(capsys, monkeypatch)
