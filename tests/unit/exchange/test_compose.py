"""Compose files: what comes of them can be made, variables follow their grammar, and no text or tree breaks the reader."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.exchange.cases import played
from tests.unit.exchange.test_any_text import paths
from xcatflow.errors import InvalidInput, Source
from xcatflow.exchange.compose_tree import Text, nanoseconds, size
from xcatflow.exchange.compose_variables import Variables, read_env, substituted
from xcatflow.exchange.importing import Request, bring
from xcatflow.exchange.recognise import recognise
from xcatflow.load.shipped import make_site
from xcatflow.load.stanza import parse_stanzas
from xcatflow.load.stanza_text import stanza_text
from xcatflow.load.workflow import load_workflow
from xcatflow.load.yaml_text import parse_yaml
from xcatflow.model.definitions import Definitions
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.registry import find

DATA = Path(__file__).parent / "data" / "compose"
GOOD = sorted(path.parent for path in DATA.rglob("out.stanza") if (path.parent / "workflow.yaml").exists())
ATTRIBUTES = (
    ("dockerflag", "dockerflag"),
    ("dockercpus", "cpus"),
    ("dockermemory", "memory"),
    ("dockernics", "network"),
    ("mac", "mac"),
    ("ip", "ip"),
)
HERE = Source("x.yaml", 1, 1)
TREES = [
    parse_yaml(path.read_text(), path, merge_keys=True).text
    for path in sorted(DATA.rglob("in.yaml"))
    if path.parent in GOOD and "$" not in path.read_text()
]


# --- what comes of them can be made ---


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_what_comes_of_a_case_is_what_the_steps_take(case: Path, tmp_path: Path) -> None:
    results = played(case)
    drafts, problems = parse_stanzas(results["out.stanza"], "out.stanza")
    assert not problems
    containers = [draft.values for draft in drafts if draft.values.get("mgt") == "docker"]
    assert containers
    for values in containers:
        image, _, command = values["provmethod"].partition("!")
        params = {ours: values[theirs] for theirs, ours in ATTRIBUTES if theirs in values}
        made = ContainerParams.model_validate({"name": "c1", "image": image, "command": command, **params})
        assert made.image == image
    name = next(line.partition(": ")[2] for line in results["workflow.yaml"].splitlines() if line.startswith("name: "))
    path = tmp_path / "workflows" / f"{name}.yaml"
    path.parent.mkdir()
    path.write_text(results["workflow.yaml"])
    steps = load_workflow(path, tmp_path).spec.steps
    assert steps
    for step in steps:
        find(step.use).params.model_validate(step.with_)


def test_commands_come_back_as_their_words() -> None:
    words = ["sh", "-c", "echo 'a' \"b\" $HOME", "", "two words", "!", "line\nbreak"]
    text = json.dumps(
        {"services": {"one": {"image": "busybox", "command": [word.replace("$", "$$") for word in words]}}}
    )
    (write,) = bring(Request(text, "compose.yaml", docker=""), Definitions()).writes
    command = write.values["provmethod"].partition("!")[2]
    assert ContainerParams.model_validate({"name": "c1", "image": "busybox", "command": command}).command == tuple(
        words
    )


def test_a_project_passes_the_check_of_a_site(tmp_path: Path) -> None:
    from xcatflow.app import Site

    for _ in make_site(tmp_path, inventory=False):
        pass
    for shipped in ("configure-ip", "provision-dockerhost", "chains/site"):
        (tmp_path / "workflows" / f"{shipped}.yaml").unlink()
    results = played(DATA / "shop")
    (tmp_path / "inventory" / "shop.stanza").write_text(results["out.stanza"])
    (tmp_path / "workflows" / "prepare-shop.yaml").write_text(results["workflow.yaml"])
    assert Site(tmp_path).check() == ()


# --- how they are known ---


@pytest.mark.parametrize(
    ("file", "text", "form"),
    [
        ("x.yaml", "services:\n  web:\n    image: x\n", "compose"),
        ("x.yaml", "# a\nx-a: 1\n\nservices: # all\n\n  # one\n  'web': {image: x}\n", "compose"),
        ("x.yaml", "services: {web: {image: x}}\n", "compose"),
        ("x.yaml", "services: [web]\n", "compose"),
        ("x.yaml", "services:\n  hosts:\n    web1:\n", "yaml"),
        ("x.yaml", "services: {hosts: {web1: }}\n", "yaml"),
        ("x.yaml", "all:\n  vars:\n    services:\n      a: b\n", "yaml"),
        ("compose.yaml", "web: {image: x}\n", "compose"),
        ("dir/docker-compose.yml", "version: '2'\n", "compose"),
        ("compose.prod.yaml", "services: {}\n", "compose"),
        ("my-compose.yaml", "web: {hosts: {a: }}\n", "yaml"),
        ("compose.yaml", "c1:\n    objtype=node\n", "stanza"),
        ("x.json", '{"services": {"web": {"image": "x"}}}', "compose"),
        ("x.json", '{"services": {"hosts": {"web1": {}}}}', "yaml"),
    ],
)
def test_forms_by_name_and_content(file: str, text: str, form: str) -> None:
    assert recognise(text, "", file) == form
    assert recognise(text, "compose", file) == "compose"


# --- variables ---


def filled(text: str, **values: str) -> str:
    return Variables(values).fill(text, HERE)


@given(st.text(max_size=30))
def test_an_escaped_text_comes_back(text: str) -> None:
    assert filled(text.replace("$", "$$")) == text


@given(st.text(max_size=10).filter(lambda text: "$" not in text and "}" not in text), st.sampled_from([None, "", "v"]))
def test_the_forms_of_a_variable(default: str, value: str | None) -> None:
    values = {} if value is None else {"V": value}
    assert filled("$V.${V}", **values) == f"{value or ''}.{value or ''}"
    assert filled(f"${{V:-{default}}}", **values) == (value or default)
    assert filled(f"${{V-{default}}}", **values) == (default if value is None else value)
    assert filled(f"${{V:+{default}}}", **values) == (default if value else "")
    assert filled(f"${{V+{default}}}", **values) == ("" if value is None else default)
    for operator, fails in ((":?", not value), ("?", value is None)):
        if fails:
            with pytest.raises(InvalidInput, match='the variable "V" is not set'):
                filled(f"${{V{operator}{default}}}", **values)
        else:
            assert filled(f"${{V{operator}{default}}}", **values) == value


def test_what_is_not_used_is_not_asked_for() -> None:
    variables = Variables({"A": "a"})
    assert variables.fill("${A:-${B:?never}}${C:+$D}", HERE) == "a"
    assert not variables.notes
    assert variables.used == {"A": "environment"}


def test_nested_variables_end_somewhere() -> None:
    with pytest.raises(InvalidInput, match="nested deeper than 20 levels"):
        filled("${A:-" * 30 + "}" * 30)


@given(st.text(alphabet="ab_1$${}:-+?! ", max_size=25))
def test_any_text_is_filled_or_complained_about(text: str) -> None:
    try:
        found = substituted(text, HERE, {"a": "A", "b": ""}.get, lambda _name: None)
    except InvalidInput as error:
        assert [problem.source for problem in error.problems] == [HERE]
    else:
        assert "$" in text or found == text


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True), st.text(max_size=12), max_size=4))
def test_files_of_variables_come_back(values: dict[str, str]) -> None:
    values = {name: value.replace("\r", " ").replace("\\", "/") for name, value in values.items()}
    quoted = "".join("{}='{}' # x\n".format(name, value.replace("'", "\\'")) for name, value in values.items())
    assert read_env(quoted, ".env", lambda _name: None) == values


@given(st.text(alphabet="aB_= \t\n#'\"\\$x{}.", max_size=40))
def test_any_file_of_variables_is_read_or_complained_about_at_a_line(text: str) -> None:
    try:
        read_env(text, ".env", lambda _name: None)
    except InvalidInput as error:
        assert all(problem.source and problem.source.line for problem in error.problems)


# --- sizes and durations ---


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("2b", 2),
        ("1024kb", 1 << 20),
        ("2048K", 1 << 21),
        ("300m", 300 << 20),
        ("1gb", 1 << 30),
        ("1.5 GiB", 3 << 29),
        ("7", 7),
    ],
)
def test_sizes(text: str, count: int) -> None:
    assert size(Text(text, HERE)) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("10ms", 10**7),
        ("40s", 40 * 10**9),
        ("1m30s", 90 * 10**9),
        ("1h5m30s20ms", 3930020 * 10**6),
        ("1.5s", 15 * 10**8),
        ("3us", 3000),
    ],
)
def test_durations(text: str, count: int) -> None:
    assert nanoseconds(Text(text, HERE)) == count


@pytest.mark.parametrize("text", ["", "x", "10", "-1s", "1 s", "1s x", "s", "1d", "٣s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InvalidInput, match="expected a duration such as 1m30s"):
        nanoseconds(Text(text, HERE))


# --- any tree ---


@given(st.data())
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_trees_of_another_form(data: st.DataObject) -> None:
    tree = json.loads(json.dumps(data.draw(st.sampled_from(TREES))))
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from([path for path in paths(tree) if path]))
        place = tree
        for key in way:
            place = place[key]
        odd = st.sampled_from(
            [None, "", "x", 7, -1, [], {}, ["x"], {"x": "y"}, True, "a:b:c", [{"source": "x"}], "99999"]
        )
        place[last] = data.draw(odd)
    try:
        result = bring(Request(json.dumps(tree), "compose.yaml"), Definitions())
    except InvalidInput as error:
        assert error.problems
        return
    stanza_text((write.objtype, write.name, write.values) for write in result.writes)
    assert all(str(problem) for problem in (*result.notes, *result.left))


def test_nothing_of_a_service_is_dropped_without_a_word() -> None:
    """Every key of a service that changes neither a value nor what is said is one that says nothing."""
    unsaid: set[str] = set()
    path = DATA / "everything" / "in.yaml"
    tree = parse_yaml(path.read_text().replace("$$", ""), path).text["services"]["all"]
    bare = bring(Request(json.dumps({"services": {"one": {"image": "x"}}}), "c.yaml", "compose"), Definitions())
    for key, value in tree.items():
        one = {"image": "x", key: value}
        result = bring(Request(json.dumps({"services": {"one": one}}), "c.yaml", "compose"), Definitions())
        if (result.writes, len(result.left)) == (bare.writes, len(bare.left)):
            unsaid.add(key)
    assert unsaid == {"pull_policy"}
