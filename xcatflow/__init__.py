"""xcatflow: Docker hosts and container nodes in a cluster administrator's words."""

__version__ = "0.1.0"
