"""Parts of `host.facts`."""
