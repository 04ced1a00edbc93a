"""Whole sites, right and wrong, and what is said about them."""
