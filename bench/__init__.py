"""Benchmarks. Each prints a table from one run; none is asserted on."""
