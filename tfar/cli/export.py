"""`tfar export`: a trained model as the next version of a SavedModel, with its model card."""

from pathlib import Path

from tfar.cli import runs
from tfar.cli.model_card import MARK, model_card
from tfar.files import refuse_existing, write_text
from tfar.serving import export, text_endpoints

TEST_ROWS, TEST_LENGTH = 64, 128  # rows that are stored with a model; characters in a row of a text


def run(args):
    """Write the SavedModel with some test rows, and its card, and print where it is and what its endpoints take and give."""
    trained = runs.Run.open(args.folder)
    path = next_version(Path(args.to or Path(args.folder, "saved_model")))
    card = path.with_name("README.md")
    if card.exists() and MARK not in card.read_text(encoding="utf-8"):
        raise FileExistsError(f"the model card would replace a file that tfar did not write. Received: {card}")
    trained.model.export(str(path), jit_compile=args.xla, test_rows=first_rows(trained, args.data_dir))
    import tensorflow as tf

    signatures = {
        name: (_shown(function.structured_input_signature[1]), _shown(function.structured_outputs))
        for name, function in tf.saved_model.load(str(path)).signatures.items()
    }
    write_text(card, model_card(trained, path, signatures), overwrite=True)
    print(path)
    for name, (inputs, outputs) in signatures.items():
        print(f"  {name}({inputs}) -> {outputs}")


def first_rows(trained, data_dir):
    """The first test rows of a run with their log-probabilities, as `export_saved_model` takes them; None where the data are gone."""
    try:
        data = (trained.text if trained.is_text else trained.dataset)(data_dir, download=False)  # a few rows are not worth a download
    except (ValueError, OSError) as error:
        print(f"no test rows are stored with the model: {' '.join(str(error).split())}")
        return None
    if trained.is_text:
        return text_endpoints.scored(trained.model, data.test, TEST_ROWS, TEST_LENGTH)
    return export.scored(trained.model, data.test.take(slice(TEST_ROWS)))


def next_version(path):
    """The folder of the version to write, where `path` is a folder of versions, as TF Serving watches it, or a new one.

    A last part that is a number asks for that version itself.

    Raises:
        FileExistsError: that version exists, or `path` is a file or a SavedModel.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "7").mkdir()
    >>> next_version(folder).name, next_version(folder / "new").name, next_version(folder / "12").name
    ('8', '1', '12')
    """
    if path.name.isdecimal():
        return refuse_existing(path)
    if path.exists() and (not path.is_dir() or (path / "saved_model.pb").exists()):
        raise FileExistsError(f"a folder of versions is needed, or a new name. Received: {path}, which exists")
    versions = [int(child.name) for child in path.glob("*") if child.name.isdecimal()]
    return path / str(max(versions, default=0) + 1)


def _shown(tensors):
    dims = {name: ", ".join("?" if n is None else str(n) for n in spec.shape) for name, spec in sorted(tensors.items())}
    return ", ".join(f"{name} {tensors[name].dtype.name}[{shape}]" for name, shape in dims.items())
