"""A daemon's refusals in a sentence of ours, with its own words kept beside it."""

from xcatflow.errors import ActFailed


def refused(error: ActFailed, message: str) -> ActFailed:
    """An error of the same sort that says `message`; what the daemon said, and to what, is its detail."""
    return type(error)(message, "\n".join(text for text in (str(error), error.detail) if text))
