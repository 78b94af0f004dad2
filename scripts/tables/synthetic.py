"""Synthetic tables of Adult: train, score test rows, draw as many rows as there are training rows, compare them with real ones."""

import json
import subprocess

import numpy as np
import pandas as pd

from tables import protocol


def run(options):
    """Measure each seed and its synthetic table, with `SETTINGS` or with the command line's defaults."""
    results = protocol.Results(options, "adult")
    kind = "defaults" if options.defaults else "settings"
    command = protocol.command_of(options, "made", options.defaults)
    settings = {"command": command, "rows": options.rows}
    tables = {}
    for seed in range(options.seeds):
        look = f"synthetic: {kind}, seed {seed}: bits per row, and the comparison of its table with test rows"
        results.part(["synthetic", kind, "runs", str(seed)], settings, lambda s=seed: scored(options, command, s), look)
        tables[str(seed)] = table_of(options, command, seed)
    if options.scoring_python:
        settings["seeds"] = options.seeds
        results.part(["synthetic", kind, "quality"], settings, lambda: quality(options, tables))


def table_of(options, command, seed):
    """The file of a synthetic table of as many rows as the training table; one that is in the work folder is taken."""
    train, _ = protocol.adult(options)
    model = protocol.trained(options, command, seed)
    path = model.with_suffix(".csv")
    if not path.exists():
        rows = sum(1 for _ in train.open(encoding="utf-8")) - 1
        protocol.tfar("sample", model, "-n", rows, "--seed", seed, "--out", path)
    return path


def scored(options, command, seed):
    """The NLL of validation and test rows, and the times of one training and one table."""
    model, (_, test) = protocol.trained(options, command, seed), protocol.adult(options)
    scores = model.with_suffix(".scores.csv")
    protocol.tfar("score", model, "--data", test, "--out", scores, "--overwrite")
    bits = -pd.read_csv(scores)["log_prob"].to_numpy() / np.log(2)
    metrics = protocol.metrics_of(model)
    return {
        "validation_bits_per_row": metrics["validation"]["bits_per_row"],
        "test_bits_per_row": float(bits.mean()),
        "test_bits_error": float(bits.std(ddof=1) / len(bits) ** 0.5),
        "epochs": metrics["epochs"],
        "training_seconds": metrics["seconds"],
    }


def quality(options, tables):
    """Scores of tables in files by name, and of real and independent rows, by one run of `scripts/score_tables.py`."""
    train, test = protocol.adult(options)
    words = [options.scoring_python, protocol.ROOT / "scripts" / "score_tables.py", "--train", train, "--test", test]
    words += ["--target", f"{protocol.TARGET}={protocol.POSITIVE}", *tables.values()]
    done = subprocess.run([str(word) for word in words], check=True, stdout=subprocess.PIPE, text=True)
    scores = json.loads(done.stdout.splitlines()[-1])
    return {"tables": {name: scores.pop(str(path)) for name, path in tables.items()}, "references": scores}
