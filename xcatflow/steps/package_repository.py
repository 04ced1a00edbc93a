"""`package.repository`: the machine's package manager knows a repository, and trusts it by a key."""

from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from dataclasses import dataclass
from hashlib import sha256
from shlex import quote
from typing import Any, ClassVar

from xcatflow.contract import Desk, Params, Step, Target
from xcatflow.errors import CannotTell, InvalidInput, XcatflowError
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, File, FileFacts, Question, Shell
from xcatflow.steps.packages.manager import Manager
from xcatflow.steps.packages.openpgp import armoured, fingerprints, grouped
from xcatflow.steps.packages.repository_params import RepositoryParams, fetch_words, key_path, source_path, source_text
from xcatflow.steps.place import checked, diff_of, place_file

_FETCH_S = 20
_FETCH = """\
url=URL t=$(mktemp -d) || exit 1
trap 'rm -rf -- "$t"' EXIT
if command -v curl >/dev/null; then
  curl -fsSL --proto =https --proto-redir =https --max-time SECONDS -o "$t/key" -- "$url" || exit 1
elif command -v wget >/dev/null; then wget -q --https-only -T SECONDS -t 1 -O "$t/key" -- "$url" || { echo "wget failed" >&2; exit 1; }
elif [ -x /usr/lib/apt/apt-helper ]; then
  chmod 755 "$t"
  /usr/lib/apt/apt-helper -o Acquire::http::Timeout=SECONDS -o Acquire::Retries=0 download-file "$url" "$t/key" >"$t/said" 2>&1 ||
    { tail -n 1 "$t/said" >&2; exit 1; }
else echo "it has neither curl nor wget" >&2; exit 1; fi
head -c 1000000 "$t/key" | base64
"""


@dataclass(frozen=True, slots=True)
class RepositoryFiles:
    """The repository's two files as they stand, None: not there; and the key as its URL has it, None where it was not asked."""

    source: FileFacts | None
    key: FileFacts | None
    fetched: bytes | None = None


class PackageRepository(Step[RepositoryParams, RepositoryFiles]):
    """A source is put in place only together with its key, and stays only when its index can be fetched."""

    kind = "package.repository"
    params: ClassVar[type[Params]] = RepositoryParams

    def prepare(self, want: RepositoryParams, desk: Desk) -> RepositoryParams:
        if want.key is not None:
            try:
                key = desk.path(want.key).read_bytes()
            except OSError as error:
                raise InvalidInput(f'cannot read the key "{want.key}": {error.strerror}') from None
            return _with_key(want, key, f'"{want.key}"')
        return want if want.own_key is None else _with_key(want, want.own_key, '"key_base64"')

    def ask(self, want: RepositoryParams) -> tuple[Question[Any], ...]:
        return (_source_question(want), *((_key_question(want),) if want.keyed else ()))

    def ask_more(self, answers: Answers, want: RepositoryParams) -> tuple[Question[Any], ...]:
        """The key itself, where the machine has none that will do."""
        if want.key_url is None or _will_do(answers[_key_question(want)], want):
            return ()
        return (_fetch_question(want.key_url),)

    def seen(self, answers: Answers, want: RepositoryParams) -> RepositoryFiles | None:
        source = answers[_source_question(want)]
        key = answers[_key_question(want)] if want.keyed else None
        fetched = _fetched(answers, want) if self.ask_more(answers, want) else None
        return RepositoryFiles(source, key, fetched) if source or key or fetched else None

    def plan(self, seen: RepositoryFiles | None, want: RepositoryParams) -> tuple[Change, ...]:
        seen = seen or RepositoryFiles(None, None)
        text = source_text(want).encode()
        same_source = seen.source is not None and seen.source.sha256 == sha256(text).hexdigest()
        same_key = not want.keyed or _same_key(seen, want)
        if same_source and same_key:
            return ()
        old = (seen.source.content if seen.source else b"") or b""
        diff = "" if same_source else diff_of(source_path(want), old, text)
        why = "" if same_key or seen.key is None else "its key differs"
        signers = "" if same_key else _signers(want.own_key if seen.fetched is None else seen.fetched)
        verb = Verb.UPDATE if seen.source else Verb.CREATE
        return (Change(verb, f"repository {want.name}", after=signers or None, why=why, diff=diff),)

    def apply(self, at: Target, want: RepositoryParams, seen: RepositoryFiles | None, change: Change) -> None:
        key = _wanted_key(seen, want)
        if key is not None:
            folder = quote(key_path(want).rpartition("/")[0])
            checked(at, f"umask 022; mkdir -p -- {folder}", "cannot make the directory of keys")
            place_file(at, key_path(want), key)
        if want.family == "zypper" and want.keyed:
            # zypper would ask whether the key may be trusted, and takes silence for no.
            checked(at, f"rpm --import {quote(key_path(want))}", "cannot import the key")
        place_file(at, source_path(want), source_text(want).encode())
        try:
            Manager(at=at).fetch(want.family, fetch_words(want), f'cannot fetch the index of repository "{want.name}"')
        except XcatflowError:
            # A source that stayed would look converged the next time, and break every later refresh.
            self.undo(at, want, seen, change)
            raise

    def undo(self, at: Target, want: RepositoryParams, seen: RepositoryFiles | None, change: Change) -> None:
        source = seen.source if seen else None
        if source and source.content is not None:
            place_file(at, source_path(want), source.content)
        elif source is None:
            checked(at, f"rm -f -- {quote(source_path(want))}", f'cannot remove repository "{want.name}"')
        key = seen.key if seen else None
        if key and key.content is not None:
            place_file(at, key_path(want), key.content)


