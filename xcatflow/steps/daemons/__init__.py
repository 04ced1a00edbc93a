"""Parts of the kinds about the Docker engine."""
