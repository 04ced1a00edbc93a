"""Builds the adapters of a site: which files SSH and TLS use, where secrets and the CA are, what the controller's desk offers."""

import os
import tempfile
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from xcatflow.engine.scope import Scope
from xcatflow.engine.secrets import Redactor
from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import Definitions
from xcatflow.model.duration import seconds
from xcatflow.model.site import STATE
from xcatflow.transport.protocols import Authority, Docker, ShellSession, Traffic

if TYPE_CHECKING:
    from xcatflow.transport.docker_http import DockerTimeouts

T = TypeVar("T")

_NO = ("false", "no", "n", "0", "off")


@dataclass(slots=True)
class Wiring:
    """The adapters of one run. With `rehearse` nothing is written to the site: a CA that does not exist yet is made up for the time.
    `user` is who logs in to machines, where that is not for the SSH configuration to say."""

    root: Path
    definitions: Definitions
    redactor: Redactor
    rehearse: bool = False
    accept_new: bool = False
    user: str = ""
    traffic: Traffic = field(default_factory=Traffic)
    _kept: dict[Hashable, Any] = field(default_factory=dict)
    _authority: Any = None
    _connector: Any = None
    _guard: threading.RLock = field(default_factory=threading.RLock)
    _passing: "tempfile.TemporaryDirectory[str] | None" = None

    def shell(self, name: str) -> ShellSession:
        """The SSH session of a node; opens nothing yet."""
        from xcatflow.transport.ssh import SshSession

        return SshSession(name, self._ssh_connector(), self.traffic)

    def docker(self, text: str) -> Docker:
        """The daemon at an endpoint; raises Unreachable at first use, InvalidInput when TLS files are missing or the version of the API
        that DOCKER_API_VERSION asks for is none."""
        from xcatflow.model.endpoint import parse_endpoint
        from xcatflow.transport.docker import DockerDaemon

        endpoint = parse_endpoint(text)
        address = self._address(endpoint.machine or "")
        site = self.definitions.site
        return DockerDaemon(
            endpoint,
            address=address,
            tls=self._tls() if endpoint.tls else None,
            traffic=self.traffic,
            timeouts=_timeouts(site),
            check_names=site.get("tls_hostname_check", "").strip().lower() not in _NO,
            pin=os.environ.get("DOCKER_API_VERSION"),
        )

    def authority(self) -> Authority:
        """The site's CA, made on first use."""
        return self._site_authority()  # type: ignore[no-any-return]

    def secret(self, name: str) -> str | None:
        """The secret `name`: from the environment (`XCATFLOW_SECRET_NAME`), else from the site's `secrets/NAME`, which only its owner
        may be able to read. None when there is neither; raises InvalidInput when others can read the file."""
        value = os.environ.get(f"XCATFLOW_SECRET_{name.upper().replace('-', '_')}")
        path = self.root / "secrets" / name
        if value is None and path.is_file():
            if path.stat().st_mode & 0o077:
                raise InvalidInput(f'the secret file "secrets/{name}" can be read by others: chmod 600 it')
            try:
                value = path.read_text().rstrip("\n")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
                raise InvalidInput(f'cannot read the secret file "secrets/{name}": {reason.lower()}') from None
        self.redactor.learn(value or "")
        return value

    def desk(self, scope: Scope) -> "SiteDesk":
        return SiteDesk(self.root, scope, self.authority, self._kept)

    def counted(self) -> dict[str, Any]:
        """The traffic so far, as plain data."""
        return asdict(self.traffic)

    def close(self) -> None:
        if self._connector:
            self._connector.close()
        if self._passing:
            self._passing.cleanup()

    def _ssh_connector(self) -> Any:
        """What all SSH sessions of the run share: configuration and known keys are read once, jump hosts are connected once."""
        from xcatflow.transport.ssh_connect import Connector, SshSettings

        with self._guard:
            if self._connector is None:
                home, system = Path.home() / ".ssh", Path("/etc/ssh")
                settings = SshSettings(
                    config_files=(self.root / "ssh" / "config", home / "config", system / "ssh_config"),
                    known_hosts=(
                        self.root / "ssh" / "known_hosts",
                        home / "known_hosts",
                        system / "ssh_known_hosts",
                    ),
                    accept_new=self.accept_new,
                    user=self.user,
                )
                self._connector = Connector(settings, self._address)
            return self._connector

    def _address(self, name: str) -> str | None:
        """The `ip` of a node."""
        return self.definitions.value(name, "ip") if name in self.definitions.nodes else None

    def _site_authority(self) -> Any:
        from xcatflow.transport.pki import SiteAuthority

        with self._guard:
            if self._authority is None:
                directory = self.root / STATE / "pki"
                passing = None
                if self.rehearse:
                    self._passing = tempfile.TemporaryDirectory(prefix="xcatflow-plan-")
                    passing = Path(self._passing.name)
                    if not (directory / "ca.pem").exists():
                        directory, passing = passing / "pki", None
                self._authority = SiteAuthority(directory, given=self._given_ca(), passing=passing)
            return self._authority

    def _given_ca(self) -> tuple[Path, Path] | None:
        """The files of a CA that the site has elsewhere. Raises InvalidInput where one of the two is not named."""
        names = ("tls_ca_certificate", "tls_ca_key")
        paths = [self.definitions.site.get(name, "").strip() for name in names]
        if bool(paths[0]) != bool(paths[1]):
            there, lacking = names if paths[0] else names[::-1]
            raise InvalidInput(
                f'the site names "{there}" but not "{lacking}": a CA is used by both, certificate and key'
            )
        return (self.root / paths[0], self.root / paths[1]) if paths[0] else None

    def _tls(self) -> Any:
        from xcatflow.transport.tls import find_tls_files

        own = self._authority is not None or self._given_ca() or (self.root / STATE / "pki" / "ca.pem").exists()
        if own and not os.environ.get("DOCKER_CERT_PATH"):
            return self._site_authority().client_files()
        return find_tls_files(None, environ=os.environ, home=Path.home())


