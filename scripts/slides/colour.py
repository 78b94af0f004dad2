"""Colour: Gated PixelCNNs of patches of two photographs, with two heads, beside PNG."""

import io

import numpy as np

from slides.protocol import ROOT, SEED, number, result_of, run_of, table
from tfar import plotting
from tfar.files import atomic

DATA = "photographs.npz"  # that scripts/make_photographs.py writes
MODELS = {
    "Gated PixelCNN, mixture of 5 logistics": "gated_pixelcnn-photographs-logistic",
    "Gated PixelCNN, softmax of 256 levels": "gated_pixelcnn-photographs-categorical",
}
SIDE, ROWS, COLUMNS = 16, 26, 6  # of a patch, and patches in the test region of a photograph
LEVELS, PIXELS = 256, SIDE * SIDE * 3
GRID, COMPLETED, DRAWS = 6, 8, 4  # images in a row of a grid; test patches that are completed, and completions of each
MINUTES = 30  # of both trainings


def run(lecture):
    """Measure and draw."""
    codes = lecture.training("colour", "codes", {"side": SIDE}, measured_codes, MINUTES)
    models = {}
    for title, recipe in trained().items():
        result = result_of(recipe)
        training = lecture.training("colour", recipe, {"nll": result["nll"]}, lambda recipe=recipe: on_training_patches(recipe), MINUTES)
        models[title] = {key: result[key] for key in ("nll", "nll_error", "parameters", "seconds")} | {"training_nll": training["mean"]}
    lecture.part("colour", "bits", {"models": models, "codes": codes["bits"]}, lambda: {"patches": codes["patches"]})
    images = drawn(lecture)
    shown = {title: plotting.as_images(images[name], LEVELS) for title, name in grids().items()}
    lecture.draw("colour-samples", plotting.image_grids(shown, GRID))
    shown = {title: plotting.as_images(images[f"{recipe}-completions"], LEVELS) for title, recipe in trained().items()}
    lecture.draw("colour-completions", plotting.image_grids(shown, 2 * (DRAWS + 2)))


def regions(found):
    """The tables of the page."""
    part = found["bits"]
    nats = PIXELS * np.log(2)
    rows = [(name, *(number(value) if value else "" for value in pair)) for name, pair in part["codes"].items()]
    for name, one in part["models"].items():
        rows.append((name, number(one["training_nll"] / nats), f"{number(one['nll'] / nats)} ± {number(one['nll_error'] / nats)}"))
    trained = [(name, f"{one['parameters']:,}", number(one["seconds"] / 60, 0)) for name, one in part["models"].items()]
    return {
        "bits": table(["bits per dimension", *(f"{count} {split} patches" for split, count in part["patches"].items())], rows),
        "training": table(["model", "parameters", "minutes of training"], trained),
    }


def trained():
    """The recipes whose results are there, by title."""
    return {title: recipe for title, recipe in MODELS.items() if (ROOT / "results" / f"{recipe}.json").is_file()}


def grids():
    """The grids of the first picture: the name of their images by title."""
    return {"test patches": "test"} | {title.removeprefix("Gated PixelCNN, "): f"{recipe}-samples" for title, recipe in trained().items()}


def photographs():
    """The patches of the photographs, by split.

    Raises:
        FileNotFoundError: they are not in the current folder.
    """
    try:
        return arrays_of(DATA)
    except FileNotFoundError:
        raise FileNotFoundError(f"the lecture needs {DATA}, which 'python scripts/make_photographs.py {DATA}' writes") from None


def chosen_training_patches(patches):
    """As many training patches as there are test patches, drawn at random."""
    x = patches["train"]
    return x[np.random.default_rng(SEED).choice(len(x), len(patches["test"]), replace=False)]


def measured_codes():
    """Bits per dimension of training and test patches by independent values and by PNG."""
    patches = photographs()
    shown = {"training": chosen_training_patches(patches), "test": patches["test"]}
    bits = {
        "independent values": [independent_bits(patches["train"], x) for x in shown.values()],
        "PNG, a file for each patch, without its headers": [8 * sum(map(image_data, map(png, x))) / x.size for x in shown.values()],
        "PNG, one file of all patches": [8 * len(png(x.reshape(-1, SIDE, 3))) / x.size for x in shown.values()],
        "PNG, a file for each photograph's region": [None, 8 * sum(map(len, map(png, regions_of(shown["test"])))) / shown["test"].size],
    }
    return {"bits": bits, "patches": {split: len(x) for split, x in shown.items()}}


