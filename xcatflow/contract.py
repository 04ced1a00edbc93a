"""The contract of a step: one kind of desired state, and what it may use.

Everything a step knows is in a few methods, and none of them prints. `prepare` and the questions are the only ways to learn something,
`apply` the only way to change something; `plan` is pure. The engine does the rest: it batches questions, decides whether to act, looks
again after acting, records, retries.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from xcatflow.errors import CannotUndo
from xcatflow.model.change import Change
from xcatflow.model.definitions import Definitions
from xcatflow.model.question import Answers, Question, Reply
from xcatflow.transport.protocols import Authority, Docker, ImageWanted


class Params(BaseModel):
    """What is wanted, as written under `with:`. Frozen, and closed: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False, coerce_numbers_to_str=True)


P = TypeVar("P", bound=Params)
S = TypeVar("S")


T = TypeVar("T")


class Desk(Protocol):
    """The controller's side of a step, before anything is asked: the site's files, never the network."""

    def path(self, name: str) -> Path:
        """A path inside the site; absolute ones stay as they are. Raises InvalidInput where it leaves the site by `..`."""
        ...

    def read(self, name: str) -> str:
        """A text file of the site. Raises InvalidInput naming it when it cannot be read."""
        ...

    def render(self, name: str, variables: Mapping[str, Any]) -> str:
        """A Jinja2 template of the site with the node's lookups and `variables`. Raises InvalidInput with file and line."""
        ...

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once for all steps and nodes of a run that ask with this key: for what is the same for many, and costly
        to read. Nobody may change it. Raises what `make` raises."""
        ...

    @property
    def node(self) -> str:
        """The node that the step is for."""
        ...

    @property
    def definitions(self) -> Definitions:
        """All definitions of the site."""
        ...

    @property
    def authority(self) -> Authority:
        """The site's CA, made on first use."""
        ...


class Target(Protocol):
    """The machine or daemon a step acts on."""

    @property
    def name(self) -> str: ...

    def run(self, script: str, *, stdin: bytes = b"", timeout_s: float | None = None, check: bool = True) -> Reply:
        """Run a POSIX script as root on the machine, fenced, within `timeout_s` (the step's own timeout when None).

        Raises Unreachable, DeadlineExceeded, and, unless `check` is off, ActFailed when the exit status is not 0.
        """
        ...

    def reconnect(self) -> None:
        """Give up the connection to the machine: the next script travels over one that is opened then."""
        ...

    def port_open(self, host: str, port: int) -> bool:
        """Does a TCP connection from where xcatflow runs open within two seconds?"""
        ...

    def pause(self, seconds: float) -> None:
        """Wait, for steps that poll. Raises Interrupted when the run is asked to stop meanwhile."""
        ...

    def tell(self, text: str) -> None:
        """Say how far a long act is; shown, not kept."""
        ...

    def fetch_image(self, wanted: ImageWanted, *, spread: bool = False) -> str:
        """Have the daemon get an image: from its registry, with `spread` from another daemon of the run that has it, where one has.

        Returns the endpoint of that daemon, empty for the registry. Raises ActFailed with the daemon's words; nothing is left of it then.
        """
        ...

    def put_image_back(self, reference: str, id: str) -> None:
        """Have the daemon's name for an image mean the one of that id again, none where `id` is empty; what has the name now goes where it
        has no other. Raises ActFailed with the daemon's words."""
        ...

    @property
    def docker(self) -> Docker:
        """The machine's Docker daemon. Raises Unreachable."""
        ...

    @property
    def authority(self) -> Authority: ...


class Step(Generic[P, S]):
    """One kind of desired state. Instances hold nothing; one serves all lanes at once."""

    kind: ClassVar[str]
    params: ClassVar[type[Params]]
    proof: ClassVar[bool] = False
    """True for kinds that change nothing and only wait for or prove something (`ping`, `wait.port`)."""
    alone: ClassVar[bool] = False
    """True for kinds during which no other step can be at the machine (`reboot`): steps of other nodes wait, and look anew afterwards."""
    follows: ClassVar[tuple[str, ...]] = ()
    """Kinds whose changes on the same node may undo what this kind sees now: a plan that has such a change defers this step."""

    def prepare(self, want: P, desk: Desk) -> P:
        """Complete `want` from the site's files (templates, lists, archives). Raises InvalidInput. Called before any connection."""
        return want

    def ask(self, want: P) -> tuple[Question[Any], ...]:
        """What has to be looked at to know whether `want` holds."""
        raise NotImplementedError

    def ask_more(self, answers: Answers, want: P) -> tuple[Question[Any], ...]:
        """What has to be looked at beside, now that `ask` is answered: for what is costly and seldom needed. `seen` gets both. Pure, but
        raises what looking up an answer raises."""
        return ()

    def meets(self, want: P) -> str:
        """A text that lanes share which have all to have looked before the first of them acts, since what one does depends on what others
        see; empty where lanes are on their own."""
        return ""

    def seen(self, answers: Answers, want: P) -> S | None:
        """What the answers say, None = looked and not there. Raises CannotTell when they do not say it."""
        raise NotImplementedError

    def plan(self, seen: S | None, want: P) -> tuple[Change, ...]:
        """The differences, in the order in which they are to be applied; empty when converged. Pure."""
        raise NotImplementedError

    def apply(self, at: Target, want: P, seen: S | None, change: Change) -> Mapping[str, str] | None:
        """Do one planned change. Raises ActFailed and the like; returning proves nothing, the engine looks again.

        What only the act can know (what a command printed) is returned and added to `outputs`; most acts return nothing.
        """
        raise NotImplementedError

    def undo(self, at: Target, want: P, seen: S | None, change: Change) -> None:
        """Take one applied change back; `seen` is what was there before."""
        raise CannotUndo(f"{self.kind} has no way back")

    def made(self, seen: S | None, after: S | None, want: P, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        """Which of the applied changes were changes, now that it was looked again: for acts of which only acting tells."""
        return changes

    def verifies(self, want: P) -> bool:
        """Does looking again after the act prove it? False only for commands that say `always: true`."""
        return True

    def outputs(self, seen: S | None, want: P) -> Mapping[str, str]:
        """What later steps may look up as `${step.ID.NAME}`."""
        return {}


@dataclass(frozen=True, slots=True)
class Part:
    """One step that a composite one stands for: `id` is its name within it, `use` its kind, `with_` that kind's parameters, literally:
    nothing is looked up in them.

    When a part of a `group` fails, the rest of that group is left out, and the other groups go on; the composite step has failed when all
    are through. Without a group a failure ends the composite step at once. `at` is its target where that is another than the composite
    step's."""

    id: str
    use: str
    with_: Mapping[str, Any]
    group: str = ""
    at: str = ""


class Composite(Generic[P]):
    """A kind that stands for several steps, which depend on the node's definition, such as its list of scripts. Instances hold
    nothing."""

    kind: ClassVar[str]
    params: ClassVar[type[Params]]

    def parts(self, want: P, desk: Desk) -> tuple[Part, ...]:
        """The steps, in their order, none of a composite kind; ids are unique. Raises InvalidInput. Called before any connection."""
        raise NotImplementedError


Kind = Step[Any, Any] | Composite[Any]
