"""Noderanges: text that selects nodes."""
