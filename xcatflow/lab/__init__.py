"""Throw-away hosts to rehearse on."""
