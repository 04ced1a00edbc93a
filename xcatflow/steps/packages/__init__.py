"""Parts of the kinds about packages and repositories."""
