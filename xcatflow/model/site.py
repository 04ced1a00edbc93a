"""Where a site keeps what it makes itself: journal, locks, the CA. Never in git."""

STATE = ".xcatflow"
"""The directory's name, below the site's own."""
