"""Noderanges: text that selects nodes."""

from xcatflow.selection.abbreviate import abbreviate
from xcatflow.selection.evaluate import UnknownNames, expand, select
from xcatflow.selection.inventory import Inventory

__all__ = ["Inventory", "UnknownNames", "abbreviate", "expand", "select"]
