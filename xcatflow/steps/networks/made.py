"""What a network manager is to be told about a chain: files, and what makes it read them."""

from dataclasses import dataclass

MARK = "# xcatflow bridge: "
"""Begins the line that tells what a file was made for."""


@dataclass(frozen=True, slots=True)
class Text:
    """A file as it shall be; one that is there keeps its mode and owner. `trial` is where it is put while the change waits to be confirmed,
    empty for nowhere: a place that a reboot empties."""

    path: str
    text: str
    mode: str = "0644"
    trial: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """`files` in the order in which they are put in place: whatever the machine has of them when it is switched off, it comes up.
    `hooks` are shell functions (`live_new`, `stack_new`, `stack_old`, `kept`, `dropped`) in place of those that do nothing; `base` is what
    the NIC was told before, kept for the next time."""

    files: tuple[Text, ...]
    hooks: str = ""
    base: str = ""