def _with_key(want: RepositoryParams, key: bytes, where: str) -> RepositoryParams:
    """With the key as its file on the machine has it: rpm takes text only. Raises InvalidInput."""
    _check(key, where, want)
    text = key if want.family == "apt" else armoured(key)
    return want.model_copy(update={"key": None, "key_base64": b64encode(text).decode()})


def _check(key: bytes, where: str, want: RepositoryParams) -> None:
    """Raises InvalidInput where it is no key, or not the one that was named."""
    try:
        found = fingerprints(key)
    except ValueError as error:
        raise InvalidInput(f"{error}, in {where}") from None
    if want.fingerprint and want.fingerprint not in found:
        raise InvalidInput(
            f"expected the key with the fingerprint {grouped(want.fingerprint)} in {where}, "
            f"found {', '.join(map(grouped, found))}: install nothing signed by it before you know why"
        )


def _will_do(key: FileFacts | None, want: RepositoryParams) -> bool:
    """Is the machine's own copy of a key that has a URL usable, and the one that was named?"""
    try:
        found = fingerprints((key.content if key else b"") or b"")
    except ValueError:
        return False
    return want.fingerprint is None or want.fingerprint in found


def _same_key(seen: RepositoryFiles, want: RepositoryParams) -> bool:
    if want.key_url is not None:
        return seen.fetched is None and _will_do(seen.key, want)
    return seen.key is not None and seen.key.sha256 == sha256(want.own_key or b"").hexdigest()


def _wanted_key(seen: RepositoryFiles | None, want: RepositoryParams) -> bytes | None:
    """What is to be written as key; None where it is there, or the machine's own do."""
    fetched = seen.fetched if seen else None
    return want.own_key if fetched is None else armoured(fetched)


def _signers(key: bytes | None) -> str:
    try:
        return f"signed by {', '.join(map(grouped, fingerprints(key)))}" if key else ""
    except ValueError:
        return ""


def _fetch_question(url: str) -> Shell:
    return Shell(_FETCH.replace("URL", quote(url), 1).replace("SECONDS", str(_FETCH_S)))


def _fetched(answers: Answers, want: RepositoryParams) -> bytes:
    """The key as its URL has it. Raises CannotTell where it cannot be had, InvalidInput where it is none."""
    assert want.key_url is not None
    reply = answers[_fetch_question(want.key_url)]
    if reply.code or not reply.text:
        words = (reply.complaint.splitlines() or ["no answer"])[-1]
        raise CannotTell(f'cannot get the key "{want.key_url}" of repository "{want.name}": {words}')
    try:
        key = b64decode("".join(reply.text.split()), validate=True)
    except BadBase64:
        raise CannotTell(f'cannot get the key "{want.key_url}": no usable answer') from None
    _check(key, f'"{want.key_url}"', want)
    return key


def _source_question(want: RepositoryParams) -> File:
    return File(source_path(want), sha256(source_text(want).encode()).hexdigest())


def _key_question(want: RepositoryParams) -> File:
    own = want.own_key
    return File(key_path(want), "" if own is None else sha256(own).hexdigest())
