"""The parts of `scripts/benchmark_scale.py`."""
