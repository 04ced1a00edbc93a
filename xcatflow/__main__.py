"""`python -m xcatflow`."""

from xcatflow.tasks.program import main

main()
