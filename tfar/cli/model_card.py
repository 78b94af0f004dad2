"""The model card of an exported model: what someone who has nothing but the SavedModel must know to use it."""

from pathlib import Path
from typing import Any

import numpy as np

from tfar.cli.outputs import markdown_table
from tfar.cli.published import command_elsewhere, description_elsewhere
from tfar.cli.runs import METRICS, Run
from tfar.datasets.notices import notice_of
from tfar.reading import read_arrays, reading
from tfar.serving.export import EXTRA, TEST_ROWS, standardization_of

MARK = "Written by `tfar export`, which replaces it with each new version."


def model_card(trained: Run, path: Path, signatures: dict[str, tuple[str, str]], licence: str | None = None) -> str:
    """The card in Markdown: model, data, likelihood and the command that measured it, use and licences, endpoints, values, sizes.

    Args:
        trained: the run.
        path: the version's folder, in a folder that bears the model's name.
        signatures: the SavedModel's signatures, {name: (inputs, outputs)}, in words.
        licence: a sentence about that of the weights.
    """
    model, size = trained.model, sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    description = description_elsewhere(trained.description)
    sizes = ", ".join(f"{count:,} {split}" for split, count in description["sizes"].items())
    facts = {
        "model": f"{type(model.network).__name__}, head `{model.head!r}`, {model.count_params():,} parameters",
        "data": f"{description['name']} ({description['kind']}), {trained.unit}: {sizes}",
        "version": f"{path.name}, {size / 1e6:.2f} MB",
    }
    endpoints = {f"`{name}`": (inputs, outputs) for name, (inputs, outputs) in sorted(signatures.items())}
    parts = [
        f"# {path.parent.name}",
        f"A density of {trained.values}. `tf.saved_model.load` loads version `{path.name}` without any other package, and TF Serving "
        "serves it.",
        markdown_table(["", ""], facts.items()),
        "## Likelihood",
        _likelihood(trained),
        _test_rows(path),
        "## Use, limitations and licences",
        _use(description["name"], licence),
        "## Endpoints",
        markdown_table(["endpoint", "inputs", "outputs"], [(name, *words) for name, words in endpoints.items()]),
        "Row i of an answer depends on row i of the request alone. `log_prob` is in nats. The same row with the same `seed` "
        "gives the same draw.",
        "## Values",
        *trained.described_values(path),
        MARK,
    ]
    return "\n\n".join(parts) + "\n"


def _likelihood(trained: Run) -> str:
    """The table of NLLs, and the command behind it."""
    with reading(trained.folder / METRICS, "what 'tfar train' measured"):
        return _table(trained.metrics, trained)


def _table(metrics: dict[str, Any], trained: Run) -> str:
    rows = []
    for name in ("train", "validation", "test"):
        if name in metrics:
            found = metrics[name]
            error = "" if found["nll_error"] is None else f" ± {found['nll_error']:.3f}"
            own = ["not finite" if found["nll"] is None else f"{found['nll_own_units']:.3f}"] if "nll_own_units" in found else []
            split = f"{name}, before it was trained on too" if name == "validation" and "refit" in metrics else name
            # metrics.json has no numbers for infinity, the NLL of a value that the model rules out
            scores = ["not finite"] * 2 if found["nll"] is None else [f"{found['nll']:.3f}{error}", f"{found[trained.bits]:.4f}"]
            rows.append([split, f"{found[trained.unit]:,}", *scores, *own])
    if not rows:
        return "Not measured: the model's folder holds no metrics."
    own = ["NLL in the data's own units"] if len(rows[0]) > 4 else []
    words = trained.bits.replace("_", " ").replace("dim", "dimension")
    table = markdown_table(["split", trained.unit, f"NLL, {trained.nats} (mean ± standard error)", words, *own], rows)
    baseline = "an NLL that is not finite" if metrics["baseline_nll"] is None else f"{metrics['baseline_nll']:.3f} {trained.nats}"
    note = f"{trained.baseline} have {baseline} on the test {trained.unit}"
    if metrics.get("gaussian_nll") is not None:
        note += f", and a normal of full covariance {metrics['gaussian_nll']:.3f}"
    versions = ", ".join(f"{package} {version}" for package, version in metrics["versions"].items() if version)
    measured = f"{table}\n\n{note}. Measured at the end of\n\n    {command_elsewhere(metrics['command'])}\n\nwith {versions}."
    return f"{measured}\n\n{_folds(metrics['folds'], trained.nats)}" if "folds" in metrics else measured


def _folds(folds: dict[str, Any], nats: str) -> str:
    """What all folds of a cross-validation have, beside the one that the model is of."""
    count, fold = len(folds["nlls"]), folds["fold"]
    return (
        f"This model is of fold {fold} of {count}, and its figures are those of that fold alone. `{folds['command']}` trains one model for "
        f"each fold: the mean of their test NLLs is {folds['nll']:.3f} ± {folds['nll_error']:.3f} {nats} (standard error over the folds), "
        f"and that of fold {fold} is {folds['nlls'][fold]:.3f}."
    )


def _use(data: str, licence: str | None) -> str:
    """Paragraphs of what is known about the data, given their name, and about the weights."""
    notice = notice_of(data)
    if notice is None:
        known = {"Data": "their licence is not known to tfar. Whoever publishes the model states it."}
    else:
        known = {"Intended use": notice.use, "Limitations": notice.limits, "Licence of the data, stored test rows included": notice.licence}
    if licence is not None:
        known["Licence of the weights"] = licence
    return "\n\n".join(f"**{title}**: {words}" for title, words in known.items())


def _test_rows(path: Path) -> str:
    """What the test rows that are stored with the version have."""
    file = path / EXTRA / TEST_ROWS
    if not file.exists():
        return "No test rows are stored with the model: its data were not there when it was exported."
    rows = read_arrays(file)
    count, nats = len(rows["log_prob"]), -rows["log_prob"].sum(dtype=np.float64)
    if "text" in rows:
        characters = rows["characters"]
        what, nll = f"{count} strings of {characters.max()} test characters", f"{nats / characters.sum():.4f} nats per character"
    else:
        units = "" if standardization_of(path) is None else ", in the data's own units"
        what, nll = f"{count} test rows", f"{nats / count:.3f} nats{units}"
    return f"The first {what}, stored with the `log_prob` of each in `{path.name}/{EXTRA}/{TEST_ROWS}`, have {nll}."
