"""A machine with its two faces, SSH and Docker: looks from many lanes are gathered, answered together and handed back.

Looks that arrive while one is under way wait for it and travel together in the next: however many lanes meet at a machine, at most one
look is on its way, and none is asked alone that could share.
"""

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xcatflow.errors import ActFailed, CannotTell, Interrupted, XcatflowError
from xcatflow.model.image import canonical
from xcatflow.model.question import (
    Certificate,
    Container,
    ContainerDetails,
    ContainerFacts,
    Containers,
    Daemon,
    DockerNetwork,
    Execute,
    Image,
    ImageFacts,
    Question,
    Reply,
    Volume,
)
from xcatflow.model.question_images import RegistryFacts, RegistryImage, Unused
from xcatflow.transport.image_copy import digest_of, pull, put_back
from xcatflow.transport.ports import port_open
from xcatflow.transport.protocols import Authority, Docker, ImageWanted, RegistryAuth, ShellSession
from xcatflow.transport.unused import unused

if TYPE_CHECKING:
    from xcatflow.transport.looks import Section

Given = Mapping[Question[Any], object]
_SHORT_ID = re.compile(r"[0-9a-f]{4,64}")
_MOST_AT_ONCE = 8
"""Requests of one look that a daemon gets at the same time: more of them saturate it."""


@dataclass(slots=True)
class _Ticket:
    questions: tuple[Question[Any], ...]
    answers: Given | None = None


@dataclass(slots=True)
class Gather:
    """Merges looks that wait at the same time. `turn` is held while a look travels, and by whoever else owns the face."""

    look: Callable[[tuple[Question[Any], ...]], Given]
    turn: threading.Lock = field(default_factory=threading.Lock)
    _waiting: list[_Ticket] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, questions: Iterable[Question[Any]]) -> Given:
        ticket = _Ticket(tuple(questions))
        with self._guard:
            self._waiting.append(ticket)
        with self.turn:
            if ticket.answers is None:
                with self._guard:
                    batch, self._waiting = self._waiting, []
                answers = self._answer(tuple(dict.fromkeys(q for t in batch for q in t.questions)))
                for waiting in batch:
                    waiting.answers = answers
        assert ticket.answers is not None
        return ticket.answers

    def _answer(self, questions: tuple[Question[Any], ...]) -> Given:
        try:
            return self.look(questions)
        except Exception as error:  # a bug too: it is told where the answer is looked up, and other machines go on
            return dict.fromkeys(questions, error)


class ShellFace:
    """The SSH side of one machine. `connect` is called on first use and may raise what makes the face unusable."""

    def __init__(
        self, connect: Callable[[], ShellSession], authority: Callable[[], Authority], *, look_timeout_s: float
    ) -> None:
        self._connect, self._authority = connect, authority
        self._session: ShellSession | None = None
        self._opening = threading.Lock()
        self._look_timeout_s = look_timeout_s
        self.ask = Gather(self._look)

    def run(self, script: str, *, stdin: bytes, timeout_s: float) -> Reply:
        """One act; one at a time per machine."""
        with self.ask.turn:
            return self._open().act(script, stdin=stdin, timeout_s=timeout_s)

    def cancel(self) -> None:
        if self._session:
            self._session.cancel()

    def close(self) -> None:
        if self._session:
            self._session.close()

    def reconnect(self) -> None:
        """The next script travels over a new connection."""
        with self.ask.turn:
            self.close()

    def _open(self) -> ShellSession:
        with self._opening:
            if self._session is None:
                self._session = self._connect()
            return self._session

    def _look(self, questions: tuple[Question[Any], ...]) -> Given:
        # Who never asks a shell does not wait for what its answers are read with.
        from xcatflow.transport.looks import sections

        parts = sections(questions)
        replies = self._open().ask([part.script for part in parts], timeout_s=self._look_timeout_s)
        given: dict[Question[Any], object] = {}
        for part, reply in zip(parts, replies, strict=True):
            given.update(self._parse(part, reply))
        return given

    def _parse(self, part: "Section", reply: Reply) -> Given:
        reads_certificates = any(isinstance(question, Certificate) for question in part.questions)
        return part.parse(reply, self._authority().read if reads_certificates else _unread)


