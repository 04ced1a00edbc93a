"""The machines of a run: each SSH session and each daemon is opened once, on first use, and kept until the end."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from xcatflow.errors import XcatflowError
from xcatflow.model.question import Port, Question
from xcatflow.model.target import TargetRef
from xcatflow.transport.machine import At, DockerFace, ShellFace
from xcatflow.transport.ports import port_open
from xcatflow.transport.protocols import Authority, Docker, ShellSession
from xcatflow.transport.spread import Spread

_PORTS_AT_ONCE = 64


class Machines:
    """Faces of machines, by name and by endpoint. `open_shell(name)` and `open_docker(endpoint)` make the adapters."""

    def __init__(
        self,
        *,
        open_shell: Callable[[str], ShellSession],
        open_docker: Callable[[str], Docker],
        authority: Callable[[], Authority],
        stopping: threading.Event,
        look_timeout_s: float = 60.0,
    ) -> None:
        self._open_shell, self._open_docker, self._authority = open_shell, open_docker, authority
        self._stopping, self._look_timeout_s = stopping, look_timeout_s
        self._shells: dict[str, ShellFace] = {}
        self._daemons: dict[str, DockerFace] = {}
        self._guard = threading.Lock()
        self._cancelled = threading.Event()
        self._spread = Spread(self._opened, stopping, self._cancelled)

    def ask(self, face: tuple[str, str], questions: tuple[Question[Any], ...]) -> Mapping[Question[Any], object]:
        """One answer, or the exception that asking raised, for every question. Raises nothing of its own."""
        match face:
            case ("shell", name):
                return self._shell(name).ask(questions)
            case ("docker", endpoint):
                return self._daemon(endpoint).ask(questions)
        ports = [question for question in questions if isinstance(question, Port)]
        with ThreadPoolExecutor(_PORTS_AT_ONCE, "port") as pool:  # a silent one takes its whole time to be silent
            return dict(zip(ports, pool.map(lambda port: port_open(port.host, port.port), ports), strict=True))

    def target(self, ref: TargetRef, timeout_s: float, progress: Callable[[str], None] = lambda _text: None) -> At:
        """The target of a step; opens nothing yet. `progress` hears what is told of long acts."""
        return At(
            ref.name,
            self._shell(ref.name),
            self._daemon(ref.endpoint),
            self._authority,
            timeout_s,
            self._stopping,
            progress,
            partial(self._spread.obtain, ref.endpoint),
        )

    def cancel(self) -> None:
        """End every act that runs now: the second interrupt."""
        self._cancelled.set()
        for shell in tuple(self._shells.values()):
            with suppress(XcatflowError):
                shell.cancel()

    def close(self) -> None:
        for close in [face.close for face in self._shells.values()] + [face.close for face in self._daemons.values()]:
            with suppress(XcatflowError):
                close()

    def _shell(self, name: str) -> ShellFace:
        with self._guard:
            if name not in self._shells:
                self._shells[name] = ShellFace(
                    lambda: self._open_shell(name), self._authority, look_timeout_s=self._look_timeout_s
                )
            return self._shells[name]

    def _opened(self) -> dict[str, DockerFace]:
        with self._guard:
            return dict(self._daemons)

    def _daemon(self, endpoint: str) -> DockerFace:
        with self._guard:
            if endpoint not in self._daemons:
                self._daemons[endpoint] = DockerFace(lambda: self._open_docker(endpoint))
            return self._daemons[endpoint]
