"""The image that hosts are started from: a minimal Debian with systemd and sshd, otherwise bare.

The package lists and the packages that make a Docker host are in its apt cache, not installed: provisioning a host takes seconds and hardly
needs the network. Host keys are not in it; every host gets its own. It is named after what it was made from, kept as an archive in the
user's cache, and made again only when that changes.

Source: debootstrap(8); systemd's container interface (container=docker, an empty /etc/machine-id means first boot).
"""

import hashlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from xcatflow.errors import ActFailed
from xcatflow.lab import apt
from xcatflow.lab.commands import hint, logged
from xcatflow.lab.engine import Engine
from xcatflow.lab.places import Places
from xcatflow.lab.state import locked

RECIPE = 2
"""To be raised when what is done to the tree changes: images are named after their recipe."""
REPOSITORY = "xcatflow-lab-host"
INCLUDED = (
    "systemd", "systemd-sysv", "dbus", "openssh-server", "iproute2", "iputils-ping", "ca-certificates", "kmod", "procps",
)  # fmt: skip
FETCHED = (
    "docker.io", "iputils-arping", "bridge-utils", "iptables", "apparmor", "cron",
    "ifupdown", "isc-dhcp-client", "netplan.io", "network-manager",
)  # fmt: skip
CHANGES = ('CMD ["/sbin/init"]', "ENV container=docker")
CERTIFICATES = Path("/usr/local/share/ca-certificates")
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
QUIET = ("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "fstrim.timer", "dpkg-db-backup.timer")
"""Units that do things at times of their own: with them, hosts would hold apt's lock when nobody expects it."""
CONFINED = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--")
"""In front of what works in the tree: when it is ended, all that it started ends with it, and so does what it mounted."""
NEEDED_BYTES = 2 * 10**9
BUILD_S = 1200
CLEARING_TRIES = 20


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything an image is made from."""

    archives: tuple[apt.Archive, ...]
    settings: str
    certificates: str
    machine: str

    @property
    def reference(self) -> str:
        """The image's name, `repository:tag`; the tag is the recipe's digest."""
        text = repr((RECIPE, INCLUDED, FETCHED, QUIET, self.archives, self.settings, self.certificates, self.machine))
        return f"{REPOSITORY}:{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def recipe() -> Recipe:
    """The recipe on this machine, as it is set up now. Raises ActFailed."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in _certificates()))
    return Recipe(apt.machine_archives(), apt.machine_settings(), digest.hexdigest(), platform.machine())


def ensure(engine: Engine, places: Places, say: Callable[[str], None], *, current: str = "") -> str:
    """The host image's name, once the engine has it; a lab keeps the `current` one that it has. Raises ActFailed."""
    if current and engine.has_image(current):
        return current
    wanted = recipe()
    reference = wanted.reference
    places.cache.mkdir(mode=0o700, parents=True, exist_ok=True)  # images hold what apt needs to log in to archives
    with locked(places.images / "lock", what="the host image", wait=True):
        if engine.has_image(reference):
            return reference
        archive = places.images / f"{reference.partition(':')[2]}.tar"
        if not archive.exists():
            say("building the host image (once, takes a minute)")
            build(wanted, archive)
        say("handing the host image to the engine")
        engine.import_image(archive, reference, CHANGES)
        for old in places.images.glob("*.tar"):
            if old != archive:
                old.unlink()
        engine.drop_images(REPOSITORY, keep=reference)
    return reference


def build(wanted: Recipe, archive: Path) -> None:
    """Make the image's file tree and pack it into `archive`. Raises ActFailed; then nothing but the log is left."""
    if os.geteuid() != 0:
        raise ActFailed("the host image has to be built once, and that needs root: run lab.up as root the first time")
    if not shutil.which("debootstrap"):
        raise ActFailed(f"the host image has to be built once, and debootstrap is missing: {hint('debootstrap')}")
    if (free := shutil.disk_usage(archive.parent).free) < NEEDED_BYTES:
        raise ActFailed(
            f'building the host image takes {NEEDED_BYTES / 1e9:g} GB in "{archive.parent}", {free / 1e9:.1f} GB are free:'
            " make room, or set XDG_CACHE_HOME to a place that has it"
        )
    for stale in archive.parent.glob("build-*"):  # of a process that was killed
        shutil.rmtree(stale, ignore_errors=True)
    log = archive.parent / "build.log"
    log.write_bytes(b"")
    work = Path(tempfile.mkdtemp(prefix="build-", dir=archive.parent))
    packed = archive.with_suffix(".new")
    try:
        root = work / "root"
        _bootstrap(wanted, root, log)
        _connect(wanted, root)
        _install(root, log)
        _bare(root)
        pack = ("tar", "-C", str(root), "--numeric-owner", "--exclude=./dev/*", "-cf", str(packed), ".")
        logged(pack, log, timeout_s=BUILD_S)
        packed.replace(archive)
    finally:
        packed.unlink(missing_ok=True)
        _cleared(work)


def _cleared(work: Path) -> None:
    """Remove the tree. What was ended a moment ago may still write into it."""
    for _ in range(CLEARING_TRIES):
        shutil.rmtree(work, ignore_errors=True)
        if not work.exists():
            return
        time.sleep(0.1)
    shutil.rmtree(work)


def _bootstrap(wanted: Recipe, root: Path, log: Path) -> None:
    main = wanted.archives[0]
    checked = ("--force-check-gpg",) if Path(apt.KEYRING).exists() else ()
    command = ("debootstrap", *checked, "--variant=minbase", main.suite, str(root), main.uri)
    logged((*CONFINED, *command), log, timeout_s=BUILD_S)


def _connect(wanted: Recipe, root: Path) -> None:
    """Let apt inside reach what apt on this machine reaches."""
    config = root / "etc" / "apt"
    (config / "sources.list").unlink(missing_ok=True)
    (config / "sources.list.d" / "debian.sources").write_text(apt.sources(wanted.archives))
    (config / "apt.conf.d" / "90machine").write_text(wanted.settings)
    for path in (Path("/etc/apt/auth.conf"), Path("/etc/apt/auth.conf.d"), CERTIFICATES, BUNDLE):
        _copy(path, root / path.relative_to("/"))


def _install(root: Path, log: Path) -> None:
    """Put the packages in. apt does that in a third of debootstrap's time, and takes security updates."""
    # Nobody mourns a throw-away host after a power cut, and packages unpack faster.
    (root / "etc" / "dpkg" / "dpkg.cfg.d" / "unsafe-io").write_text("force-unsafe-io\n")
    policy = root / "usr" / "sbin" / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    plainly = ("apt-get", "-qy", "--no-install-recommends")
    _inside(root, log, "apt-get", "-q", "update")
    _inside(root, log, *plainly, "install", *INCLUDED)
    _inside(root, log, "apt-get", "clean")
    _inside(root, log, *plainly, "--download-only", "install", *FETCHED)
    policy.unlink()
    # Installing ca-certificates made the bundle anew; the machine's own may hold more.
    _copy(BUNDLE, root / BUNDLE.relative_to("/"))


def _bare(root: Path) -> None:
    """Make it a machine before its first boot: nothing of the one it was made on, no identity."""
    for unit in QUIET:
        (root / "etc" / "systemd" / "system" / unit).symlink_to("/dev/null")
    for key in (root / "etc" / "ssh").glob("ssh_host_*"):
        key.unlink()
    for name in ("etc/hostname", "etc/resolv.conf"):
        (root / name).unlink(missing_ok=True)
    (root / "etc" / "machine-id").write_text("")
    (root / "root" / ".ssh").mkdir(mode=0o700, exist_ok=True)


def _inside(root: Path, log: Path, *command: str) -> None:
    env = {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    logged((*CONFINED, "chroot", str(root), *command), log, timeout_s=BUILD_S, env=env)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _certificates() -> Iterable[Path]:
    yield from sorted(CERTIFICATES.rglob("*.crt"))
    if BUNDLE.exists():
        yield BUNDLE
