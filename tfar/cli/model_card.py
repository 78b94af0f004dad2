"""The model card of an exported model: what someone who has nothing but the SavedModel must know to use it."""

import shlex
from pathlib import Path

import numpy as np

from tfar.datasets.text_sources import is_archive, is_pattern
from tfar.serving.export import EXTRA, TEST_ROWS

MARK = "Written by `tfar export`, which replaces it with each new version."


def model_card(trained, path, signatures):
    """The card in Markdown: model, data, likelihood and the command that measured it, endpoints, values, sizes.

    Args:
        trained: a `tfar.cli.runs.Run`.
        path: the version's folder, in a folder that bears the model's name.
        signatures: the SavedModel's signatures, {name: (inputs, outputs)}, in words.
    """
    model, size = trained.model, sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    unit = "characters" if trained.is_text else "rows"
    sizes = ", ".join(f"{count:,} {split}" for split, count in trained.data["sizes"].items())
    kind = "text" if trained.is_text else f"{trained.preparation.kind} values `{list(model.event_shape)}`"
    facts = {
        "model": f"{type(model.network).__name__}, head `{model.head!r}`, {model.count_params():,} parameters",
        "data": f"{trained.data['name']} ({trained.data['kind']}), {unit}: {sizes}",
        "version": f"{path.name}, {size / 1e6:.2f} MB",
    }
    endpoints = {f"`{name}`": (inputs, outputs) for name, (inputs, outputs) in sorted(signatures.items())}
    parts = [
        f"# {path.parent.name}",
        f"A density of {kind}. `tf.saved_model.load` loads version `{path.name}` without any other package, and TF Serving serves it.",
        _table(["", ""], facts.items()),
        "## Likelihood",
        _likelihood(trained.metrics, unit),
        _test_rows(path),
        "## Endpoints",
        _table(["endpoint", "inputs", "outputs"], [(name, *words) for name, words in endpoints.items()]),
        "Row i of an answer depends on row i of the request alone. `log_prob` is in nats. The same row with the same `seed` "
        "gives the same draw.",
        "## Values",
        *(_text(model) if trained.is_text else [*_values(trained), *_context(trained), _order(model.network)]),
        MARK,
    ]
    return "\n\n".join(parts) + "\n"


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _likelihood(metrics, unit):
    """The table of NLLs, and the command behind it."""
    rows, text = [], unit == "characters"
    bits, per = ("bits_per_character", "nats per character") if text else ("bits_per_dim", "nats")
    for name in ("train", "validation", "test"):
        if name in metrics:
            found = metrics[name]
            error = "" if found["nll_error"] is None else f" ± {found['nll_error']:.3f}"
            own = ["not finite" if found["nll"] is None else f"{found['nll_own_units']:.3f}"] if "nll_own_units" in found else []
            split = f"{name}, before it was trained on too" if name == "validation" and "refit" in metrics else name
            # metrics.json has no numbers for infinity, the NLL of a value that the model rules out
            scores = ["not finite"] * 2 if found["nll"] is None else [f"{found['nll']:.3f}{error}", f"{found[bits]:.4f}"]
            rows.append([split, f"{found[unit]:,}", *scores, *own])
    if not rows:
        return "Not measured: the model's folder holds no metrics."
    own = ["NLL in the data's own units"] if len(rows[0]) > 4 else []
    words = bits.replace("_", " ").replace("dim", "dimension")
    table = _table(["split", unit, f"NLL, {per} (mean ± standard error)", words, *own], rows)
    what = "The frequencies of the training characters" if text else "Independent positions, fitted to the rows that the model was,"
    baseline = "an NLL that is not finite" if metrics["baseline_nll"] is None else f"{metrics['baseline_nll']:.3f} {per}"
    note = f"{what} have {baseline} on the test {unit}"
    if metrics.get("gaussian_nll") is not None:
        note += f", and a normal of full covariance {metrics['gaussian_nll']:.3f}"
    versions = ", ".join(f"{package} {version}" for package, version in metrics["versions"].items() if version)
    return f"{table}\n\n{note}. Measured at the end of\n\n    {_elsewhere(metrics['command'])}\n\nwith {versions}."


def _elsewhere(command):
    """A command as it would be given on another machine: of absolute paths the names alone, with what is wanted of an archive or folder."""
    words = [word.rpartition("=") for word in shlex.split(command)]
    return shlex.join("".join((*option, _name(Path(value)) if Path(value).is_absolute() else value)) for *option, value in words)


def _name(path):
    """The name of a path, or all from its first archive or pattern on."""
    first = next((n for n, part in enumerate(path.parts) if is_archive(part) or is_pattern(part)), -1)
    return str(Path(*path.parts[first:]))


def _test_rows(path):
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


def _text(model):
    """What strings the endpoints take."""
    vocabulary = model.vocabulary
    if vocabulary.kind == "bytes":
        yield "Strings are any bytes; `characters` and `length` count them."
    else:
        other = "no others" if vocabulary.unknown is None else "any other as U+FFFD"
        yield f"Strings are UTF-8, of these {len(vocabulary)} characters, as Python writes them, and {other}:\n\n    {vocabulary.symbols!r}"
    yield (
        "`text` begins with its `prompt`, which may be empty, and goes on for `length` characters. `temperature` is above 0: "
        "1 draws from the density that `log_prob` scores, less draws likelier texts."
    )


def _values(trained):
    """What x means: its support, and how it was made from the data."""
    p, head = trained.preparation, trained.model.head
    yield f"`x` is {head.dtype.name}: {head.support}."
    if p.standardization is None:
        if p.levels != p.input_levels:
            yield f"A value v of the data, 0 to {p.input_levels - 1}, is floor({p.levels} v / {p.input_levels}) here."
        return
    s = p.standardization
    yield (
        "`x` is standardised, (value - mean) / scale, with the statistics of the rows that it was fitted to. Log-densities in the "
        f"data's own units are `log_prob` {s.log_jacobian:+.6f}."
    )
    rows = zip(trained.columns, s.mean.ravel(), s.scale.ravel(), strict=True)
    yield _table(["value", "mean", "scale"], [(name, f"{mean:.9g}", f"{scale:.9g}") for name, mean, scale in rows])


def _context(trained):
    names = trained.preparation.context_names
    if names is not None:
        yield f"`context` is one-hot, of the classes {', '.join(names)}, in this order."
    elif trained.preparation.context_size:
        yield f"`context` is {trained.preparation.context_size} numbers, as they were at training."


def _order(network):
    """What `complete` can do, and of which order `log_prob` is where there is a choice."""
    if network.order_agnostic:
        return (
            "`complete` takes any pattern of `observed`, another one for each row. `log_prob` is always that of one and the same order; "
            "the mean of the probabilities in several orders, which scores better, is no endpoint."
        )
    orders = [network.generation_order(**network.member(k)) for k in range(network.num_members)]
    orders = list(dict.fromkeys(tuple(np.asarray(order).tolist()) for order in orders))
    rule = "`complete` takes patterns of `observed` that come first in the order of generation"
    if orders == [tuple(range(network.event_size))]:
        return f"{rule}, which is that of the flat array `x`."
    of = "" if len(orders) == 1 else f" of one of {len(orders)} members"
    lists = "\n".join(f"    {', '.join(map(str, order))}" for order in orders)
    return f"{rule}{of}; positions in the flat array `x`:\n\n{lists}"
