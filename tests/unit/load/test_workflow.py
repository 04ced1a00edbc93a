"""Workflow files: what is wrong is told at its place, what is right is composed."""

from pathlib import Path

import pytest

from xcatflow.engine.check import check_workflow
from xcatflow.errors import InvalidInput
from xcatflow.load.workflow import load_chain, load_workflow
from xcatflow.model.definitions import Definitions
from xcatflow.steps.registry import find

DATA = Path(__file__).parent / "data" / "workflows"
WRONG = sorted(path.stem for path in DATA.glob("*.yaml"))


def complaints(name: str) -> str:
    try:
        problems = check_workflow(load_workflow(DATA / f"{name}.yaml", DATA), find, Definitions())
    except InvalidInput as error:
        problems = error.problems
    return "".join(f"{problem}\n" for problem in problems)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_workflow_gets_exactly_this_complaint(name: str) -> None:
    assert complaints(name) == (DATA / f"{name}.txt").read_text()


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


HEAD = "schema: 1\nname: {}\nsummary: s\nnodes: all\n"


def test_blocks_are_flattened_with_their_conditions(tmp_path: Path) -> None:
    write(
        tmp_path,
        outer=HEAD.format("outer")
        + """\
inputs: {who: {default: me}}
steps:
  - {id: first, use: directory.present, with: {path: /a}}
  - id: motd
    use: ./block.yaml
    only: web
    after: first
    for_each: [x, y]
    with: {text: "${input.who} ${each}"}
""",
        block="""\
schema: 1
inputs: {text: {required: true}}
steps:
  - {id: dir, use: directory.present, with: {path: /b}}
  - {id: file, use: file.present, only: db, after: dir, with: {path: /b/f, content: "${input.text}"}}
""",
    )
    steps = load_workflow(tmp_path / "outer.yaml", tmp_path).steps
    assert [step.id for step in steps] == ["first", "motd[x]/dir", "motd[x]/file", "motd[y]/dir", "motd[y]/file"]
    assert steps[2].only == ("web", "db")
    assert steps[2].after == ("first", "motd[x]/dir")
    assert steps[2].inputs.outer is not None
    assert steps[2].inputs.outer.each == "x"
    assert str(steps[2].place(("with", "content"))) == "block.yaml:5:85"


def test_a_chain_names_its_workflows_problems_and_unknown_inputs(tmp_path: Path) -> None:
    one = HEAD.format("one") + "inputs: {size: {}}\nsteps:\n  - {id: a, use: directory.present, with: {path: /a}}\n"
    write(tmp_path, one=one, c="schema: 1\nname: c\nsummary: s\nworkflows:\n  - {workflow: one, inputs: {sise: 1}}\n")

    def workflow(name: str) -> object:
        if name != "one":
            raise InvalidInput(f'no workflow "{name}"')
        return load_workflow(tmp_path / "one.yaml", tmp_path)

    with pytest.raises(InvalidInput, match=r'c.yaml:5:30: "sise" is no input of workflow "one", did you mean "size"\?'):
        load_chain(tmp_path / "c.yaml", tmp_path, workflow)  # type: ignore[arg-type]
    write(tmp_path, c="schema: 1\nname: c\nsummary: s\nworkflows:\n  - {workflow: two}\n")
    with pytest.raises(InvalidInput, match=r'c\.yaml:5:16: no workflow "two"'):
        load_chain(tmp_path / "c.yaml", tmp_path, workflow)  # type: ignore[arg-type]
    write(
        tmp_path,
        c="schema: 1\nname: c\nsummary: s\nschedule: '1 2 * * *'\nworkflows:\n  - {workflow: one, nodes: web}\n",
    )
    chain = load_chain(tmp_path / "c.yaml", tmp_path, workflow)  # type: ignore[arg-type]
    assert chain.spec.workflows[0].nodes == "web"
    assert [placed.spec.name for placed in chain.workflows] == ["one"]
