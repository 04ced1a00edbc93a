"""`directory.present`: a directory with this mode and owner is on the machine."""

from shlex import quote
from typing import Any, ClassVar

from pydantic import Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, File, FileFacts, Question
from xcatflow.steps.place import AbsolutePath, Mode, Owner, change_rights, checked, rights_changes


class DirectoryParams(Params):
    """One directory."""

    path: AbsolutePath = Field(description="Where the directory is on the machine.")
    mode: Mode | None = Field(
        None,
        description='Permission bits as octal text, such as "0755". Left out: as they are, "0755" for a new one.',
    )
    owner: Owner | None = Field(None, description="User, by name or number. Left out: as it is, root for a new one.")
    group: Owner | None = Field(None, description="Group, by name or number. Left out: as it is, root for a new one.")
    parents: bool = Field(False, description='Make missing parents too, with mode "0755" and belonging to root.')


class DirectoryPresent(Step[DirectoryParams, FileFacts]):
    """What is in the directory is left alone."""

    kind = "directory.present"
    params: ClassVar[type[Params]] = DirectoryParams

    def ask(self, want: DirectoryParams) -> tuple[Question[Any], ...]:
        return (_question(want),)

    def seen(self, answers: Answers, want: DirectoryParams) -> FileFacts | None:
        return answers[_question(want)]

    def plan(self, seen: FileFacts | None, want: DirectoryParams) -> tuple[Change, ...]:
        what = f"directory {want.path}"
        if seen is None:
            return (Change(Verb.CREATE, what),)
        match seen.sort:
            case "directory":
                return tuple(rights_changes(what, seen, mode=want.mode, owner=want.owner, group=want.group))
            case "link":
                found = f'a symbolic link to "{seen.link}": name the directory itself'
            case "file":
                found = "a file: move it out of the way"
            case _:
                found = "a device, pipe or socket: move it out of the way"
        raise ActFailed(f'expected a directory or nothing at "{want.path}", found {found}')

    def apply(self, at: Target, want: DirectoryParams, seen: FileFacts | None, change: Change) -> None:
        if change.field:
            change_rights(at, want.path, change.field, change.after or "")
            return
        path = quote(want.path)
        parent = quote(want.path.rpartition("/")[0] or "/")
        lines = ["set -eu; umask 022"]
        if want.parents:
            lines.append(f"mkdir -p -- {parent}")
        # Nobody may look in before the rights are those wanted.
        lines.append(f"mkdir -m 0700 -- {path}")
        if want.owner:
            lines.append(f"chown -- {quote(want.owner)} {path}")
        if want.group:
            lines.append(f"chgrp -- {quote(want.group)} {path}")
        lines.append(f"chmod -- {want.mode or '0755'} {path}")
        lines.append(f"if command -v restorecon >/dev/null; then restorecon -- {path}; fi")
        checked(at, "\n".join(lines), f'cannot make the directory "{want.path}"')

    def undo(self, at: Target, want: DirectoryParams, seen: FileFacts | None, change: Change) -> None:
        if change.field:
            change_rights(at, want.path, change.field, change.before or "")
            return
        reply = at.run(f"rmdir -- {quote(want.path)}", check=False)
        if reply.code:
            raise CannotUndo(f'the directory "{want.path}" stays: {reply.complaint}')

    def outputs(self, seen: FileFacts | None, want: DirectoryParams) -> dict[str, str]:
        return {"path": want.path}


def _question(want: DirectoryParams) -> File:
    return File(want.path, digest=False)
