"""Invoke tasks and the console program: thin, no logic."""