def _timeouts(site: Mapping[str, str]) -> "DockerTimeouts":
    """The limits of time for requests to daemons, as the site sets them. Raises InvalidInput."""
    from xcatflow.transport.docker_http import DockerTimeouts

    found: dict[str, float] = {}
    for name, attribute in (
        ("connect_s", "dockerconnecttimeout"),
        ("request_s", "dockertimeout"),
        ("stall_s", "dockerstalltimeout"),
    ):
        if text := site.get(attribute, ""):
            try:
                found[name] = seconds(text)
            except ValueError as error:
                raise InvalidInput(f'"{attribute}" of the site: {error}') from None
    return DockerTimeouts(**found)


@dataclass(frozen=True, slots=True)
class SiteDesk:
    """Implements contract.Desk for one step of one node."""

    root: Path
    scope: Scope
    make_authority: Callable[[], Authority]
    kept: dict[Hashable, Any]
    """What steps of the run made once."""

    def path(self, name: str) -> Path:
        path = Path(os.path.normpath(self.root / name))
        if not Path(name).is_absolute() and not path.is_relative_to(self.root):
            raise InvalidInput(f'"{name}" leaves the site: give a path inside it, or an absolute one')
        return path

    def read(self, name: str) -> str:
        try:
            return self.path(name).read_text()
        except OSError as error:
            raise InvalidInput(f'cannot read the file "{name}" of the site: {error.strerror}') from None
        except UnicodeDecodeError:
            raise InvalidInput(f'the file "{name}" of the site is no UTF-8 text') from None

    def render(self, name: str, variables: Mapping[str, Any]) -> str:
        from xcatflow.load.template import render

        path = self.path(name)
        if not path.is_file():
            raise InvalidInput(f'no template "{name}" in the site')
        shown = path.parent.relative_to(self.root) if path.is_relative_to(self.root) else path.parent
        return render(path.parent, path.name, self.scope, variables, shown=shown)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        if key not in self.kept:
            self.kept[key] = make()
        return cast(T, self.kept[key])

    @property
    def node(self) -> str:
        return self.scope.node

    @property
    def definitions(self) -> Definitions:
        return self.scope.definitions

    @property
    def authority(self) -> Authority:
        return self.make_authority()
