"""What every step keeps, whoever wrote it."""

import re
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel, ValidationError

from xcatflow.contract import Params, Step
from xcatflow.errors import CannotUndo, InvalidInput
from xcatflow.steps.registry import BUILTINS, find, kinds


@pytest.fixture(params=sorted(BUILTINS))
def step(request: pytest.FixtureRequest) -> Step[Any, Any]:
    return find(request.param)


def models(annotation: Any) -> list[type[BaseModel]]:
    """The models in a type, at any depth."""
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        return [
            annotation,
            *(inner for field in annotation.model_fields.values() for inner in models(field.annotation)),
        ]
    return [inner for argument in get_args(annotation) for inner in models(argument)]


def test_the_kind_is_dotted_words_and_the_module_is_called_so(step: Step[Any, Any]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*(\.[a-z]+(_[a-z]+)*)?", step.kind)
    module, _, name = BUILTINS[step.kind].partition(":")
    words = re.split(r"[._]", step.kind)
    assert module == "xcatflow.steps." + "_".join(words)
    assert name == "".join(word.capitalize() for word in words)
    assert type(step).__doc__


def test_params_are_frozen_closed_and_described(step: Step[Any, Any]) -> None:
    assert issubclass(step.params, Params)
    for model in models(step.params):
        assert model.model_config.get("frozen") is True, model
        assert model.model_config.get("extra") == "forbid", model
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name} has no description"


def test_unknown_params_are_refused(step: Step[Any, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        step.params.model_validate({"no such thing": 1})
    assert "extra_forbidden" in {error["type"] for error in caught.value.errors()}


def test_params_have_a_json_schema(step: Step[Any, Any]) -> None:
    schema = step.params.model_json_schema()
    assert schema["additionalProperties"] is False
    assert set(schema.get("required", ())) <= set(schema["properties"])


def test_an_instance_holds_nothing(step: Step[Any, Any]) -> None:
    assert vars(step) == {}


def test_what_has_no_way_back_says_so() -> None:
    for kind in ("ssh.command", "wait.port", "ping"):
        step: Any = find(kind)
        with pytest.raises(CannotUndo, match=kind):
            step.undo(None, None, None, None)


def test_kinds_that_follow_others() -> None:
    follows = {kind: step.follows for kind in BUILTINS if isinstance(step := find(kind), Step) and step.follows}
    assert follows == {
        "container.address": ("docker.container",),
        "docker.daemon": ("tls.host_certificate",),
        "docker.tls": ("tls.host_certificate", "docker.daemon"),
        "docker.container": ("docker.image",),
        "package.present": ("package.repository", "package.directory"),
        "docker.exec": ("docker.container",),
        "docker.prune": ("docker.container", "docker.image"),
    }


def test_proofs() -> None:
    assert [kind for kind in BUILTINS if isinstance(step := find(kind), Step) and step.proof] == [
        "address.free",
        "docker.ready",
        "docker.undisturbed",
        "ping",
        "wait.port",
    ]


def test_unknown_kinds_get_a_suggestion() -> None:
    with pytest.raises(InvalidInput, match=r'unknown kind of step "file.presnt", did you mean "file.present"\?'):
        find("file.presnt")
    assert set(BUILTINS) <= set(kinds())
