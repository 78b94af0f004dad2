"""Training and scoring from files beside training and scoring from memory: rows per second, peak memory, and the bare step.

    python scripts/benchmark_scale.py stream [--rows 100000] [--columns 100] [--passes 3] [--kind binary|real] [--folder DIR]

The rows are written as Parquet shards of 100,000 rows, unless the folder holds them. Each of the ways has a process of its own:

    stream    `tfar.datasets.stream`: the training rows stay in the files
    memory    the same training rows as an array, at most `--memory-rows` of them

    read_seconds      of `stream`: to count the rows, find their statistics and keep those that validate and test
    train_rows        per second of the fastest pass but for the first, in which the steps are compiled; validation is left out
    train_rows_per_processor_second    the same per second of processor time, which other programs of the machine change less
    epoch_over_bare   seconds of that pass, with its validation and all else, divided by those of as many bare steps
    score_rows, score_rows_per_processor_second    of `tfar.training.evaluate` of the training rows, the second time
    peak_mib          the largest resident memory of each pass, of the reading and of the scoring, in MiB
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scale import record
from scale.measures import Peak, bare, timed
from scale.shards import write_shards

BARE_STEPS = 300
SCRIPT = record.ROOT / "scripts" / "benchmark_scale.py"
RATIOS = ("train_rows", "train_rows_per_processor_second", "score_rows", "score_rows_per_processor_second")


def watch(peak):
    """A Keras callback that remembers the seconds and peaks of the passes."""
    import keras

    class Watch(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seconds, self.processor, self.whole, self.peaks = [], [], [], []

        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter(), time.process_time()

        def on_test_begin(self, logs=None):
            self.seconds.append(time.perf_counter() - self.began[0])
            self.processor.append(time.process_time() - self.began[1])

        def on_epoch_end(self, epoch, logs=None):
            self.whole.append(time.perf_counter() - self.began[0])
            self.peaks.append(peak())

    return Watch()


def measure(way, args):
    """The figures of one way."""
    import keras
    import numpy as np

    import tfar
    from tfar import datasets, training

    peak = Peak()
    data, read_seconds = timed(lambda: datasets.stream(args.folder, by_column=False))
    read_peak, train = peak(), data.train
    if way == "memory":
        most = -(-args.memory_rows // 10_000)
        train = np.concatenate(list(train.once(10_000).take(most).as_numpy_iterator()))[: args.memory_rows]
    keras.utils.set_random_seed(0)
    head = "bernoulli" if args.kind == "binary" else "normal"
    model = tfar.MADE(data.event_shape, hidden_units=[args.units], head=head)
    seen, steps = watch(peak), len(train) // args.batch_size
    peak()
    options = {"epochs": args.passes, "patience": args.passes, "batch_size": args.batch_size, "epoch_steps": steps}
    fit = training.fit(model, train, data.validation, **options, callbacks=[seen])
    training.evaluate(model, train, 1000)  # to trace and compile, also for the few rows of the last batch
    processor = time.process_time()
    scores, score_seconds = timed(training.evaluate, model, train, 1000)
    processor, score_peak = time.process_time() - processor, peak()
    run = bare(tfar.MADE(data.event_shape, hidden_units=[args.units], head=head), data.validation.x[: args.batch_size], model.network.xla)
    run(1)
    step = min(run(BARE_STEPS) for _ in range(3))
    rows = steps * args.batch_size
    return {
        "rows": len(train),
        "read_seconds": round(read_seconds, 1),
        "train_rows": round(rows / min(seen.seconds[1:] or seen.seconds)),
        "train_rows_per_processor_second": round(rows / min(seen.processor[1:] or seen.processor)),
        "epoch_seconds": round(min(seen.whole[1:] or seen.whole), 1),
        "bare_step_ms": round(1e3 * step, 3),
        "epoch_over_bare": round(min(seen.whole[1:] or seen.whole) / (steps * step), 3),
        "score_rows": round(len(train) / score_seconds),
        "score_rows_per_processor_second": round(len(train) / processor),
        "peak_mib": {"reading": read_peak, "passes": seen.peaks, "scoring": score_peak},
        "val_nll": fit.history["val_nll"],
        "nll": scores["nll"],
    }


def main(words):
    parser = argparse.ArgumentParser("benchmark_scale.py stream", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--units", type=int, default=500)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--memory-rows", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=("binary", "real"), default="binary")
    parser.add_argument("--folder", type=Path, help="where the shards are, or are written (default: a temporary folder)")
    parser.add_argument("--results", type=Path, default=record.FILE, help="the file of the figures")
    parser.add_argument("--only-write", action="store_true", help="write the shards alone")
    parser.add_argument("--way", choices=("stream", "memory"), help=argparse.SUPPRESS)  # of a process of this script's own
    args = parser.parse_args(words)
    if args.way:
        print(json.dumps(measure(args.way, args)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        args.folder = args.folder or Path(temporary)
        write_shards(args.folder, args.rows, args.columns, args.kind)
        if not args.only_write:
            compare(args, words)


def compare(args, words):
    """Run both ways, and record them."""
    found = {"settings": {name: getattr(args, name) for name in ("rows", "columns", "units", "passes", "batch_size", "kind")}}
    for way in ("stream", "memory"):
        command = [sys.executable, SCRIPT, "stream", *words, f"--folder={args.folder}", f"--way={way}"]
        found[way] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()[-1])
        print(way, found[way], flush=True)
    found["ratio"] = {name: round(found["stream"][name] / found["memory"][name], 3) for name in RATIOS}
    print(found["ratio"])
    record.update("stream", f"{args.rows} x {args.columns} {args.kind}", found, args.results)
