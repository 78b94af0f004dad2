"""Measure bulk scoring beside a plain loop: `tfar score` into a folder of shards, and `tfar.beam.Score` with processes of this machine.

    python scripts/benchmark_bulk.py [--rows 100000] [--columns 100] [--units 500] [--processes 2] [--folder DIR] [--out FILE.json]

The rows are binary, in Parquet files of 100,000 rows; the model is a MADE that was trained for a few steps. All three ways read the files:

    loop     a loop over the files that calls `model.log_prob` on 1000 rows at a time
    shards   `tfar score RUN --data DIR --out FOLDER`
    beam     `ReadFromParquetBatched`, `tfar.beam.Score` and `WriteToParquet` by Beam's DirectRunner in several processes

    rows_per_second    of each way
    difference         the largest one between the log-probabilities of a way and those of the loop
    peak_mib           the largest resident memory of the process while `tfar score` runs, in MiB
    start_seconds      of the same pipeline with one row; the rate of the others has that time in it

Without apache-beam that way is left out.
"""

import argparse
import importlib.util
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SHARD_ROWS, GROUP_ROWS, CALL_ROWS = 100_000, 10_000, 1000


def write_rows(folder, rows, columns):
    """Rows of signs of sums of 8 common normal numbers and one of each column's own, and their numbers in the column `row`."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    folder.mkdir(parents=True)
    mixing = np.random.default_rng(0).normal(size=[8, columns])
    for first in range(0, rows, SHARD_ROWS):
        generator, count = np.random.default_rng([1, first]), min(SHARD_ROWS, rows - first)
        x = generator.normal(size=[count, 8]) @ mixing + generator.normal(size=[count, columns]) > 0
        table = {"row": np.arange(first + 1, first + count + 1), **{f"x{i}": x[:, i].astype(np.int8) for i in range(columns)}}
        parquet.write_table(pa.table(table), folder / f"rows-{first:09d}.parquet", row_group_size=GROUP_ROWS)


def by_loop(model, data):
    """The log-probabilities of all rows."""
    import numpy as np
    from pyarrow import parquet

    found = []
    for path in sorted(data.iterdir()):
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(CALL_ROWS):
                found.append(model.log_prob(values(batch)).numpy())
    return np.concatenate(found)


def values(batch):
    """The rows x int32 of a batch of pyarrow's, whose first column is their number."""
    import numpy as np

    return np.stack([column.to_numpy() for column in batch.columns[1:]], axis=1).astype(np.int32)


def elements(table):
    """The numbers and values of the rows of a table, as `Score` takes them."""
    import numpy as np

    x = np.stack([column.to_numpy() for column in table.columns[1:]], axis=1).astype(np.int32)
    return zip(table.columns[0].to_pylist(), x, strict=True)


def result(pair):
    """A row of the output."""
    return {"row": pair[0], "log_prob": pair[1]["log_prob"]}


def by_beam(model, data, out, processes):
    """Score files with Beam, into Parquet files that begin with `out`."""
    import apache_beam as beam
    import pyarrow as pa
    from apache_beam.options.pipeline_options import PipelineOptions

    from tfar.beam import Score

    options = PipelineOptions([f"--direct_num_workers={processes}", "--direct_running_mode=multi_processing"])
    schema = pa.schema([("row", pa.int64()), ("log_prob", pa.float64())])
    with beam.Pipeline(options=options) as pipeline:
        rows = pipeline | beam.io.ReadFromParquetBatched(str(data)) | beam.FlatMap(elements)
        rows | Score(model) | beam.Map(result) | beam.io.WriteToParquet(str(out), schema, file_name_suffix=".parquet")


def resident():
    """The largest resident memory since the last call, in MiB, as Linux counts it."""
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    Path("/proc/self/clear_refs").write_text("5")
    return round(int(status["VmHWM"].split()[0]) / 1024)


def timed(function, *args):
    """What a function returns, and its seconds."""
    began = time.perf_counter()
    found = function(*args)
    return found, time.perf_counter() - began


def measure(args, folder):
    """The figures, in a folder for what is written."""
    import numpy as np
    import pandas as pd

    import tfar
    from tfar.cli.main import main as command

    data, run = folder / "rows", folder / "run"
    write_rows(data, args.rows, args.columns)
    words = ["--stream", "--drop", "row", "--hidden-units", args.units, "--epochs", 1, "--epoch-steps", 20]
    assert command(["train", "made", "--data", data, "--out", run, *words, "--no-jit", "--quiet"]) == 0
    model = tfar.load_run(run).model
    by_loop(model, data) if args.rows <= 2 * SHARD_ROWS else None  # to trace and compile
    expected, seconds = timed(by_loop, model, data)
    found = {"loop": {"rows_per_second": round(args.rows / seconds)}}
    resident()
    code, seconds = timed(command, ["score", run, "--data", data, "--out", folder / "shards"])
    assert code == 0
    scores = pd.read_parquet(folder / "shards").sort_values("row")["log_prob"]
    found["shards"] = {"rows_per_second": round(args.rows / seconds), "peak_mib": resident()}
    found["shards"]["difference"] = float(np.abs(scores.to_numpy() - expected).max())
    if importlib.util.find_spec("apache_beam"):
        model.export(folder / "exported" / "1")
        write_rows(folder / "one", 1, args.columns)
        _, start = timed(by_beam, folder / "exported", folder / "one" / "*", folder / "beam-one" / "part", args.processes)
        _, seconds = timed(by_beam, folder / "exported", data / "*", folder / "beam" / "part", args.processes)
        scores = pd.read_parquet(folder / "beam").sort_values("row")
        assert scores["row"].tolist() == list(range(1, args.rows + 1))
        found["beam"] = {
            "rows_per_second": round(args.rows / seconds),
            "start_seconds": round(start, 1),
            "difference": float(np.abs(scores["log_prob"].to_numpy() - expected).max()),
        }
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--units", type=int, default=500)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where temporary files are written")
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    args = parser.parse_args()
    settings = {name: getattr(args, name) for name in ("rows", "columns", "units", "processes")}
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        found = {"settings": {**settings, "cpus": os.cpu_count()}, **measure(args, Path(folder))}
    print(found)
    if args.out:
        from tfar.files import write_json

        write_json(args.out, found, overwrite=True)


if __name__ == "__main__":
    main()
