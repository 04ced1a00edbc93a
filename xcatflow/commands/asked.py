"""What somebody asks of `mkdef` and `chdef`: their words, and what they give as standard input."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.assignments import BadPair, read_operands
from xcatflow.commands.command import Context, Refused
from xcatflow.commands.stdin_objects import Given, read_objects
from xcatflow.load.plain import is_plain
from xcatflow.model.attributes import TYPES
from xcatflow.model.values import split_list

NO_NAMES = "No object names were provided."
INVALID_OPTION = "Invalid option.."

FLAGS = (
    Flag("a", "all"),
    Flag("d", "dynamic"),
    Flag("f", "force"),
    Flag("i", "attrs", "value"),
    Flag("m", "minus"),
    Flag("o", "objects", "value"),
    Flag("p", "plus"),
    Flag("t", "type", "value"),
    Flag("u"),
    Flag("V", "verbose"),
    Flag("w", "where", "value"),
    Flag("x", "xml"),
    Flag("z", "stanza"),
    Flag(long="file", takes="value"),
)
"""The flags of both commands. Some are known only so that their use can be answered."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`names` is None where nothing names the objects. `given` are the objects of standard input, None where it was not asked for.
    `terms` are the conditions of `-w`, `operation` the flag `p` or `m`."""

    types: tuple[str, ...] = ("node",)
    names: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    given: Given | None = None
    terms: tuple[str, ...] = ()
    dynamic: bool = False
    operation: str = ""
    completes: bool = False
    """Flag `-u`: an osimage is to be completed."""
    file: str = ""
    verbose: bool = False

    @property
    def names_objects(self) -> bool:
        """Is it said which objects are meant? The site needs no name."""
        return self.names is not None or self.given is not None or self.types == ("site",)


def types_of(arguments: Arguments, default: str) -> tuple[str, ...]:
    """The object types of `-t`. Raises Refused."""
    typed = arguments.value("t") if "t" in arguments else default
    types = split_list(typed)
    for name in types or (typed,):
        if name not in TYPES:
            raise Refused(f"Type '{name}' is not a valid xCAT object type.")
    return types


def read_asked(context: Context, arguments: Arguments) -> Asked:
    """Raises Refused. Standard input is read only where it is asked for."""
    for refusal in _refusals(arguments):
        raise refusal
    types = types_of(arguments, "osimage" if "u" in arguments else "node")
    if "u" in arguments and types != ("osimage",):
        raise Refused("The '-u' option is only valid for objects of type 'osimage'.")
    if ("w" in arguments or "d" in arguments) and types != ("group",):
        raise Refused("The '-w' and '-d' options are only valid for objects of type 'group'.")
    try:
        operands = read_operands(arguments.operands, named="o" in arguments)
    except BadPair as error:
        raise Refused(f"Incorrect 'attr=val' pair - {error}.") from None
    if len(types) > 1 and operands.values:
        raise Refused("Cannot combine multiple types with 'att=val' pairs on the command line.")
    names = arguments.value("o") if "o" in arguments else operands.names
    given = None
    if names is None and not operands.values and types != ("site",) and "z" not in arguments:
        given = _listing(context, types[0])
    elif "z" in arguments:
        if names is not None:
            raise Refused("Cannot use '-z' with '-o' or a noderange.")
        if operands.values:
            raise Refused("Cannot use '-z' with 'attr=val' pairs.")
        given = read_objects(context.stdin(), types[0])
    return Asked(
        types=types,
        names=names,
        values=operands.values,
        given=given,
        terms=arguments.values("w"),
        dynamic="d" in arguments,
        operation="p" if "p" in arguments else "m" if "m" in arguments else "",
        completes="u" in arguments,
        file=arguments.value("file"),
        verbose="V" in arguments,
    )


def _listing(context: Context, objtype: str) -> Given | None:
    """A plain listing that another command hands on. At a terminal nobody waits for one."""
    text = context.stdin() if context.piped else ""
    return read_objects(text, objtype) if is_plain(text) else None


def _refusals(arguments: Arguments) -> Iterator[Refused]:
    if "i" in arguments:
        yield Refused("The '-i' option is only valid for the lsdef command.")
    if "t" in arguments and any(flag in arguments for flag in "azx"):
        yield Refused("Cannot combine '-t' and '-a', '-z', or '-x' options.")
    if "x" in arguments:
        yield Refused(INVALID_OPTION, usage=True)
    if "z" in arguments and any(flag in arguments for flag in "wdu"):
        yield Refused("Cannot use '-z' with the '-w', '-d' or '-u' options.")
    if "a" in arguments:
        yield Refused(NO_NAMES, usage=True)
