"""copycds: copy installation media, and make osimages of them.

Source: xCAT's manual page of copycds.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.command import Command, Context, Refused
from xcatflow.commands.media_images import MediumImages
from xcatflow.commands.osimages import installdir_of
from xcatflow.commands.remarks import Remarks
from xcatflow.commands.talk import Talk
from xcatflow.errors import InvalidInput, Locked
from xcatflow.model.medium import Copied, CopyFailed, Medium

if TYPE_CHECKING:
    from xcatflow.model.medium import OpenedMedium

USAGE = """\
Usage: copycds [-n name] [-a arch] [-p path] [-o] [-w] [-V] image ...
       copycds -i image ...
       copycds {-h | --help | -v | --version}

  Copies Debian, Ubuntu and RHEL-family media, ISO images or drives, below the site's installdir, and defines what
  can be installed from them.

  -n, --name, --osver   name of the distribution, where the medium does not say it or another is wanted
  -a, --arch            refuse media of another architecture
  -p, --path            another directory than INSTALLDIR/NAME/ARCH
  -i, --inspection      only tell what the media are
  -o, --noosimage       define no osimages
  -w, --nonoverwrite    leave discs alone that were copied already
  -V, --verbose         tell what was verified by the medium's own checksums, and what could not be
"""

_UNKNOWN = "copycds could not identify the ISO supplied, you may wish to try -n <osver>"
_PAUSE_S = 5.0
_STEP = 10


def run(context: Context, arguments: Arguments) -> None:
    """Every image by itself; what goes wrong with one is told. Raises Refused."""
    if not arguments.operands:
        raise Refused("copycds needs at least one full path to ISO currently.")
    name = arguments.value("n") or arguments.value("osver")
    inspecting = "i" in arguments
    if inspecting:
        _tell_ignored(context.talk, name, arguments.value("a"))
    for operand in arguments.operands:
        path = Path(os.path.normpath(context.cwd / operand))
        try:
            with context.desk.medium(path) as medium:
                if inspecting:
                    _inspect(context.talk, path, medium)
                else:
                    _Copy(context, arguments, medium, name).run()
        except InvalidInput as error:
            context.talk.problems(error)
        except Locked as error:
            context.talk.error(str(error))
        except CopyFailed as error:
            context.talk.error(str(error))
            context.talk.error(f"Media copy operation failed, status {error.status}")


def _tell_ignored(talk: Talk, name: str, arch: str) -> None:
    for option, value in (("name", name), ("arch", arch)):
        if value:
            talk.warn(f"copycds: option --inspection specified, argument specified with option --{option} is ignored")


def _inspect(talk: Talk, path: Path, medium: "OpenedMedium") -> None:
    found = medium.identify("")
    if found is None:
        raise InvalidInput(_UNKNOWN)
    talk.say(f"OS Image:{path}", f"DISTNAME:{found.name}", f"ARCH:{found.arch}", f"DISCNO:{found.disc}")


@dataclass(slots=True)
class _Copy:
    """One image to copy."""

    context: Context
    arguments: Arguments
    medium: "OpenedMedium"
    name: str

    def run(self) -> None:
        """Raises InvalidInput, Locked, CopyFailed."""
        found = self.medium.identify(self.name)
        if found is None:
            raise InvalidInput(_UNKNOWN)
        self._check_arch(found)
        site = self.context.desk.definitions.site
        installdir = installdir_of(site)
        directory = f"{installdir}/{found.name}/{found.arch}"
        if given := self.arguments.value("p"):
            directory = os.path.normpath(self.context.cwd / given)
            self._check_below(directory, installdir)
        to = self.context.desk.root / directory
        known = "w" in self.arguments and self.medium.is_in(to)
        if known:
            self.context.talk.say("The disc iso has already been copied in!")
        else:
            self._copy(found, directory, to)
        self._define(found, directory, known=known)

    def _check_arch(self, found: Medium) -> None:
        if not (wanted := self.arguments.value("a")):
            return
        if self.medium.canonical(wanted) != found.arch:
            what = "Debian" if found.family == "debian" else "distribution"
            raise InvalidInput(f"Requested {what} architecture {wanted}, but media is {found.arch}")

    def _check_below(self, directory: str, installdir: str) -> None:
        above = self.context.desk.root / installdir
        if not Path(directory).is_relative_to(above):
            self.context.talk.warn(
                f'copycds: the specified path "{directory}" is not a subdirectory under {installdir}.'
                " Make sure this path is configured for httpd/apache, otherwise, the provisioning with this iso will fail!"
            )

    def _copy(self, found: Medium, directory: str, to: Path) -> None:
        talk = self.context.talk
        talk.say(f"Copying media to {directory}")
        if found.live:
            talk.warn(f"{found.name} is a live medium: it has no packages to install from")
        if found.family == "debian" and found.disc not in ("", "1"):
            talk.warn(f"disc {found.disc} of {found.name}: its package index takes the place of the one that is there")
        progress = _Progress(talk, terminal=self.context.terminal)
        try:
            copied = self.medium.copy(found, to, progress)
        except KeyboardInterrupt:
            progress.end()
            talk.warn(f"what was copied for {directory} so far stays beside it: run this again to go on")
            raise
        finally:
            progress.end()
        for warning in copied.warnings:
            talk.warn(warning)
        if "V" in self.arguments:
            _tell_verified(talk, copied)
        talk.say("Media copy operation successful")

    def _define(self, found: Medium, directory: str, *, known: bool) -> None:
        """Write the definitions down. Of a disc that was known nothing is changed that is there."""
        remarks = Remarks()
        with self.context.desk.editing() as editing:
            images = MediumImages(found, directory, editing.definitions, self.context.desk.root, remarks)
            edits = [images.osdistro()]
            if "o" not in self.arguments:
                edits += images.images(missing_only=known)
            editing.write(edits)
        remarks.tell(self.context.talk)


def _tell_verified(talk: Talk, copied: Copied) -> None:
    lists = f" ({', '.join(copied.lists)})" if copied.lists else ""
    talk.say(
        f"{copied.copied} files copied, {copied.kept} were there",
        f"{copied.verified} files verified by the medium's own checksums{lists}",
        *(f"no checksum: {path}" for path in copied.unverified),
    )


@dataclass(slots=True)
class _Progress:
    """Says how much of a copy is in place: all the time on a terminal, else a line now and then of a copy that takes its time."""

    talk: Talk
    terminal: bool
    _said: int = 0
    _when: float = field(default_factory=time.monotonic)
    _open: bool = False

    def __call__(self, done: int, whole: int) -> None:
        percent = done * 100 // whole if whole else 100
        if self.terminal:
            if percent != self._said or not self._open:
                self.talk.out.write(f"\r{percent:3}%")
                self._said, self._open = percent, True
        elif percent >= self._said + _STEP and time.monotonic() >= self._when + _PAUSE_S:
            self.talk.say(f"{percent}%")
            self._said, self._when = percent, time.monotonic()

    def end(self) -> None:
        """The line is to be used for something else."""
        if self._open:
            self.talk.out.write("\r    \r")
            self._open = False


COMMAND = Command(
    name="copycds",
    usage=USAGE,
    run=run,
    flags=(
        Flag("n", "name", "value"),
        Flag("", "osver", "value"),
        Flag("a", "arch", "value"),
        Flag("p", "path", "value"),
        Flag("i", "inspection"),
        Flag("o", "noosimage"),
        Flag("w", "nonoverwrite"),
        Flag("V", "verbose"),
    ),
)
