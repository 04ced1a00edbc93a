"""What it means that a container is well: the check that the daemon makes, and what a step waits for.

Source: Engine API, `Healthcheck` of `POST /containers/create` (times in nanoseconds, at least a millisecond).
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from xcatflow.model.duration import Duration
from xcatflow.steps.containers.forms import read_command
from xcatflow.steps.given import LenientParams

_FORMS = ("NONE", "CMD", "CMD-SHELL")
_NANOSECONDS = 10**9
_SHORTEST_S = 0.001


def _read_test(value: object) -> object:
    """Words for the API: text is for the container's shell, as in compose files; `none` switches the image's own check off."""
    if isinstance(value, str) and value:
        return ["NONE"] if value.lower() == "none" else ["CMD-SHELL", value]
    if isinstance(value, list | tuple) and value and value[0] not in _FORMS:
        return ["CMD", *value]
    return value


def _check_test(words: tuple[str, ...]) -> tuple[str, ...]:
    if len(words) < (1 if words[:1] == ("NONE",) else 2):
        raise ValueError("expected a command, or none to switch off the image's own check, found nothing")
    return words


def _check_time(seconds: float) -> float:
    if 0 < seconds < _SHORTEST_S:
        raise ValueError(f"expected at least a millisecond, found {seconds:g} s")
    return seconds


_Time = Annotated[Duration, AfterValidator(_check_time)]


class HealthcheckParams(LenientParams):
    """The daemon's own check, made again and again while the container runs. What is left out is the image's or the daemon's choice."""

    test: Annotated[
        tuple[str, ...],
        BeforeValidator(_read_test, json_schema_input_type=str | list[str]),
        AfterValidator(_check_test),
    ] = Field(
        description="What is run in it: text for its shell, or a list of words (also as in compose files, with `CMD` or `CMD-SHELL` "
        "first). `none` switches the image's own check off."
    )
    interval: _Time = Field(0.0, description="The time between two checks, such as `10 s`.")
    timeout: _Time = Field(0.0, description="How long one check may take.")
    retries: int = Field(0, ge=0, description="How many checks in a row have to fail.")
    start_period: _Time = Field(0.0, description="How long after the start failures do not count.")

    def body(self) -> dict[str, Any]:
        """The create request's `Healthcheck`."""
        times = {"Interval": self.interval, "Timeout": self.timeout, "StartPeriod": self.start_period}
        found: dict[str, Any] = {"Test": list(self.test)}
        found |= {name: round(seconds * _NANOSECONDS) for name, seconds in times.items() if seconds}
        return found | ({"Retries": self.retries} if self.retries else {})


class HealthParams(LenientParams):
    """What is waited for after a start. Neither `port` nor `command`: the container's own health check where it has one, and otherwise
    that it stays up."""

    port: int | None = Field(None, ge=1, le=65535, description="A TCP port that something in it listens on.")
    command: Annotated[tuple[str, ...], BeforeValidator(read_command, json_schema_input_type=str | list[str])] = Field(
        (), description="A command that ends with 0 in it: words, or text that is split like a shell does."
    )
    stays_up: Duration = Field(
        5.0, description="How long it has to run where there is nothing else to tell by, such as `5 s`."
    )
    wait: Duration = Field(60.0, description="How long it may take to become healthy.")

    @model_validator(mode="after")
    def _one(self) -> "HealthParams":
        if self.port is not None and self.command:
            raise ValueError('one of "port" and "command" is enough: a command can look at ports as well')
        return self