class DockerFace:
    """One daemon. `connect` is called on first use and may raise what makes the face unusable. `listed` are the images that it was last
    seen with, `pulled` what was pulled in this run: reference to digest."""

    def __init__(self, connect: Callable[[], Docker]) -> None:
        self._connect = connect
        self.listed: tuple[ImageFacts, ...] = ()
        self.pulled: dict[str, str] = {}
        self._daemon: Docker | None = None
        self._opening = threading.Lock()
        self.ask = Gather(self._look)

    @property
    def docker(self) -> Docker:
        with self._opening:
            if self._daemon is None:
                self._daemon = self._connect()
            return self._daemon

    def close(self) -> None:
        if self._daemon:
            self._daemon.close()

    def _look(self, questions: tuple[Question[Any], ...]) -> Given:
        docker = self.docker
        given: dict[Question[Any], object] = {}
        listings: tuple[tuple[Any, Callable[[], Callable[[Any], object]]], ...] = (
            (Daemon, lambda: _constant(docker.daemon())),
            ((Container, Containers), lambda: _one_or_all(docker.containers())),
            (DockerNetwork, lambda: _by_name({facts.name: facts for facts in docker.networks()})),
            (Image, lambda: _by_reference(self._list_images())),
            (Volume, lambda: _by_name({facts.name: facts for facts in docker.volumes()})),
        )
        for cls, listing in listings:
            if asked := [question for question in questions if isinstance(question, cls)]:
                given.update(_from_listing(asked, listing))
        if details := [question for question in questions if isinstance(question, ContainerDetails)]:
            given.update(_one_by_one(details, lambda question: docker.inspect_container(question.name)))
        if commands := [question for question in questions if isinstance(question, Execute)]:
            given.update(_one_by_one(commands, lambda question: _executed(docker, question)))
        if asked_for := [question for question in questions if isinstance(question, RegistryImage)]:
            given.update(_one_by_one(asked_for, self._in_registry))
        if leftovers := [question for question in questions if isinstance(question, Unused)]:
            given.update(_one_by_one(leftovers, lambda question: unused(docker, question)))
        return given

    def _list_images(self) -> tuple[ImageFacts, ...]:
        self.listed = self.docker.images()
        return self.listed

    def _in_registry(self, question: RegistryImage) -> RegistryFacts | None:
        auth = RegistryAuth(*question.auth) if question.auth else None
        digest = self.docker.registry_digest(question.reference, auth=auth)
        if digest is not None:
            return RegistryFacts(digest)
        pulled = self.pulled.get(question.reference)
        return None if pulled is None else RegistryFacts(pulled, pulled=True)


def _one_by_one(asked: list[Any], answer: Callable[[Any], object]) -> Given:
    """Answers of which each needs a request of its own."""
    with ThreadPoolExecutor(min(_MOST_AT_ONCE, len(asked))) as pool:
        found = pool.map(lambda question: _from_listing([question], lambda: _constant(answer(question))), asked)
        return {question: one for answers in found for question, one in answers.items()}


def _executed(docker: Docker, question: Execute) -> Reply:
    return docker.execute(
        question.container,
        question.command,
        timeout_s=question.timeout_s,
        user=question.user,
        directory=question.directory,
        environment=dict(question.environment),
    )


def _from_listing(asked: list[Question[Any]], listing: Callable[[], Callable[[Any], object]]) -> Given:
    try:
        find = listing()
    except ActFailed as error:
        return dict.fromkeys(asked, CannotTell(str(error)))
    except XcatflowError as error:
        return dict.fromkeys(asked, error)
    return {question: find(question) for question in asked}


@dataclass(frozen=True, slots=True)
class At:
    """A step's target while it acts: the two faces behind a name, with the step's own time limit. Implements contract.Target."""

    name: str
    shell: ShellFace
    daemon: DockerFace
    certificates: Callable[[], Authority]
    timeout_s: float
    stopping: threading.Event
    progress: Callable[[str], None] = lambda _text: None
    spread: Callable[[ImageWanted, Callable[[str], None]], str] | None = None

    def run(self, script: str, *, stdin: bytes = b"", timeout_s: float | None = None, check: bool = True) -> Reply:
        reply = self.shell.run(script, stdin=stdin, timeout_s=timeout_s or self.timeout_s)
        if check and reply.code:
            words = reply.complaint or reply.text
            last = words.splitlines()[-1] if words else "it said nothing"
            raise ActFailed(f"{self.name}: exit status {reply.code}: {last}", words)
        return reply

    def reconnect(self) -> None:
        self.shell.reconnect()

    def port_open(self, host: str, port: int) -> bool:
        return port_open(host, port)

    def pause(self, seconds: float) -> None:
        if self.stopping.wait(seconds):
            raise Interrupted("the run was stopped")

    def tell(self, text: str) -> None:
        self.progress(text)

    def fetch_image(self, wanted: ImageWanted, *, spread: bool = False) -> str:
        source = ""
        if spread and self.spread is not None:
            source = self.spread(wanted, self.tell)
        else:
            pull(self.docker, wanted, self.tell)
        self.daemon.pulled[wanted.reference] = digest_of(self.docker.inspect_image(wanted.reference), wanted.reference)
        return source

    def put_image_back(self, reference: str, id: str) -> None:
        put_back(self.docker, reference, id)

    @property
    def docker(self) -> Docker:
        return self.daemon.docker

    @property
    def authority(self) -> Authority:
        return self.certificates()


def _unread(_pem: str) -> None:
    raise AssertionError("no certificate was asked for")


def _constant(value: object) -> Callable[[Any], object]:
    return lambda _question: value


def _by_name(facts: Mapping[str, object]) -> Callable[[Any], object]:
    return lambda question: facts.get(question.name)


def _one_or_all(containers: tuple[ContainerFacts, ...]) -> Callable[[Any], object]:
    facts = {each.name: each for each in containers}
    return lambda question: containers if isinstance(question, Containers) else facts.get(question.name)


def _by_reference(images: Iterable[ImageFacts]) -> Callable[[Any], object]:
    known: dict[str, ImageFacts] = {}
    for image in images:
        for name in (image.id, *image.tags, *image.digests):
            known[name] = image
    return lambda question: known.get(canonical(question.reference)) or _by_short_id(known, question.reference)


def _by_short_id(known: Mapping[str, ImageFacts], reference: str) -> ImageFacts | None:
    """The image whose id begins so, where no image has the name: daemons take both."""
    if not _SHORT_ID.fullmatch(reference):
        return None
    found = {facts.id: facts for id, facts in known.items() if id.startswith(f"sha256:{reference}")}
    return next(iter(found.values())) if len(found) == 1 else None
