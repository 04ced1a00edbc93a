"""`kernel.module`: a module of the kernel is loaded, now and after each start.

What is built into the kernel counts as loaded.

Source: modprobe(8), modules-load.d(5), modprobe.d(5); /sys/module has what is loaded or built in, modules.builtin what is built in.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from shlex import quote
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from xcatflow.contract import Step, Target
from xcatflow.errors import ActFailed, CannotTell, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, File, FileFacts, Question, Shell
from xcatflow.steps.given import LenientParams
from xcatflow.steps.place import checked, place_file
from xcatflow.steps.sorts import need_file


def _name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise ValueError(f'expected the name of a kernel module such as "br_netfilter", found "{name}"')
    return name.replace("-", "_")


def _options(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"expected options of one line, found {text!r}")
    return text.strip()


class ModuleParams(LenientParams):
    """One module."""

    name: Annotated[str, AfterValidator(_name)] = Field(description="Its name, such as `br_netfilter`.")
    options: Annotated[str, AfterValidator(_options)] = Field(
        "", description="Its options, such as `numifbs=2`; they take effect when it is loaded the next time."
    )
    at_boot: bool = Field(True, description="Load it at each start too.")
    state: Literal["present", "absent"] = Field(
        "present", description="`absent` unloads it, and no longer loads it at start."
    )

    @property
    def files(self) -> dict[str, str]:
        """Paths and what is to be in them; nothing where the file is not to be there."""
        here = self.state == "present"
        return {
            f"/etc/modules-load.d/xcatflow-{self.name}.conf": f"{self.name}\n" if here and self.at_boot else "",
            f"/etc/modprobe.d/xcatflow-{self.name}.conf": f"options {self.name} {self.options}\n"
            if here and self.options
            else "",
        }


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """Where a module is: `loaded`, `builtin`, `available` to be loaded, or `missing`; the kernel's release; our files by path."""

    state: str
    kernel: str = ""
    files: tuple[FileFacts | None, ...] = (None, None)


_LOOK = """\
k=$(uname -r) || exit 1
echo "$k"
if [ -d "/sys/module/$n" ]; then
  if grep -q "^$n " /proc/modules 2>/dev/null; then echo loaded; else echo builtin; fi
elif grep -Eq "/$p\\.ko" "/lib/modules/$k/modules.builtin" 2>/dev/null; then echo builtin
elif command -v modprobe >/dev/null && modprobe -n -q -- "$n" 2>/dev/null; then echo available
else echo missing; fi
"""


class KernelModule(Step[ModuleParams, ModuleFacts]):
    """Loaded by `modprobe`, which loads what it depends on."""

    kind = "kernel.module"
    params: ClassVar[type[ModuleParams]] = ModuleParams

    def ask(self, want: ModuleParams) -> tuple[Question[Any], ...]:
        return (_question(want), *_files(want))

    def seen(self, answers: Answers, want: ModuleParams) -> ModuleFacts | None:
        reply = answers[_question(want)]
        lines = reply.text.split("\n")
        if reply.code or len(lines) != 2:
            raise CannotTell(f'cannot look up the module "{want.name}": {reply.complaint or f"status {reply.code}"}')
        return ModuleFacts(lines[1], lines[0], tuple(answers[question] for question in _files(want)))

    def plan(self, seen: ModuleFacts | None, want: ModuleParams) -> tuple[Change, ...]:
        assert seen is not None
        what = f"module {want.name}"
        changes = []
        for (path, text), facts in zip(want.files.items(), seen.files, strict=True):
            need_file(path, facts)
            if not text and facts:
                changes.append(Change(Verb.REMOVE, f"file {path}"))
            elif text and (facts is None or facts.sha256 != _sum(text)):
                changes.append(Change(Verb.UPDATE if facts else Verb.CREATE, f"file {path}", "", None, text.strip()))
        if want.state == "absent":
            if seen.state == "builtin":
                raise ActFailed(f'"{want.name}" is built into kernel {seen.kernel}: it cannot be removed')
            return (*changes, *((Change(Verb.REMOVE, what),) if seen.state == "loaded" else ()))
        if seen.state == "missing":
            raise ActFailed(
                f'there is no module "{want.name}" for kernel {seen.kernel}: check the name, install the package that has it '
                f"(linux-modules-extra-{seen.kernel} on Ubuntu, kernel-modules-extra on RHEL), or start the newer kernel"
            )
        return (*changes, *((Change(Verb.LOAD, what),) if seen.state == "available" else ()))

    def apply(self, at: Target, want: ModuleParams, seen: ModuleFacts | None, change: Change) -> None:
        if change.what == f"module {want.name}":
            _switch(at, want.name, load=change.verb is Verb.LOAD)
            return
        path = change.what.removeprefix("file ")
        _put(at, path, want.files[path].encode())

    def undo(self, at: Target, want: ModuleParams, seen: ModuleFacts | None, change: Change) -> None:
        assert seen is not None
        if change.what == f"module {want.name}":
            _switch(at, want.name, load=change.verb is not Verb.LOAD)
            return
        path = change.what.removeprefix("file ")
        facts = dict(zip(want.files, seen.files, strict=True))[path]
        if facts and facts.content is None:
            raise CannotUndo(f'what was in "{path}" is not known')
        _put(at, path, (facts.content if facts else None) or b"")

    def outputs(self, seen: ModuleFacts | None, want: ModuleParams) -> dict[str, str]:
        return {"kernel": seen.kernel} if seen else {}


def _question(want: ModuleParams) -> Shell:
    pattern = want.name.replace("_", "[_-]")
    return Shell(f"n={want.name} p={quote(pattern)}\n{_LOOK}")


def _files(want: ModuleParams) -> tuple[File, ...]:
    return tuple(File(path, _sum(text) if text else "") for path, text in want.files.items())


def _sum(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _put(at: Target, path: str, content: bytes) -> None:
    if not content:
        checked(at, f"rm -f -- {quote(path)}", f'cannot remove "{path}"')
        return
    checked(at, f"mkdir -p -- {quote(path.rpartition('/')[0])}", f'cannot make the directory of "{path}"')
    place_file(at, path, content)


def _switch(at: Target, name: str, *, load: bool) -> None:
    command = f"modprobe -- {name}" if load else f"modprobe -r -- {name}"
    checked(at, command, f'cannot {"load" if load else "unload"} the module "{name}"')
