"""Trials of reliability: kills, random models, mutants, and the page that shows them."""
