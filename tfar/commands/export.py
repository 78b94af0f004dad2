"""`tfar export`: a trained model as a SavedModel."""

from pathlib import Path

from tfar import runs
from tfar.files import refuse_existing


def run(args):
    """Write the SavedModel, and print where it is and what its endpoints take and give."""
    trained = runs.Run.open(args.folder)
    path = refuse_existing(args.to or Path(args.folder, "saved_model"))
    trained.model.export(str(path))
    import tensorflow as tf

    print(path)
    for name, function in tf.saved_model.load(str(path)).signatures.items():
        inputs = _shown(function.structured_input_signature[1])
        print(f"  {name}({inputs}) -> {_shown(function.structured_outputs)}")


def _shown(tensors):
    dims = {name: ", ".join("?" if n is None else str(n) for n in spec.shape) for name, spec in sorted(tensors.items())}
    return ", ".join(f"{name} {tensors[name].dtype.name}[{shape}]" for name, shape in dims.items())
