"""Definitions changed in place: what shall change to new texts, and those to the files, all of them or none."""