def on_training_patches(recipe):
    """The mean NLL of training patches by a model in `runs`, nats."""
    model, x = run_of(recipe), chosen_training_patches(photographs()).astype(np.int32)
    return {"mean": float(-np.mean([model.log_prob(part).numpy().mean() for part in np.split(x, 12)]))}


def regions_of(patches):
    """The test regions of the photographs `[2, H, W, 3]`, which the test patches tile.

    >>> patches = np.arange(2 * ROWS * COLUMNS * SIDE * SIDE * 3).reshape(-1, SIDE, SIDE, 3)
    >>> regions = regions_of(patches)
    >>> regions.shape, bool(np.all(regions[1, SIDE : 2 * SIDE, :SIDE] == patches[ROWS * COLUMNS + COLUMNS]))
    ((2, 416, 96, 3), True)
    """
    tiles = patches.reshape(-1, ROWS, COLUMNS, SIDE, SIDE, 3)
    return np.moveaxis(tiles, 3, 2).reshape(-1, ROWS * SIDE, COLUMNS * SIDE, 3)


def independent_bits(x, test):
    """Bits per dimension where each value is coded by the frequency of its level among the training values of its colour, plus one."""
    bits = []
    for colour in range(3):
        counts = np.bincount(x[..., colour].ravel(), minlength=LEVELS) + 1
        bits.append(-np.log2(counts / counts.sum())[test[..., colour]].mean())
    return float(np.mean(bits))


def png(image):
    """The bytes of a PNG file of an image `[H, W, 3]`."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return file.getvalue()


def image_data(content):
    """The number of bytes in the IDAT chunks of a PNG file: the compressed pixels.

    >>> image_data(png(np.zeros([2, 2, 3], np.uint8))) < len(png(np.zeros([2, 2, 3], np.uint8))) - 40
    True
    """
    total, position = 0, 8
    while position < len(content):
        size = int.from_bytes(content[position : position + 4], "big")
        total += size * (content[position + 4 : position + 8] == b"IDAT")
        position += 12 + size
    return total


def drawn(lecture):
    """The images of both pictures, uint8 by name: those that were drawn in an earlier run, or else by the models in `runs`.

    Raises:
        FileNotFoundError: those of a model were not drawn, and `lecture.train` is False.
    """
    path = lecture.results / "lecture-colour.npz"
    known = arrays_of(path) if path.is_file() else {}
    if "test" in known and all(f"{recipe}-samples" in known for recipe in trained().values()):
        return known
    if not lecture.train:
        raise FileNotFoundError(
            f"the lecture needs {path.name} with samples of {' and '.join(trained().values())}; 'tfar reproduce' trains them, and 'python "
            "scripts/lecture.py colour --train' draws"
        )
    found = draws(photographs()["test"])
    with atomic(path, overwrite=True) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **found)
    return found


def arrays_of(path):
    """The arrays of a .npz file by name."""
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


def draws(test):
    """Test patches, samples of each model, and completions: of each patch what is given, completions, and the whole."""
    shown = np.random.default_rng(SEED).choice(len(test), GRID**2, replace=False)
    found = {"test": test[shown]}
    for recipe in trained().values():
        model = run_of(recipe)
        found[f"{recipe}-samples"] = model.sample(GRID**2, seed=SEED).numpy().astype(np.uint8)
        found[f"{recipe}-completions"] = completed(model, test[shown[:COMPLETED]])
    return found


def completed(model, x):
    """Rows of a patch: its upper half, completions, the whole, uint8 `[N * (DRAWS + 2), H, W, 3]`."""
    observed = model.first(0.5)
    several = model.complete(np.repeat(x, DRAWS, axis=0).astype(np.int32), observed, seed=SEED).numpy()
    rows = np.concatenate([x[:, None], several.reshape(len(x), DRAWS, *x.shape[1:]), x[:, None]], axis=1).astype(np.uint8)
    rows[:, 0][:, ~observed.any(axis=-1)] = np.round(np.multiply(plotting.MISSING_COLOUR, LEVELS - 1)).astype(np.uint8)
    return rows.reshape(-1, *x.shape[1:])
