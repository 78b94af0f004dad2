"""Measure what docs/scale.md promises: one part at a time; each adds its figures to results/scale.json.

    python scripts/benchmark_scale.py PART [options of the part; --help lists them]

    stream    training and scoring from files beside training and scoring from memory, and an epoch beside its bare steps
    loop      what the training loop adds to the compiled step of each family, beside Keras' `fit`
    bulk      `tfar score` and `tfar.beam.Score` beside a plain loop
    render    the tables of docs/scale.md

Compare figures within one run only, on a machine that does nothing else.
"""

import importlib
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

PARTS = ("stream", "loop", "bulk", "render")


def main(words=None):
    words = sys.argv[1:] if words is None else words
    if not words or words[0] not in PARTS:
        asked = not words or words[0] in ("-h", "--help")
        sys.exit(__doc__ if asked else f"benchmark_scale: PART must be one of {', '.join(PARTS)}. Received: {words[0]}")
    importlib.import_module(f"scale.{words[0]}").main(words[1:])


if __name__ == "__main__":
    main()
