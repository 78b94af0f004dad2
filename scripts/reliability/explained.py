"""Mutants that no test can find, with the reason: (file, line before, line after) -> reason."""

EXPLAINED = {}
