"""What `file.sync` takes, and what it makes of it before anything is asked."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from xcatflow.contract import Params
from xcatflow.steps.given import Words
from xcatflow.steps.place import AbsolutePath, Owner
from xcatflow.steps.syncing.differences import Wishes
from xcatflow.steps.syncing.items import Item
from xcatflow.steps.syncing.scripts import After
from xcatflow.steps.syncing.synclist import checked_dest
from xcatflow.steps.syncing.texts import Text

KEPT = "/var/xcat/syncfiles"


@dataclass(frozen=True, slots=True)
class Work:
    """All that is to be on one node, as the controller's files say now."""

    items: tuple[Item, ...] = ()
    scripts: tuple[After, ...] = ()
    texts: tuple[Text, ...] = ()


class SyncParams(Params):
    """Either synclists, or one source and its destination."""

    synclist: Words = Field((), description="Files of the site in xCAT's synclist format: a list, or text with commas.")
    src: str | None = Field(
        None,
        min_length=1,
        description="A directory, a file or a pattern: absolute on the controller, or in the site. The content of a directory is copied.",
    )
    dest: Annotated[str, AfterValidator(checked_dest)] | None = Field(
        None,
        description="Where that goes on the machine; with a slash at its end it is a directory that files go into.",
    )
    exclude: Words = Field(
        (), description="Patterns of names, or of paths below the source, that are neither copied nor deleted."
    )
    delete: bool = Field(False, description="Remove what is below the destination and not in the source.")
    owner: Owner | None = Field(
        None,
        description="User that files belong to. Left out: as on the controller where root runs xcatflow and the machine has the name, "
        "else root.",
    )
    group: Owner | None = Field(None, description="Group that files belong to. Left out: as it is, root for new ones.")
    checksum: bool = Field(
        False, description="Compare contents even where size and time are the same: reads all files on both sides."
    )
    sensitive: bool = Field(False, description="Show no content in plans and reports.")
    originals: AbsolutePath | None = Field(
        None,
        description="Where files are saved on the machine before something is appended or merged, below `org`. Left out: what the site's "
        f"`nodesyncfiledir` says, else `{KEPT}`.",
    )
    work: Work = Field(Work(), exclude=True, description="Set by the step: what the controller's files say.")

    @model_validator(mode="after")
    def _fits(self) -> "SyncParams":
        if bool(self.synclist) == bool(self.src) or bool(self.src) != bool(self.dest):
            raise ValueError('expected either "synclist", or "src" and "dest"')
        if self.delete and (self.synclist or self.dest is None or self.dest.strip("/").count("/") < 1):
            raise ValueError(
                '"delete" needs a "src" that is a directory and a "dest" two levels deep at least, such as "/srv/www"'
            )
        return self

    @property
    def wishes(self) -> Wishes:
        return Wishes(self.owner, self.group)

    @property
    def top(self) -> str:
        """The destination without a slash at its end."""
        return (self.dest or "").rstrip("/") or "/"
