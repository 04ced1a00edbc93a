"""The workflow language: what a workflow file, a block file and a chain file may say.

These models are the language's only definition: the reader validates with them, the JSON Schema for editors is generated from them, and
the field descriptions are its reference.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from xcatflow.model.duration import Duration
from xcatflow.model.schedule import parse_schedule

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_-]*\Z")


def _identifier(value: str) -> str:
    if not _IDENTIFIER.match(value):
        raise ValueError(f'expected small letters, digits, "-" and "_", a letter first, found "{value}"')
    return value


Identifier = Annotated[str, AfterValidator(_identifier)]


def _schedule(value: str) -> str:
    if value:
        parse_schedule(value)
    return " ".join(value.split())


CronSchedule = Annotated[str, AfterValidator(_schedule)]
"""Five cron fields or a shortcut such as `@daily`, with one blank between fields; empty for none."""


class Closed(BaseModel):
    """Base: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Threshold(Closed):
    """A number of nodes, or a part of them in per cent."""

    count: int | None = None
    percent: float | None = None

    def of(self, total: int) -> int:
        """The number of nodes it means of `total`, at least 1."""
        if self.count is not None:
            return max(1, self.count)
        return max(1, int(total * (self.percent or 0.0) / 100))


def amount(text: str) -> Threshold:
    """A number of nodes or a part of them, such as `5` or `10%`. Raises ValueError."""
    return Threshold.model_validate(_threshold(text))


def _threshold(value: object) -> object:
    text = str(value).strip()
    if isinstance(value, Threshold | dict) or value is None:
        return value
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text):
        if not 0 < float(match[1]) <= 100:
            raise ValueError(f'expected more than 0 % and at most 100 %, found "{text}"')
        return Threshold(percent=float(match[1]))
    if text.isdigit() and int(text) > 0:
        return Threshold(count=int(text))
    raise ValueError(f'expected a number of nodes like 5, or a part like "10%", found "{text}"')


Amount = Annotated[
    Threshold,
    BeforeValidator(_threshold, json_schema_input_type=int | str),
]


class StopAfter(Closed):
    """When to start no further nodes."""

    failed: Amount | None = Field(None, description="Failed nodes, as a number or in per cent of the workflow's nodes.")
    unreachable: Amount | None = Field(None, description="Unreachable nodes, as a number or in per cent.")


class Limits(Closed):
    """How much may happen at once, how long it may take, and when to stop."""

    fanout: int = Field(32, ge=1, le=1000, description="Nodes worked on at once.")
    batch: Amount | None = Field(
        None, description="Nodes per batch; the next batch begins when one is done. None: all in one."
    )
    stop_after: StopAfter = Field(StopAfter(), description="Thresholds after which no further node is begun.")
    step_timeout: Duration = Field(120.0, description="Longest time of one act over SSH, such as `120 s` or `5 min`.")


class Retry(Closed):
    """Try a failed step again."""

    attempts: int = Field(3, ge=1, le=100, description="How often at most, the first time included.")
    wait: Duration = Field(5.0, description="Pause between two attempts.")


class Input(Closed):
    """One input of a workflow or block, looked up as `${input.NAME}`."""

    type: Literal["str", "int", "bool"] = Field("str", description="What a given value must look like.")
    help: str = Field("", description="One line for whoever sets it.")
    default: str | int | bool | float | None = Field(
        None, description="Used when nothing is given. Without one it counts as empty."
    )
    required: bool = Field(False, description="Refuse to run when nothing is given.")
    choices: tuple[str, ...] = Field((), description="The only values allowed.")


class EachNode(Closed):
    """Repeat a step for nodes."""

    nodes: str = Field(description="A noderange; `${each}` is the node's name. Empty: no repetition at all.")


