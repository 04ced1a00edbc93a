"""`file.present`: a file with this content, mode and owner is on the machine."""

from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from hashlib import sha256
from shlex import quote
from typing import Any, ClassVar

from pydantic import Field, model_validator

from xcatflow.contract import Desk, Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo, InvalidInput
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, File, FileFacts, Question
from xcatflow.steps.place import (
    AbsolutePath,
    Mode,
    Owner,
    change_rights,
    checked,
    diff_of,
    place_file,
    rights_changes,
)


class FileParams(Params):
    """Exactly one of `content`, `content_base64`, `template` and `source` says what is in the file."""

    path: AbsolutePath = Field(description="Where the file is on the machine.")
    content: str | None = Field(None, description="The text in the file, as it is.")
    content_base64: str | None = Field(None, description="The bytes in the file, in base64: for what is no text.")
    template: str | None = Field(None, description="A Jinja2 template of the site; it sees the node and `vars`.")
    vars: dict[str, Any] = Field(default_factory=dict, description="Variables for the template.")
    source: str | None = Field(None, description="A file of the site, copied as it is.")
    mode: Mode | None = Field(
        None,
        description='Permission bits as octal text, such as "0644". Left out: as they are, "0644" for a new file.',
    )
    owner: Owner | None = Field(None, description="User, by name or number. Left out: as it is, root for a new file.")
    group: Owner | None = Field(None, description="Group, by name or number. Left out: as it is, root for a new file.")
    backup: bool = Field(False, description="Keep the file that is replaced as `PATH~`.")
    sensitive: bool = Field(False, description="Show no content in plans and reports.")

    @model_validator(mode="after")
    def _one_content(self) -> "FileParams":
        names = ("content", "content_base64", "template", "source")
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(f'"{name}"' for name in given) or "none"
            raise ValueError(
                f'expected exactly one of "content", "content_base64", "template", "source", found {found}'
            )
        if self.vars and self.template is None:
            raise ValueError('"vars" are for a "template"')
        if self.content_base64 is not None:
            try:
                b64decode(self.content_base64, validate=True)
            except BadBase64 as error:
                raise ValueError(f'"content_base64" is no base64: {error}') from None
        return self


class FilePresent(Step[FileParams, FileFacts]):
    """Written whole and atomically: readers see the old file or the new one."""

    kind = "file.present"
    params: ClassVar[type[Params]] = FileParams

    def prepare(self, want: FileParams, desk: Desk) -> FileParams:
        if want.template is not None:
            content = desk.render(want.template, want.vars)
            return want.model_copy(update={"content": content, "template": None, "vars": {}})
        if want.source is not None:
            return want.model_copy(update={**_contents(desk, want.source), "source": None})
        return want

    def ask(self, want: FileParams) -> tuple[Question[Any], ...]:
        return (_question(want),)

    def seen(self, answers: Answers, want: FileParams) -> FileFacts | None:
        return answers[_question(want)]

    def plan(self, seen: FileFacts | None, want: FileParams) -> tuple[Change, ...]:
        what = f"file {want.path}"
        new = _payload(want)
        if seen is None:
            return (Change(Verb.CREATE, what, diff=_diff(want, b"", new)),)
        match seen.sort:
            case "link":
                why = f"a symbolic link to {seen.link} is in its place"
                return (Change(Verb.REPLACE, what, why=why, diff=_diff(want, b"", new)),)
            case "directory" | "other":
                sort = "directory" if seen.sort == "directory" else "device, pipe or socket"
                raise ActFailed(f'expected a file or nothing at "{want.path}", found a {sort}: move it out of the way')
        changes = rights_changes(what, seen, mode=want.mode, owner=want.owner, group=want.group)
        if seen.sha256 != sha256(new).hexdigest():
            old = seen.content
            note = (
                f"the old content is too large to be shown ({seen.size_bytes} bytes)\n"
                if old is None and not want.sensitive
                else ""
            )
            diff = note or _diff(want, old or b"", new)
            changes.insert(0, Change(Verb.UPDATE, what, "content", diff=diff))
        return tuple(changes)

    def apply(self, at: Target, want: FileParams, seen: FileFacts | None, change: Change) -> None:
        if change.field in ("mode", "owner", "group"):
            change_rights(at, want.path, change.field, change.after or "")
            return
        _place(at, want, seen, _payload(want), wanted=True)

    def undo(self, at: Target, want: FileParams, seen: FileFacts | None, change: Change) -> None:
        match change.field:
            case "mode" | "owner" | "group":
                change_rights(at, want.path, change.field, change.before or "")
            case "" if seen is None:
                checked(at, f"rm -f -- {quote(want.path)}", f'cannot remove "{want.path}"')
            case "" if seen and seen.link is not None:
                script = f"ln -sfn -- {quote(seen.link)} {quote(want.path)}"
                checked(at, script, f'cannot make the link "{want.path}" again')
            case _ if seen and seen.content is not None:
                _place(at, want, seen, seen.content, wanted=False)
            case _ if want.backup:
                path = quote(want.path)
                checked(at, f"mv -f -- {path}~ {path}", f'cannot take "{want.path}~" back')
            case _:
                raise CannotUndo(f'the old content of "{want.path}" is not known: it was too large, or is sensitive')

    def outputs(self, seen: FileFacts | None, want: FileParams) -> dict[str, str]:
        return {"path": want.path}


def _question(want: FileParams) -> File:
    """The old content is fetched for the diff only, so never that of a sensitive file."""
    return File(want.path, None if want.sensitive else sha256(_payload(want)).hexdigest())


def _payload(want: FileParams) -> bytes:
    if want.content_base64 is not None:
        return b64decode(want.content_base64)
    if want.content is not None:
        return want.content.encode()
    raise InvalidInput(f'"{want.path}" has no content yet: it was not prepared')


def _contents(desk: Desk, source: str) -> dict[str, str]:
    try:
        data = desk.path(source).read_bytes()
    except OSError as error:
        raise InvalidInput(f'cannot read "{source}": {error.strerror}') from None
    try:
        return {"content": data.decode()}
    except UnicodeDecodeError:
        return {"content_base64": b64encode(data).decode()}


def _place(at: Target, want: FileParams, seen: FileFacts | None, content: bytes, *, wanted: bool) -> None:
    """Write `content` with the wanted rights, or with those that were there; rights that nobody asked for stay."""
    old = seen if seen and seen.sort == "file" else None
    mode, owner, group = (want.mode, want.owner, want.group) if wanted else (None, None, None)
    place_file(
        at,
        want.path,
        content,
        mode=mode or (f"{old.mode:04o}" if old else "0644"),
        owner=owner or (str(old.uid if old.uid is not None else old.owner) if old else None),
        group=group or (str(old.gid if old.gid is not None else old.group) if old else None),
        backup=want.backup and wanted,
    )


def _diff(want: FileParams, old: bytes, new: bytes) -> str:
    """Empty for a sensitive file."""
    return "" if want.sensitive else diff_of(want.path, old, new)
