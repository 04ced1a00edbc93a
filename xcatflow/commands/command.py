"""What a command is, and what it may use."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from xcatflow import __version__
from xcatflow.commands.arguments import Arguments, Flag, UsageError, read_arguments
from xcatflow.commands.talk import Talk
from xcatflow.errors import InvalidInput, Locked

if TYPE_CHECKING:
    from xcatflow.model.call import Call, Called
    from xcatflow.model.definitions import Definitions
    from xcatflow.model.edit import Edit
    from xcatflow.model.event import Event
    from xcatflow.model.logs import LogLine, LogsWanted
    from xcatflow.model.medium import OpenedMedium


class Refused(InvalidInput):
    """The words do not fit together; `usage` says whether the usage helps."""

    def __init__(self, text: str, *, usage: bool = False) -> None:
        super().__init__(text)
        self.usage = usage


class Editing(Protocol):
    """The definitions held against other writers: what was read stays true until this ends."""

    @property
    def definitions(self) -> "Definitions":
        """All definitions, as they are now. Raises InvalidInput."""
        ...

    def write(self, edits: "Sequence[Edit]", *, file: str = "") -> None:
        """Carry out edits, all or none: every file is whole before and after, and the definitions are valid after. New objects go to
        `file`, relative to the site, where one is named. Raises InvalidInput (also where a file was changed by somebody else
        meanwhile), nothing written."""
        ...


class Desk(Protocol):
    """The site a command works on."""

    @property
    def root(self) -> Path:
        """The site's directory."""
        ...

    @property
    def definitions(self) -> "Definitions":
        """All definitions. Raises InvalidInput."""
        ...

    def editing(self) -> AbstractContextManager[Editing]:
        """Take the definitions to change them. Raises Locked after a while of waiting, InvalidInput."""
        ...

    def call(self, call: "Call", heard: "Callable[[Sequence[Event]], None]") -> "Called":
        """Run steps on nodes, on record; `heard` gets the events as they happen, from one thread. Raises InvalidInput."""
        ...

    def logs(self, wanted: "LogsWanted", said: "Callable[[LogLine], bool]") -> Mapping[str, str]:
        """Read the logs of containers, until `said` tells that nobody reads them; what went wrong, by node. Raises InvalidInput."""
        ...

    def medium(self, path: Path) -> "AbstractContextManager[OpenedMedium]":
        """Open an installation medium: an ISO image, or a drive with a disc. Raises InvalidInput."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """Where a command runs. `stdin` gives the whole standard input, `piped` says whether that ends by itself: a file, or what another
    command prints, `terminal` whether standard output is one. Relative names begin at `cwd`."""

    desk: Desk
    talk: Talk
    stdin: Callable[[], str]
    environ: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = field(default_factory=Path)
    piped: bool = False
    terminal: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """`usage` begins with "Usage: NAME" and ends with a newline. `run` says everything by the context's `talk`; it may raise
    InvalidInput and Locked. `bare` is the exit code without any argument, None where that is nothing special; `versioned` puts the name
    before the version; `invalid_option` is said before the usage for a wrong flag."""

    name: str
    usage: str
    run: Callable[[Context, Arguments], None]
    flags: tuple[Flag, ...] = ()
    bare: int | None = None
    versioned: bool = False
    invalid_option: str = ""
    help: Callable[[Context, Arguments], None] | None = None
    """What `-h` prints instead of the usage, where it depends on other flags."""

    def __call__(self, words: Sequence[str], context: Context) -> int:
        """Run with the words behind its name; the exit code."""
        talk = context.talk
        if not words and self.bare is not None:
            if self.bare:
                talk.usage(self.usage)
            else:
                talk.say(self.usage.rstrip("\n"))
            return self.bare
        try:
            arguments = read_arguments(words, (*self.flags, Flag("h", "help"), Flag("?"), Flag("v", "version")))
        except UsageError:
            if self.invalid_option:
                talk.error(self.invalid_option)
            talk.usage(self.usage)
            return 1
        if "h" in arguments or "?" in arguments:
            self._run(self.help or self._tell_usage, context, arguments)
        elif "v" in arguments:
            talk.say(f"{self.name} - Version {__version__}" if self.versioned else f"Version {__version__}")
        else:
            self._run(self.run, context, arguments)
        return talk.code

    def _tell_usage(self, context: Context, _arguments: Arguments) -> None:
        context.talk.say(self.usage.rstrip("\n"))

    def _run(self, what: Callable[[Context, Arguments], None], context: Context, arguments: Arguments) -> None:
        try:
            what(context, arguments)
        except InvalidInput as error:
            context.talk.problems(error)
            if isinstance(error, Refused) and error.usage:
                context.talk.usage(self.usage)
        except Locked as error:
            context.talk.error(str(error))
