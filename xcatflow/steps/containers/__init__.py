"""Parts of the kinds about containers and their addresses."""
