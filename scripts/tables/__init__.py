"""Benchmarks of mixed tables, one module for each group of `scripts/benchmark_tables.py`."""
