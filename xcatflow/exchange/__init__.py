"""Other forms in and out: what clusters are described in elsewhere, to definitions and back."""
