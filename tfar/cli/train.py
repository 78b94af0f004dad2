"""`tfar train`: from data to the run folder of a trained model."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tfar import config
from tfar.cli.arguments import Parser, add_settings, shared_parser, values_of
from tfar.cli.fitting import checkpoint_of
from tfar.cli.quiet import import_tensorflow
from tfar.cli.runs import Run, save_run
from tfar.files import atomic, refuse_existing

if TYPE_CHECKING:
    from tfar.models import AutoregressiveModel
    from tfar.training import Fit


class Job(Protocol):
    """What a training does with one kind of data: `tfar.cli.array_job.ArrayJob`, `tfar.cli.text_job.TextJob`.

    It is made from the arguments before TensorFlow is imported, and refuses what it can.
    """

    data: Any

    def build(self) -> "AutoregressiveModel":
        """The model that the arguments ask for."""
        ...

    def train(self, run: Run) -> "tuple[Fit, dict[str, Any]]":
        """Train the model; return how it went, and the content of metrics.json."""
        ...

    def finish(self, folder: Path) -> None:
        """Add files to the run folder as it is written."""
        ...

    def draw(self, run: Run, fit: "Fit", metrics: dict[str, Any]) -> None:
        """Add pictures and samples to the run folder once it is written."""
        ...


def add_parser(commands: Any) -> None:
    """Add the subcommand, with one of its own for each family."""
    parser = commands.add_parser("train", help="train a model", description="Train a model and write its run folder.")
    families = parser.add_subparsers(dest="model", metavar="MODEL", required=True, parser_class=Parser)
    for name, family in config.FAMILIES.items():
        one = families.add_parser(name, parents=[shared_parser()], help=family.summary, description=f"Train a {family.summary}.")
        one.set_defaults(run=run)
        text = family.data == "text"
        sources = "a text file, folder, pattern or archive, or a TFDS name" if text else "digits, a TFDS name, a .npz, .npy or .csv file"
        one.add_argument("--data", required=True, metavar="NAME_OR_FILE", help=sources)
        one.add_argument("--out", required=True, metavar="DIR", help="run folder to write; it must not exist")
        for title, groups in _groups(family).items():
            group = one.add_argument_group(title)
            for settings in groups:
                add_settings(group, settings, family.training)


def _groups(family: type[config.Family]) -> dict[str, list[type]]:
    """The settings of `tfar train FAMILY`, by the title of their group."""
    if family.data == "text":
        return {"model": [family], "data": [config.TextSettings], "training": [config.SequenceTraining, config.Reporting]}
    training = [config.Training, config.AfterTraining, config.Reporting]
    return {"model": [family], "head": [config.HeadSettings], "data": [config.DataSettings], "training": training}


def run(args: Any) -> None:
    """Train a model, and write its run folder. A training that was killed is resumed when the command is given again."""
    out = refuse_existing(args.out)
    job = _job(args, out)
    import_tensorflow()
    model = job.build()
    print(f"{job.data}\n{args.model}: {model.head!r}, {model.count_params():,} parameters", flush=True)
    trained = _run_of(out, model, job.data)
    fit, metrics = job.train(trained)
    with _written(trained, fit, metrics) as folder:
        job.finish(folder)
    job.draw(trained, fit, metrics)
    print(trained.report(f"{args.model} on {job.data.name}, test", metrics["test"], metrics))
    print("\n".join(str(path) for path in sorted(out.iterdir())))


def _job(args: Any, out: Path) -> Job:
    """The job of a command; what can be refused without TensorFlow is."""
    if config.FAMILIES[args.model].data == "text":
        from tfar.cli.text_job import TextJob

        return TextJob(args, out, config.SequenceTraining(**values_of(args, config.SequenceTraining)))
    from tfar.cli.array_job import ArrayJob

    return ArrayJob(args, out, config.Training(**values_of(args, config.Training)))


def _run_of(out: Path, model: Any, data: Any) -> Run:
    from tfar.cli.arrays import ArrayRun
    from tfar.cli.text import TextRun
    from tfar.datasets import TextData

    if isinstance(data, TextData):
        return TextRun(out, model, {"kind": TextRun.kind, **data.to_config()})
    return ArrayRun(out, model, data.to_config())


@contextlib.contextmanager
def _written(run: Run, fit: "Fit", metrics: dict[str, Any]) -> Iterator[Path]:
    """Write a run's folder whole, and then remove the checkpoint, unless the training was interrupted.

    The block may add files to the folder that it is given.
    """
    with atomic(run.folder) as folder:
        folder.mkdir()
        save_run(folder, run.model, run.description, fit, metrics)
        yield folder
    if not fit.interrupted:
        checkpoint_of(run.folder).unlink(missing_ok=True)
