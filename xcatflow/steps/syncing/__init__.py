"""Parts of `file.sync`."""
