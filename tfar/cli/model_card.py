"""The model card of an exported model: what someone who has nothing but the SavedModel must know to use it."""

import shlex
from pathlib import Path

import numpy as np

from tfar.cli.outputs import markdown_table
from tfar.cli.runs import Run
from tfar.datasets.text_sources import is_archive, is_pattern
from tfar.serving.export import EXTRA, TEST_ROWS

MARK = "Written by `tfar export`, which replaces it with each new version."


def model_card(trained: Run, path: Path, signatures: dict[str, tuple[str, str]]) -> str:
    """The card in Markdown: model, data, likelihood and the command that measured it, endpoints, values, sizes.

    Args:
        trained: the run.
        path: the version's folder, in a folder that bears the model's name.
        signatures: the SavedModel's signatures, {name: (inputs, outputs)}, in words.
    """
    model, size = trained.model, sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    sizes = ", ".join(f"{count:,} {split}" for split, count in trained.description["sizes"].items())
    facts = {
        "model": f"{type(model.network).__name__}, head `{model.head!r}`, {model.count_params():,} parameters",
        "data": f"{trained.description['name']} ({trained.description['kind']}), {trained.unit}: {sizes}",
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
        "## Endpoints",
        markdown_table(["endpoint", "inputs", "outputs"], [(name, *words) for name, words in endpoints.items()]),
        "Row i of an answer depends on row i of the request alone. `log_prob` is in nats. The same row with the same `seed` "
        "gives the same draw.",
        "## Values",
        *trained.described_values(),
        MARK,
    ]
    return "\n\n".join(parts) + "\n"


def _likelihood(trained: Run) -> str:
    """The table of NLLs, and the command behind it."""
    metrics, rows = trained.metrics, []
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
    return f"{table}\n\n{note}. Measured at the end of\n\n    {_elsewhere(metrics['command'])}\n\nwith {versions}."


def _elsewhere(command: str) -> str:
    """A command as it would be given on another machine: of absolute paths the names alone, with what is wanted of an archive or folder."""
    words = [word.rpartition("=") for word in shlex.split(command)]
    return shlex.join("".join((*option, _name(Path(value)) if Path(value).is_absolute() else value)) for *option, value in words)


def _name(path: Path) -> str:
    """The name of a path, or all from its first archive or pattern on."""
    first = next((n for n, part in enumerate(path.parts) if is_archive(part) or is_pattern(part)), -1)
    return str(Path(*path.parts[first:]))


def _test_rows(path: Path) -> str:
    """What the test rows that are stored with the version have."""
    file = path / EXTRA / TEST_ROWS
    if not file.exists():
        return "No test rows are stored with the model: its data were not there when it was exported."
    with np.load(file) as stored:
        rows = dict(stored)
    count, nats = len(rows["log_prob"]), -rows["log_prob"].sum(dtype=np.float64)
    if "text" in rows:
        characters = rows["characters"]
        what, nll = f"{count} strings of {characters.max()} test characters", f"{nats / characters.sum():.4f} nats per character"
    else:
        what, nll = f"{count} test rows", f"{nats / count:.3f} nats"
    return f"The first {what}, stored with the `log_prob` of each in `{path.name}/{EXTRA}/{TEST_ROWS}`, have {nll}."
