"""Bulk scoring beside a plain loop: `tfar score` into a folder of shards, and `tfar.beam.Score` with processes of this machine.

    python scripts/benchmark_scale.py bulk [--rows 100000] [--columns 100] [--units 500] [--processes 2] [--folder DIR]

The rows are binary, in Parquet files of 100,000 rows; the model is a MADE that was trained for a few steps. All three ways read the files:

    loop     a loop over the files that calls `model.log_prob` on 1000 rows at a time
    shards   `tfar score RUN --data DIR --out FOLDER`
    beam     `ReadFromParquetBatched`, `tfar.beam.Score` and `WriteToParquet` by Beam's DirectRunner in several processes

    rows_per_second    of each way
    difference         the largest one between the log-probabilities of a way and those of the loop, nats
    relative           the same, of the difference divided by the log-probability
    peak_mib           the largest resident memory of the process while `tfar score` runs, in MiB
    start_seconds      of the same pipeline with one row; the rate of the others has that time in it

Without apache-beam that way is left out.
"""

import argparse
import importlib.util
import tempfile
from pathlib import Path

from scale import record
from scale.measures import Peak, timed
from scale.shards import write_shards

CALL_ROWS = 1000


def by_loop(model, data):
    """The log-probabilities of all rows."""
    import numpy as np
    from pyarrow import parquet

    found = []
    for path in sorted(data.iterdir()):
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(CALL_ROWS):
                found.append(model.log_prob(values(batch)).numpy())
    return np.concatenate(found).astype(np.float64)


def values(batch):
    """The rows x int32 of a batch of pyarrow's, whose first column is their number."""
    import numpy as np

    return np.stack([column.to_numpy() for column in batch.columns[1:]], axis=1).astype(np.int32)


def elements(table):
    """The numbers and values of the rows of a table, as `Score` takes them."""
    return zip(table.columns[0].to_pylist(), values(table), strict=True)


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
        rows | Score(model, batch_size=CALL_ROWS) | beam.Map(result) | beam.io.WriteToParquet(str(out), schema, file_name_suffix=".parquet")


def compared(folder, expected):
    """How the scores of a folder differ from those expected; every row must be there once."""
    import numpy as np
    import pandas as pd

    scores = pd.read_parquet(folder).sort_values("row")
    assert scores["row"].tolist() == list(range(1, len(expected) + 1))
    apart = np.abs(scores["log_prob"].to_numpy() - expected)
    return {"difference": float(apart.max()), "relative": float((apart / np.abs(expected)).max())}


def measure(args, folder):
    """The figures, in a folder for what is written."""
    import tfar
    from tfar.cli.main import main as command

    data, run = folder / "rows", folder / "run"
    write_shards(data, args.rows, args.columns, numbered=True)
    words = ["--stream", "--drop", "row", "--hidden-units", args.units, "--epochs", 1, "--epoch-steps", 20]
    assert command(["train", "made", "--data", data, "--out", run, *words, "--no-jit", "--quiet"]) == 0
    model, peak = tfar.load_run(run).model, Peak()
    write_shards(folder / "one", 1, args.columns, numbered=True)
    by_loop(model, folder / "one")  # to trace and compile
    expected, seconds = timed(by_loop, model, data)
    found = {"loop": {"rows_per_second": round(args.rows / seconds)}}
    print(found, flush=True)
    peak()
    code, seconds = timed(command, ["score", run, "--data", data, "--out", folder / "shards"])
    assert code == 0
    found["shards"] = {"rows_per_second": round(args.rows / seconds), "peak_mib": peak(), **compared(folder / "shards", expected)}
    print(found["shards"], flush=True)
    if importlib.util.find_spec("apache_beam"):
        model.export(folder / "exported" / "1")
        _, start = timed(by_beam, folder / "exported", folder / "one" / "*", folder / "beam-one" / "part", args.processes)
        _, seconds = timed(by_beam, folder / "exported", data / "*", folder / "beam" / "part", args.processes)
        found["beam"] = {
            "rows_per_second": round(args.rows / seconds),
            "start_seconds": round(start, 1),
            **compared(folder / "beam", expected),
        }
        print(found["beam"], flush=True)
    return found


def main(words):
    parser = argparse.ArgumentParser("benchmark_scale.py bulk", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--units", type=int, default=500)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where temporary files are written")
    parser.add_argument("--results", type=Path, default=record.FILE, help="the file of the figures")
    args = parser.parse_args(words)
    settings = {name: getattr(args, name) for name in ("rows", "columns", "units", "processes")}
    if args.folder is not None:
        args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        found = measure(args, Path(folder))
    record.update("bulk", f"{args.rows} x {args.columns}", {"settings": settings, **found}, args.results)
