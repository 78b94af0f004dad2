"""A table of 1,000,000 rows and 30 columns by the command line: times and peak memory of each step, each a process of its own."""

import numpy as np
import pandas as pd

from tables import protocol


def run(options):
    """Measure the sampling of Adult; training on the large table, sampling to Parquet, and scoring."""
    results = protocol.Results(options, "tables")
    rows, work = options.size(protocol.BIG_ROWS), options.work
    work.mkdir(parents=True, exist_ok=True)
    adult = {"rows": options.size(protocol.ADULT_ROWS), "command": protocol.command_of(options, "made")}

    def sampled():
        run = protocol.trained(options, adult["command"])
        return protocol.tfar("sample", run, "-n", adult["rows"], "--out", work / "adult-samples.csv", "--overwrite")

    results.part(["adult sampled"], adult, sampled)

    data, model = work / f"big-{rows}.parquet", work / f"big-{rows}-{options.epochs or protocol.BIG_EPOCHS}"
    if not data.exists():
        table(rows).to_parquet(data)
    words = f"--epochs {options.epochs or protocol.BIG_EPOCHS} --batch-size 1000"
    steps = {
        "train": ["train", "made", "--data", data, "--out", model, *words.split()],
        "sample": ["sample", model, "-n", rows, "--out", work / "big-samples.parquet", "--overwrite"],
        "score": ["score", model, "--data", data, "--out", work / "big-scores.csv", "--overwrite"],
    }
    for name, command in steps.items():
        results.part(["big", name], {"rows": rows, "columns": protocol.BIG_COLUMNS, "words": words}, lambda c=command: protocol.tfar(*c))


def table(rows):
    """A table of dependent columns: 10 of words, 8 of whole numbers, 5 of decimals, 4 of reals, and of booleans, dates and blanks."""
    random = np.random.default_rng(protocol.SEED)
    factors = random.normal(size=(rows, 3))

    def mixed(noise=0.5):
        return factors @ random.normal(size=3) + noise * random.normal(size=rows)

    columns = {}
    for k in range(10):
        classes = np.array([f"value {n}" for n in range(3 + 5 * k)])
        columns[f"words_{k}"] = classes[np.clip((mixed() + 3) / 6 * len(classes), 0, len(classes) - 1).astype(int)]
    for k in range(8):
        columns[f"count_{k}"] = random.poisson(np.exp(1 + k / 4 + mixed(0.2) / 3))
    for k in range(5):
        columns[f"price_{k}"] = np.round(np.exp(mixed() / 2) * 10, 2)
    for k in range(4):
        columns[f"real_{k}"] = mixed() ** 3
    columns["active"] = mixed() > 0
    columns["joined"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.clip(mixed() * 300 + 900, 0, 3000).astype(int), unit="D")
    columns["score"] = np.where(mixed() > 1, np.nan, np.round(mixed(), 1))
    return pd.DataFrame(columns)
