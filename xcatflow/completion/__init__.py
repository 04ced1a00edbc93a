"""Completion of what is typed in a shell. Runs at every press of a key: imports nothing that Python itself has not loaded at its start.

The script that `xcatflow completion` prints calls `ask.py` with the line so far and gets the candidates; it hands over the words of
commands and tasks as well, so that these need not be looked for.
"""
