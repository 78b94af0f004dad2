"""`tfar export`: a trained model as the next version of a SavedModel, with its model card and what a training starts from."""

from pathlib import Path
from typing import Any

from tfar.cli.arguments import folder_parser
from tfar.cli.opening import open_run, read_description
from tfar.cli.runs import Run
from tfar.files import refuse_existing, write_text


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("export", parents=[folder_parser()], help="write a SavedModel", description="Export a model.")
    parser.set_defaults(run=run)
    help = "folder to write the next version in, PATH/1 at first (default: DIR/saved_model)"
    parser.add_argument("--out", metavar="PATH", help=help)
    parser.add_argument("--xla", action="store_true", help="mark the sampler for XLA, for servers that allow it")


def run(args: Any) -> None:
    """Write the SavedModel with some test rows, and its card, and print where it is and what its endpoints take and give."""
    read_description(Path(args.folder))
    path = next_version(Path(args.out or Path(args.folder, "saved_model")))
    trained = open_run(args.folder)
    from tfar.cli.model_card import MARK, model_card
    from tfar.cli.published import write_beside

    card = path.with_name("README.md")
    if card.exists() and MARK not in card.read_text(encoding="utf-8"):
        raise FileExistsError(f"the model card would replace a file that tfar did not write. Received: {card}")
    rows, meaning = stored_rows(trained, args.data_dir), {"standardization": trained.standardization, "labels": trained.labels}
    trained.model.export(str(path), jit_compile=args.xla, test_rows=rows, **meaning)
    signatures = signatures_of(path)
    write_beside(trained, path.parent)
    write_text(card, model_card(trained, path, signatures), overwrite=True)
    print(path)
    for name, (inputs, outputs) in signatures.items():
        print(f"  {name}({inputs}) -> {outputs}")
    if trained.standardization is not None:
        print("  x is in the data's own units, and so is log_prob")


def stored_rows(trained: Run, data_dir: str | None) -> dict[str, Any] | None:
    """The test rows that are stored with a model; None where the data are gone."""
    try:
        return trained.test_rows(data_dir)
    except (ValueError, OSError) as error:
        print(f"no test rows are stored with the model: {' '.join(str(error).split())}")
        return None


def signatures_of(path: Path) -> dict[str, tuple[str, str]]:
    """The inputs and outputs of each endpoint of a SavedModel, in words."""
    import tensorflow as tf

    return {
        name: (_shown(function.structured_input_signature[1]), _shown(function.structured_outputs))
        for name, function in tf.saved_model.load(str(path)).signatures.items()
    }


def next_version(path: Path) -> Path:
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


def _shown(tensors: Any) -> str:
    dims = {name: ", ".join("?" if n is None else str(n) for n in spec.shape) for name, spec in sorted(tensors.items())}
    return ", ".join(f"{name} {tensors[name].dtype.name}[{shape}]" for name, shape in dims.items())
