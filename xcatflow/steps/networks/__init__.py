"""Parts of the kinds that change a machine's own network."""
