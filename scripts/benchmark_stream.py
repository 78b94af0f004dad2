"""Measure training and scoring from files beside training and scoring from memory: rows per second, and peak resident memory.

    python scripts/benchmark_stream.py [--rows 100000] [--columns 100] [--passes 3] [--kind binary|real] [--folder DIR] [--out FILE.json]

The rows are written as Parquet shards of 100,000 rows, unless the folder holds them. Each of the two ways has a process of its own:

    stream    `tfar.datasets.stream`: the training rows stay in the files
    memory    the same training rows as an array, at most `--memory-rows` of them

    read_seconds      of `stream`: to count the rows, find their statistics and keep those that validate and test
    train_rows        per second of the fastest pass but for the first, in which the steps are compiled; validation is left out
    train_rows_per_processor_second    the same per second of processor time, which other programs of the machine change less
    score_rows        per second of `tfar.training.evaluate`, which scores the training rows twice; the second time counts
    peak_mib          the largest resident memory of each pass, of the reading and of the scoring, in MiB
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SHARD_ROWS, GROUP_ROWS = 100_000, 10_000


def write_shards(folder, rows, columns, kind):
    """Rows of correlated columns: signs of sums of 8 common normal numbers and one of each column's own, or the sums themselves."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    folder.mkdir(parents=True, exist_ok=True)
    mixing = np.random.default_rng(0).normal(size=[8, columns]).astype(np.float32)
    for number in range(-(-rows // SHARD_ROWS)):
        path = folder / f"part-{number:05d}.parquet"
        if path.exists():
            continue
        generator = np.random.default_rng([1, number])
        count = min(SHARD_ROWS, rows - number * SHARD_ROWS)
        x = generator.normal(size=[count, 8]).astype(np.float32) @ mixing + generator.normal(size=[count, columns]).astype(np.float32)
        x = (x > 0).astype(np.int8) if kind == "binary" else x
        table = pa.table({f"x{i}": x[:, i] for i in range(columns)})
        parquet.write_table(table, path.with_suffix(".partial"), row_group_size=GROUP_ROWS)
        os.replace(path.with_suffix(".partial"), path)


class Peak:
    """The largest resident memory since it was last asked for, in MiB, as Linux counts it."""

    def __init__(self):
        self.reset()

    @staticmethod
    def reset():
        Path("/proc/self/clear_refs").write_text("5")

    def __call__(self):
        status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
        self.reset()
        return round(int(status["VmHWM"].split()[0]) / 1024)


def measure(way, folder, args):
    """The figures of one way, in a process of its own."""
    import keras
    import numpy as np

    import tfar
    from tfar import datasets, training

    class Watch(keras.callbacks.Callback):
        """Seconds and peaks of the passes."""

        def __init__(self):
            super().__init__()
            self.seconds, self.processor, self.peaks = [], [], []

        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter(), time.process_time()

        def on_test_begin(self, logs=None):
            self.seconds.append(time.perf_counter() - self.began[0])
            self.processor.append(time.process_time() - self.began[1])

        def on_epoch_end(self, epoch, logs=None):
            self.peaks.append(peak())

    peak, began = Peak(), time.perf_counter()
    data = datasets.stream(folder, by_column=False)
    read_seconds, read_peak = time.perf_counter() - began, peak()
    train = data.train
    if way == "memory":
        most = -(-args.memory_rows // 10_000)
        train = np.concatenate(list(train.once(10_000).take(most).as_numpy_iterator()))[: args.memory_rows]
        peak()
    keras.utils.set_random_seed(0)
    model = tfar.MADE(data.event_shape, hidden_units=[args.units], head="bernoulli" if args.kind == "binary" else "normal")
    watch = Watch()
    settings = {"epochs": args.passes, "batch_size": args.batch_size, "epoch_steps": len(train) // args.batch_size}
    fit = training.fit(model, train, data.validation, **settings, callbacks=[watch])
    scored = []
    for _ in range(2):
        began = time.perf_counter()
        nll = training.evaluate(model, train, 1000)["nll"]
        scored.append(len(train) / (time.perf_counter() - began))
    rows = settings["epoch_steps"] * args.batch_size
    return {
        "rows": len(train),
        "read_seconds": round(read_seconds, 1),
        "train_rows": round(rows / min(watch.seconds[1:] or watch.seconds)),
        "train_rows_per_processor_second": round(rows / min(watch.processor[1:] or watch.processor)),
        "score_rows": round(scored[-1]),
        "peak_mib": {"reading": read_peak, "passes": watch.peaks, "scoring": peak()},
        "val_nll": fit.history["val_nll"],
        "nll": nll,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--units", type=int, default=500)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--memory-rows", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=("binary", "real"), default="binary")
    parser.add_argument("--folder", type=Path, help="where the shards are, or are written (default: a temporary folder)")
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    parser.add_argument("--way", choices=("stream", "memory"), help=argparse.SUPPRESS)  # of a process of this script's own
    args = parser.parse_args()
    if args.way:
        print(json.dumps(measure(args.way, args.folder, args)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        write_shards(folder, args.rows, args.columns, args.kind)
        found = {"settings": {name: getattr(args, name) for name in ("rows", "columns", "units", "passes", "batch_size", "kind")}}
        words = [word for word in sys.argv[1:] if not word.startswith("--out=")]
        for way in ("stream", "memory"):
            command = [sys.executable, __file__, *words, f"--folder={folder}", f"--way={way}"]
            found[way] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()[-1])
            print(way, found[way], flush=True)
    found["ratio"] = {
        name: round(found["stream"][name] / found["memory"][name], 3)
        for name in ("train_rows", "train_rows_per_processor_second", "score_rows")
    }
    print(json.dumps(found["ratio"]))
    if args.out:
        from tfar.files import write_json

        write_json(args.out, found, overwrite=True)


if __name__ == "__main__":
    main()
