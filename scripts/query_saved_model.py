"""Query an exported model with TensorFlow alone: python scripts/query_saved_model.py PATH [--rows N] [--seed S]

Text models also take --prompt, --length and --temperature.

PATH is a SavedModel, or a folder of numbered versions as TF Serving keeps them, of which the highest is used. Imports of tfar, Keras and
TensorFlow Probability are blocked, so only what the files contain can run.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np

BLOCKED = ("tfar", "keras", "tf_keras", "tensorflow_probability")


def saved_model_folder(path):
    """Return the folder that holds `saved_model.pb`: `path` itself, or the highest version number in it."""
    if (path / "saved_model.pb").is_file():
        return path
    versions = [p for p in path.glob("*/") if p.name.isdecimal() and (p / "saved_model.pb").is_file()]
    if not versions:
        raise ValueError(f"No saved_model.pb in the folder or in a numbered folder below it. Received: {path}")
    return max(versions, key=lambda p: int(p.name))


def rows_and_origin(folder, own, count):
    """Return inputs of `log_prob` and their origin in words: the test rows stored with the model, or else its own draws."""
    file = folder / "assets.extra" / "test_rows.npz"
    if not file.is_file():
        return own, "own draws"
    with np.load(file) as rows:
        return {name: rows[name][:count] for name in rows.files if name != "log_prob"}, "test rows"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, help="a SavedModel, or a folder of numbered versions")
    parser.add_argument("--rows", type=int, default=3, help="number of rows to score and to draw (default: 3)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws (default: 0)")
    parser.add_argument("--prompt", default="", help="beginning of the text (default: empty)")
    parser.add_argument("--length", type=int, default=200, help="number of characters after the prompt (default: 200)")
    parser.add_argument("--temperature", type=float, default=1.0, help="sampling temperature of a text (default: 1)")
    options = parser.parse_args(arguments)
    folder = saved_model_folder(options.path)

    # None makes an import fail; TensorFlow looks for Keras with find_spec and reads None as "not installed"
    sys.modules.update(dict.fromkeys(BLOCKED))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    model = tf.saved_model.load(str(folder))
    print(f"{folder}: loaded without {', '.join(BLOCKED)}")
    inputs = {}
    for name, function in model.signatures.items():
        inputs[name] = function.structured_input_signature[1]
        outputs = function.structured_outputs
        print(f"  {name}({signature(inputs[name])}) -> {signature(outputs)}")

    given = {"seed": tf.constant([[options.seed, row] for row in range(options.rows)], tf.int32)}
    context = {}
    if "context" in inputs["sample"]:
        classes = inputs["sample"]["context"].shape[-1]
        context = {"context": tf.one_hot(tf.range(options.rows) % classes, classes)}
    if "label" in inputs["sample"]:
        names = json.loads((folder / "assets.extra" / "labels.json").read_text(encoding="utf-8"))["label"]
        context = {"label": tf.constant([names[row % len(names)] for row in range(options.rows)])}
    for name in {"prompt", "length", "temperature"} & set(inputs["sample"]):
        given[name] = tf.fill([options.rows], tf.constant(getattr(options, name), inputs["sample"][name].dtype))
    drawn = {name: value.numpy() for name, value in model.signatures["sample"](**given, **context).items()}
    if "text" in drawn:
        scored = model.signatures["log_prob"](text=tf.constant(drawn["text"]), **context)
        nats = scored["log_prob"].numpy() / np.maximum(scored["characters"].numpy(), 1)
        print(f"log_prob of {options.rows} samples, nats per character: {np.array2string(nats, precision=3)}")
        print(drawn["text"][0].decode(errors="replace"))
    else:
        rows, origin = rows_and_origin(folder, {"x": drawn["x"], **context}, options.rows)
        scored = model.signatures["log_prob"](**{name: tf.constant(array) for name, array in rows.items()})["log_prob"].numpy()
        print(f"log_prob of {len(scored)} {origin}: {np.array2string(scored, precision=3)}")
        print(f"log_prob of {options.rows} samples: {np.array2string(drawn['log_prob'], precision=3)}")
        print(picture(drawn["x"][0]))
    leaked = [name for name, module in sys.modules.items() if module is not None and name.split(".")[0] in BLOCKED]
    if leaked:
        raise RuntimeError(f"Blocked packages were imported all the same. Received: {leaked}")


def signature(tensors):
    """Return `name dtype[shape]` of each tensor or spec, in one line."""
    dims = {k: ", ".join("?" if d is None else str(d) for d in t.shape) for k, t in sorted(tensors.items())}
    return ", ".join(f"{k} {tensors[k].dtype.name}[{d}]" for k, d in dims.items())


def picture(x):
    """Return a small image as text, darkest for the largest value; anything else as numbers."""
    image = np.squeeze(x)
    if image.ndim != 2:
        return np.array2string(image, precision=3)
    shades = np.array(list(" .:-=+*#%@"))
    scaled = (image * (len(shades) - 1) / max(image.max(), 1)).astype(int).clip(0)
    return "\n".join("".join(2 * shade for shade in row) for row in shades[scaled])


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        sys.exit(f"query_saved_model: {error}")
