"""Frozen values: what definitions, workflows, changes and events are. No input or output."""
