"""The sections of docs/lecture.md, one module each; `scripts/lecture.py` runs them."""
