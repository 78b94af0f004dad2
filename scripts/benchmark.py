"""Measure speed: one group of benchmarks at a time.

    python scripts/benchmark.py GROUP [options of the group; --help lists them]

    calls        what a user calls first, eagerly: log_prob, sample, complete, predict, training steps, the first sample of a file,
                 beside PyTorch where its environment is given; writes the table of docs/performance.md
    tfp          beside TensorFlow Probability's own autoregressive distribution with the same weights; writes docs/performance.md too
    nade         time and memory of NADE's training step beside simpler implementations of its recurrence
    images       training throughput of the image families, and its share of the machine's peak
    sampling     a batch of samples beside one log_prob and one pass for each position, under XLA and served
    recurrence   training steps of a character model beside Keras' recurrent layers
    writing      how fast a character model writes

Compare figures within one run only, on a machine that does nothing else. Figures of the training loop, of data that stream and of bulk
scoring, of tables and of densities have scripts of their own: `benchmark_scale.py`, `benchmark_tables.py`, `benchmark_density.py`.
"""

import os
import sys

import parts

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

GROUPS = ("calls", "tfp", "nade", "images", "sampling", "recurrence", "writing")


def main(words=None):
    parts.run(sys.argv[1:] if words is None else words, "speed", GROUPS, __doc__, "benchmark", "GROUP")


if __name__ == "__main__":
    main()
