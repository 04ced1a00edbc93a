"""One small file per kind of desired state.

The builtin kinds stand in `xcatflow.steps.registry`; others come by the entry point group `xcatflow.steps`.
"""
