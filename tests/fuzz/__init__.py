"""Fuzzing of everything that reads text: the targets, their runner, and the inputs that once did harm."""