class StepSpec(Closed):
    """One step."""

    id: Identifier = Field(description="Its name, unique in the file.")
    use: str = Field(
        description="A kind of step (`xcatflow kinds` lists them), or another file's steps: `./blocks/x.yaml`."
    )
    summary: str = Field("", description="One line for readers.")
    at: str = Field(
        "", description="The target: a machine or daemon, such as `${node.dockerhost}`. The node itself when left out."
    )
    with_: dict[str, Any] = Field(
        default_factory=dict, alias="with", description="What is wanted: the kind's parameters."
    )
    only: str = Field("", description="A noderange: the step is for these nodes only.")
    for_each: EachNode | str | tuple[str | int, ...] | None = Field(
        None,
        description="Repeat for each item of this list, of this comma separated text, or for `{nodes: NODERANGE}`; `${each}` is the item.",
    )
    after: str | tuple[str, ...] = Field(
        (), description="Earlier step ids: run only when one of them changed something."
    )
    retry: Retry | None = Field(None, description="Try again when it fails.")
    timeout: Duration | None = Field(
        None, description="Longest time of one act over SSH; the workflow's `step_timeout` when left out."
    )
    on_unreachable: Literal["fail", "skip"] = Field(
        "fail",
        description="When the target does not let us in: the node is unreachable, or the step is left out (a witness that is switched "
        "off says nothing about the node).",
    )
    on_failure: Literal["stop", "continue", "undo"] = Field(
        "stop", description="`stop` this node, `continue` with its next step, or `undo` what this node's lane changed."
    )

    @property
    def after_ids(self) -> tuple[str, ...]:
        return (self.after,) if isinstance(self.after, str) else self.after


class Workflow(Closed):
    """A file of steps that are taken in order on every node."""

    schema_: Literal[1] = Field(1, alias="schema", description="Version of the language.")
    name: Identifier = Field(description="Its name: the file's name without `.yaml`.")
    summary: str = Field(description="One line that says what is true afterwards.")
    nodes: str = Field("", description="The noderange it runs on when none is given with `-n`.")
    inputs: dict[Identifier, Input] = Field(
        default_factory=dict, description="What may be set with `-i NAME=VALUE` or by a chain."
    )
    limits: Limits = Field(Limits(), description="How much at once, how long, when to stop.")
    status: Literal["", "booted", "installed", "alive"] = Field(
        "",
        description="What the `status` of a node becomes when all went well on it; `failed` where a step failed. Written to the inventory "
        "by `apply`, unless the site says `nodestatus=n`.",
    )
    steps: tuple[StepSpec, ...] = Field(min_length=1, description="The steps, in order.")


class Block(Closed):
    """A file of steps for use in workflows: `use: ./blocks/x.yaml` with `with:` giving its inputs."""

    schema_: Literal[1] = Field(1, alias="schema", description="Version of the language.")
    summary: str = Field("", description="One line for readers.")
    inputs: dict[Identifier, Input] = Field(default_factory=dict, description="What `with:` may set.")
    steps: tuple[StepSpec, ...] = Field(min_length=1, description="The steps, in order.")


class ChainEntry(Closed):
    """One workflow of a chain."""

    workflow: Identifier = Field(description="The workflow's name.")
    nodes: str = Field("", description="The noderange; the workflow's own when left out.")
    inputs: dict[str, str | int | bool | float] = Field(default_factory=dict, description="Inputs of the workflow.")


class Chain(Closed):
    """Workflows in order: one run, one lock, one id."""

    schema_: Literal[1] = Field(1, alias="schema", description="Version of the language.")
    name: Identifier = Field(description="Its name: the file's name without `.yaml`.")
    summary: str = Field(description="One line that says what is true afterwards.")
    on_failure: Literal["continue", "stop"] = Field(
        "continue", description="When nodes fail in a workflow: go on with the others, or stop the chain."
    )
    schedule: CronSchedule = Field(
        "", description="Five cron fields, or `@daily` and the like; `xcatflow cron.install` puts it into the crontab."
    )
    overlap: Literal["forbid", "wait"] = Field(
        "forbid", description="When the last run is not over: refuse (exit 4), or wait."
    )
    workflows: tuple[ChainEntry, ...] = Field(min_length=1, description="The workflows, in order.")
