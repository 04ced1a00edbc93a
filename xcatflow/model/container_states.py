"""The states of a container, as sets; each state is in one of `ALIVE` and `STANDING`, except for `removing`.

Source: Engine API, `State` in the listing of containers: created, running, paused, restarting, removing, exited, dead.
"""

RUNNING = ("running", "paused")
"""With processes of its own: it has its addresses, and uses memory."""
ALIVE = (*RUNNING, "restarting")
"""With processes, or about to have some."""
STANDING = ("created", "exited", "dead")
"""Without processes until somebody starts it."""
