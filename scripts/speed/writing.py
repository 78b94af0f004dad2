"""Measure how fast a character model writes, compared with scoring as many characters and with a Python loop of calls.

    python scripts/benchmark.py writing [--cell lstm] [--units 512] [--layers 3] [--characters 512] [--batch 1 64]
                                           [--file TEXT] [--out results/FILE.txt]

The columns are characters per second of the whole batch, each the best of several repeats. Compare them within one row only.

    write      `tfar.distributions.writing.pieces`: one compiled loop under XLA, called for 64 characters at a time
    graph      the same without XLA
    served     the SavedModel's endpoint `sample`
    score      `tfar.distributions.writing.score` of as many characters, all at once
    ratio      the time of `write` divided by the time of `score`
    python     a Python loop that calls the network with the whole prefix for each of 100 characters
    faster     the rate of `write` divided by the rate of `python`

With --file, the text is also scored, in 64 streams. The script prints the time, and the peak memory of the process after a tenth, half and
all of the text.

`results/benchmark_characters.txt` is the output for the sizes above. `results/benchmark_characters_file.txt` is the output for a text of
5 MB with --units 64 --layers 1 --batch 64 --file TEXT.
"""

import argparse
import resource
import tempfile
import time

import numpy as np
import tensorflow as tf

import tfar
from speed.timing import best
from tfar import noise, training
from tfar.datasets import Vocabulary, read_text
from tfar.distributions import writing
from tfar.files import refuse_existing, write_text

SYMBOLS = "".join(map(chr, range(32, 97)))  # 65, as tiny Shakespeare has
PREFIX = 100


def python_loop(model, rows, length):
    """Write codes `[rows, length]` with one call of the network on the whole prefix for each character."""
    x = np.zeros([rows, 0], np.int32)
    uniforms = noise.uniform(noise.row_seeds(noise.as_seed(0), rows), length)
    for t in range(length):
        params = model.network(np.pad(x, [[0, 0], [0, 1]]))[:, -1]  # the last value is not read
        x = np.concatenate([x, model.head.draw(params, uniforms[:, t : t + 1]).numpy()[:, None]], axis=1)
    return x


def row(model, served, batch, count):
    """Return one line of the table."""
    seeds = noise.row_seeds(noise.as_seed(0), batch)

    def write(jit_compile):
        return np.concatenate(list(writing.pieces(model.network, model.head, seeds, count, jit_compile=jit_compile)), axis=1)

    x = write(True)
    request = {
        "prompt": tf.fill([batch], ""),
        "seed": seeds,
        "length": tf.fill([batch], count),
        "temperature": tf.ones([batch]),
    }
    same = served(**request)["text"].numpy().tolist() == [model.vocabulary.decode(codes).encode() for codes in x]
    seconds = {
        "write": best(lambda: write(True)),
        "graph": best(lambda: write(False)),
        "served": best(lambda: served(**request)),
        "score": best(lambda: list(writing.score(model.network, model.head, x))),
    }
    loop = best(lambda: python_loop(model, batch, PREFIX), repeats=1) * count / PREFIX  # a lower bound: longer prefixes cost more
    rates = {name: batch * count / value for name, value in seconds.items()}
    return (
        f"{batch:5d} {rates['write']:9,.0f} {rates['graph']:9,.0f} {rates['served']:9,.0f} {rates['score']:9,.0f} "
        f"{seconds['write'] / seconds['score']:6.2f} {batch * count / loop:9,.1f} {loop / seconds['write']:7.0f}"
        f"   {'same text served' if same else 'ANOTHER TEXT SERVED'}"
    )


def memory():
    """Return the peak memory of the process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def score_file(model, source):
    """Return a line with the time and the memory that scoring a text takes."""
    text = read_text(source)[1].decode()
    codes = Vocabulary.of(text).encode(text, np.uint8) % len(SYMBOLS)
    peaks = []
    for part in (10, 2, 1):
        start = time.perf_counter()
        training.evaluate(model, codes[: len(codes) // part])
        seconds = time.perf_counter() - start
        peaks.append(f"{memory():.0f}")
    return (
        f"{len(codes):,} characters scored in {seconds:.0f} s, {len(codes) / seconds:,.0f} a second; "
        f"peak memory {', '.join(peaks)} MiB after a tenth of them, half, all"
    )


def main(words=None):
    parser = argparse.ArgumentParser("benchmark.py writing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", default="lstm", help="lstm, gru or rnn (default: lstm)")
    parser.add_argument("--units", type=int, default=512, help="units of each layer (default: 512)")
    parser.add_argument("--layers", type=int, default=3, help="number of layers (default: 3)")
    parser.add_argument("--characters", type=int, default=512, help="characters in each row (default: 512)")
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 64], help="batch sizes (default: 1 64)")
    parser.add_argument("--file", help="a text to score")
    parser.add_argument("--out", help="a new file for the table")
    args = parser.parse_args(words)
    path = None if args.out is None else refuse_existing(args.out)
    model = tfar.CharRNN(SYMBOLS, cell=args.cell, units=args.units, num_layers=args.layers)
    lines = [
        f"{args.layers} x {args.units} {args.cell}, {model.count_params():,} parameters, {args.characters} characters a row",
        f"{'batch':>5s} {'write':>9s} {'graph':>9s} {'served':>9s} {'score':>9s} {'ratio':>6s} {'python':>9s} {'faster':>7s}",
    ]
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        model.export(f"{folder}/1")
        served = tf.saved_model.load(f"{folder}/1").signatures["sample"]
        for batch in args.batch:
            lines.append(row(model, served, batch, args.characters))
            print(lines[-1], flush=True)
    if args.file:
        lines.append(score_file(model, args.file))
        print(lines[-1], flush=True)
    if path is not None:
        write_text(path, "\n".join(lines) + "\n")
