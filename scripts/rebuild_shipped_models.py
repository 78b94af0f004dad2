"""Check the models of `saved_models`, and write what lies beside their versions: configuration, description of the data, card.

    python scripts/rebuild_shipped_models.py [NAME ...] [--folder DIR] [--results DIR] [--raw DIR] [--data-dir DIR]

For each folder, the command of its `metrics.json` is read, the model that the command asks for is built, and it gets the weights of the
newest version: nothing is trained. The model must score the stored test rows as the SavedModel does, to 1e-4 nats or 1e-6 of the score;
the largest differences are printed. Then `model.json`, `data.json` and `README.md` are written, and `metrics.json` with the mean over the
folds that `results` has, where the command trains one fold.

`--raw` names the folder of original files: texts whose paths are not known here are looked for in it. TFDS_DATA_DIR, or `--data-dir`,
names the prepared data sets.
"""

import argparse
import json
import shlex
import sys
from pathlib import Path

import numpy as np

from tfar.cli.main import parse
from tfar.datasets.text_sources import is_archive
from tfar.files import write_json, write_text

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS_LICENCE = "The weights are published under the Apache License 2.0, as tfar is."
ABSOLUTE, RELATIVE = 1e-4, 1e-6  # a score that differs by more, nats, is not that of the same density


def job_of(folder, raw, data_dir):
    """Return the job of the command that trained a model: it has the data, and builds the model."""
    from tfar.cli.train import make_job

    command = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["command"]
    args = parse(shlex.split(command)[1:])
    args.data_dir = data_dir or args.data_dir
    args.data = located(args.data, raw)
    return make_job(args, folder)


def located(source, raw):
    """Return where a source is: a relative path of an archive is looked for in a folder of original files."""
    path = Path(source)
    if raw is None or not is_archive(path.parts[0]) or path.exists():
        return source
    found = next(Path(raw).rglob(path.parts[0]), None)
    return source if found is None else str(found.absolute().joinpath(*path.parts[1:]))


def scores(model, version):
    """Return the scores of the stored test rows: as stored, by the SavedModel, and by a model; float64 `[N]` each."""
    import tensorflow as tf

    from tfar.serving.export import EXTRA, TEST_ROWS, endpoints_in, labels_of, standardization_of

    with np.load(version / EXTRA / TEST_ROWS) as stored:
        rows = dict(stored)
    loaded = tf.saved_model.load(str(version))
    function = loaded.signatures["log_prob"]
    inputs = {name: tf.constant(rows[name], spec.dtype) for name, spec in function.structured_input_signature[1].items()}
    served = function(**inputs)["log_prob"].numpy()
    endpoint = endpoints_in(model, standardization_of(version), labels_of(version))["log_prob"]
    own = endpoint.function(*(inputs[name] for name in endpoint.inputs))["log_prob"]
    return [np.asarray(found, np.float64) for found in (rows["log_prob"], served, own.numpy())]


def folds_of(name, args, results):
    """Return what the folds of the model's recipe have, for `metrics.json`: {} where the model is not one of a fold."""
    path = results / f"{name}.json"
    if getattr(args, "fold", None) is None or not path.is_file():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    own = {"fold": args.fold, "nlls": found["folds"], "nll": found["nll"], "nll_error": found["nll_error"]}
    return {"folds": {**own, "command": found["command"]}}


def rebuild(folder, options):
    """Check one model, write its files, and return a line about it.

    Raises:
        ValueError: the model is not that of the SavedModel.
    """
    import keras

    import tfar
    from tfar.cli.export import signatures_of
    from tfar.cli.model_card import model_card
    from tfar.cli.published import write_beside
    from tfar.cli.train import _run_of
    from tfar.models.exported import newest_version

    keras.utils.clear_session()  # names of layers count from here
    job = job_of(folder, options.raw, options.data_dir)
    model, version = job.build(), newest_version(folder)
    tfar.load_weights_from_saved_model(model, version)
    stored, served, own = scores(model, version)
    differences = {"stored": np.abs(own - stored), "SavedModel": np.abs(own - served)}
    if (differences["SavedModel"] > np.maximum(ABSOLUTE, RELATIVE * np.abs(served))).any():
        raise ValueError(
            f"{folder.name}: the model must score as the SavedModel. Received: {differences['SavedModel'].max():.2e} nats apart"
        )
    run = _run_of(folder, model, job.data)
    figures = {"parameters": model.count_params(), **folds_of(folder.name, job.args, options.results)}
    write_json(folder / "metrics.json", run.metrics | figures, overwrite=True)
    del run.metrics  # read again
    write_beside(run, folder)
    write_text(folder / "README.md", model_card(run, version, signatures_of(version), WEIGHTS_LICENCE), overwrite=True)
    told = ", ".join(f"{value.max():.1e} from {name}" for name, value in differences.items())
    return f"{folder.name:32} {len(own)} rows, NLL {-served.mean():.3f} nats; at most {told}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="names of models (default: all)")
    parser.add_argument("--folder", type=Path, default=ROOT / "saved_models", help="folder of the models (default: saved_models)")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="folder of results (default: results)")
    parser.add_argument("--raw", help="folder of original files")
    parser.add_argument("--data-dir", help="folder of prepared TFDS data sets")
    options = parser.parse_args()
    for name in options.names or sorted(path.parent.name for path in options.folder.glob("*/metrics.json")):
        try:
            print(rebuild(options.folder / name, options), flush=True)
        except (ValueError, OSError) as error:
            print(f"rebuild_shipped_models: error: {name}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
