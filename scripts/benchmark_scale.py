"""Measure what docs/scale.md promises: one part at a time; each adds its figures to results/scale.json.

    python scripts/benchmark_scale.py PART [options of the part; --help lists them]

    stream    training and scoring from files beside training and scoring from memory, and an epoch beside its bare steps
    loop      what the training loop adds to the compiled step of each family, beside Keras' `fit`
    bulk      `tfar score` and `tfar.beam.Score` beside a plain loop
    render    the tables of docs/scale.md

Compare figures within one run only, on a machine that does nothing else.
"""

import os
import sys

import parts

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

PARTS = ("stream", "loop", "bulk", "render")


def main(words=None):
    parts.run(sys.argv[1:] if words is None else words, "scale", PARTS, __doc__, "benchmark_scale", "PART")


if __name__ == "__main__":
    main()
