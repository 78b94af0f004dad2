"""The groups of `scripts/benchmark.py`: each module measures one, and has `main(words)`."""
