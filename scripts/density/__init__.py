"""Benchmarks of densities of small data sets: suites, baselines, and the page of results."""
