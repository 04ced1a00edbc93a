"""Tasks that let cron run chains."""

from xcatflow.tasks.face import face


@face(words=["chain"], help={"chain": "only this chain; all that have a `schedule` when left out"})
def install(chain: str = "") -> None:
    """Let cron run the site's chains that have a `schedule`: marked lines in your crontab, nothing else there is touched."""
    from xcatflow.tasks import crontabs

    crontabs.install(chain)


@face(name="list")
def list_() -> None:
    """List this site's lines in your crontab, and when each runs next."""
    from xcatflow.tasks import crontabs

    crontabs.list_()


@face(words=["chain"], help={"chain": "only this chain; all of the site when left out"})
def remove(chain: str = "") -> None:
    """Remove this site's lines from your crontab; nothing else there is touched."""
    from xcatflow.tasks import crontabs

    crontabs.remove(chain)
