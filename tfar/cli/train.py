"""`tfar train`: from data to the run folder of a trained model."""

import contextlib
import functools
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tfar import config
from tfar.cli.arguments import HelpAll, Parser, add_settings, check_sizes, shared_parser, values_of
from tfar.cli.choosing import choose
from tfar.cli.devices import Devices
from tfar.cli.fitting import checkpoint_of, read_fit, worse_than_baseline
from tfar.cli.quiet import import_tensorflow
from tfar.cli.runs import MEASURED, METRICS, Run, save_run
from tfar.files import atomic, locked, refuse_existing, remove_temporaries
from tfar.reading import read_json

if TYPE_CHECKING:
    from tfar.models import AutoregressiveModel
    from tfar.training import Fit

UNFINISHED = "unfinished"  # a file in a run folder until its pictures are drawn

# settings that `tfar train MODEL --help` shows; `--help-all` shows the others as well
COMMON = {
    *(
        "hidden_units",
        "units",
        "num_layers",
        "num_blocks",
        "filters",
        "num_steps",
        "num_masks",
        "order",
        "dropout",
        "head",
        "num_components",
    ),
    *("context", "levels", "size", "gray", "test", "stream", "data_dir", "vocabulary", "splits"),
    *("categorical", "numeric", "drop", "condition_on"),
    *("epochs", "batch_size", "sequence_length", "learning_rate", "patience", "seed", "refit", "quiet"),
}


class Job(Protocol):
    """What a training does with one kind of data: `ArrayJob`, `TableJob` and `TextJob`.

    It is made from the arguments before TensorFlow is imported, and refuses what it can.
    """

    args: Any
    settings: Any
    data: Any

    def build(self) -> "AutoregressiveModel":
        """The model that the arguments ask for."""
        ...

    def train(self, run: Run, devices: Devices) -> "Fit":
        """Train the model, on all workers; return how it went."""
        ...

    def measure(self, run: Run, fit: "Fit") -> dict[str, Any]:
        """Score the trained model; return the content of metrics.json."""
        ...

    def draw(self, run: Run, fit: "Fit", metrics: dict[str, Any]) -> None:
        """Add pictures and samples to the run folder, in place of those that are there."""
        ...


def add_parser(commands: Any) -> None:
    """Add the subcommand, with one of its own for each family."""
    parser = commands.add_parser("train", help="train a model", description="Train a model and write its run folder.")
    add_families(parser, "Train a {summary}.", "tfar train {name} --data NAME_OR_FILE --out DIR [options]", add_arguments)


def add_families(parser: Any, description: str, usage: str, fill: Callable[[type[config.Family], Parser], None]) -> None:
    """Add a subcommand for each family, whose `name` and `summary` stand in the description and the usage; `fill` adds its arguments."""
    families = parser.add_subparsers(dest="model", metavar="MODEL", required=True, parser_class=Parser)
    for name, family in config.FAMILIES.items():
        families.add_parser(
            name,
            parents=[shared_parser()],
            help=family.summary,
            description=description.format(summary=family.summary),
            usage=usage.format(name=name),
            fill=functools.partial(fill, family),
        )


def add_arguments(family: type[config.Family], parser: Parser) -> None:
    """Add the arguments of `tfar train FAMILY`."""
    parser.add_argument("--help-all", action=HelpAll, help="show all options, those for rare needs as well")
    parser.set_defaults(run=run)
    text = family.data == "text"
    arrays = (
        "digits, a TFDS name, a .npz or .npy file, a table (.csv, .tsv, .parquet, .feather), or a folder or pattern of images "
        "('faces/*.png')"
    )
    sources = "a text file, folder, pattern or archive, or a TFDS name" if text else arrays
    parser.add_argument("--data", required=True, metavar="NAME_OR_FILE", help=sources)
    parser.add_argument("--out", required=True, metavar="DIR", help="run folder to write; it must not exist")
    help = "start from the model of this run folder, or of one in saved_models: its settings hold, and its data's preparation"
    parser.add_argument("--init-from", metavar="DIR", help=help)
    help = "layers of that model that are not trained: names, or globs of them"
    parser.add_argument("--freeze", nargs="+", default=[], metavar="LAYER", help=help)
    for title, groups in _groups(family).items():
        group = parser.add_argument_group(title)
        for settings in groups:
            add_settings(group, settings, COMMON)


def _groups(family: type[config.Family]) -> dict[str, list[type]]:
    """The settings of `tfar train FAMILY`, by the title of their group."""
    always = [config.Devices, config.Reporting]
    if family.data == "text":
        return {"model": [family], "data": [config.TextSettings], "training": [config.SequenceTraining, *always]}
    training, tables = [config.Training, config.AfterTraining, *always], [config.TableSettings]
    return {"model": [family], "head": [config.HeadSettings], "data": [config.DataSettings], "table": tables, "training": training}


def run(args: Any) -> None:
    """Train a model, and write its run folder. A training that was killed is resumed when the command is given again."""
    out = refuse_existing(args.out, overwrite=True)
    devices = Devices(args.strategy, args.worker_timeout)
    if devices.chief:
        with locked(out):
            for path in (out, checkpoint_of(out)):
                remove_temporaries(path.parent, path.name)
            try:
                _train(args, out, devices)
            except KeyboardInterrupt:
                raise KeyboardInterrupt(kept(out)) from None
    else:
        with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
            _train(args, out, devices)


def kept(out: Path) -> str:
    """What an interrupted training leaves, in words."""
    if (out / UNFINISHED).is_file():
        return f"{out} is trained; the same command, given again, draws its pictures"
    if checkpoint_of(out).exists():
        return f"{checkpoint_of(out)} is kept; the same command, given again, goes on from it"
    return "nothing was written"


def _train(args: Any, out: Path, devices: Devices) -> None:
    if _is_unfinished(out, args.command_line):
        if devices.chief:
            _finish(make_job(args, out), out)
        return
    refuse_existing(out)
    devices.meet()
    job = make_job(args, out)
    import_tensorflow()
    from tfar.cli.summary import layers

    with devices.together(checkpoint_of(out)):
        with devices.strategy.scope():
            model = job.build()
        trained = _run_of(out, model, job.data)
        print(f"{job.data}\n{trained.summary(args.model)}, {model.count_params():,} parameters", flush=True)
        if not args.quiet:
            print("\n".join(layers(model.network)), flush=True)
        if args.strategy != "none":
            print(f"training on {devices}", flush=True)
        fit = job.train(trained, devices)
        with devices.by_the_chief():
            if devices.chief:
                trained.model = devices.single(model)
                _write(job, trained, fit)


def make_job(args: Any, out: Path) -> Job:
    """The job of a command; what can be refused without TensorFlow is."""
    from tfar.cli import sources  # NumPy, which the command's help does without

    check_pictures(args)
    sources.check(args)
    check_sizes(args, config.FAMILIES[args.model])
    if config.FAMILIES[args.model].data == "text":
        from tfar.cli.text_job import TextJob

        return TextJob(args, out, config.SequenceTraining(**values_of(args, config.SequenceTraining)))
    from tfar.cli.array_job import ArrayJob
    from tfar.cli.rows_job import facts_of, read_data
    from tfar.cli.table_job import TableJob

    config.Training(**values_of(args, config.Training))  # refused before the data are read
    data, start = read_data(args)
    choose(args, facts_of(args, data), started=start is not None)
    settings = config.Training(**values_of(args, config.Training))
    return (TableJob if data.kind == "table" else ArrayJob)(args, out, settings, data, start)


def check_pictures(args: Any) -> None:
    """Say that there will be no pictures where matplotlib is missing, before anything else.

    Raises:
        ImportError: pictures are asked for.
    """
    from tfar import plotting

    if getattr(args, "pictures_every", 0):
        plotting.require()
    if not plotting.available():
        print(f"no pictures will be made: {plotting.MISSING}", flush=True)


def _run_of(out: Path, model: Any, data: Any) -> Run:
    from tfar.cli.opening import run_class
    from tfar.datasets import TextData

    description = data.to_config() if not isinstance(data, TextData) else {"kind": "text", **data.to_config()}
    return run_class(description["kind"])(out, model, description)


def _write(job: Job, run: Run, fit: "Fit") -> None:
    """Score a trained model, write its run folder, and draw its pictures."""
    metrics = job.measure(run, fit)
    metrics["warnings"] = [] if fit.interrupted else worse_than_baseline(metrics)
    with atomic(run.folder) as folder:
        folder.mkdir()
        save_run(folder, run.model, run.description, fit, metrics)
        run.write_more(folder)
        (folder / UNFINISHED).write_text("Pictures are still to be drawn. The command of metrics.json, given again, draws them.\n")
    _complete(job, run, fit, metrics)


def _complete(job: Job, run: Run, fit: "Fit", metrics: dict[str, Any]) -> None:
    """Do what comes after the run folder has been written: remove the checkpoint, draw pictures, report."""
    if not fit.interrupted:
        checkpoint_of(run.folder).unlink(missing_ok=True)
    job.draw(run, fit, metrics)
    (run.folder / UNFINISHED).unlink(missing_ok=True)
    print(run.report(f"{metrics['model']} on {metrics['data']}, test", metrics["test"], metrics))
    print("\n".join(str(path) for path in sorted(run.folder.iterdir())))
    for warning in metrics["warnings"]:
        print(f"tfar: warning: {warning}", file=sys.stderr)


def _is_unfinished(out: Path, command: str) -> bool:
    """Whether this command has written the run folder, and was killed before its pictures were drawn.

    Raises:
        FileExistsError: another command has.
    """
    if not (out / UNFINISHED).is_file():
        return False
    written = read_json(out / METRICS, MEASURED)["command"]
    if written != command:
        raise FileExistsError(f"the output must not exist: nothing is overwritten. Received: {out}, which '{written}' has still to finish")
    return True


def _finish(job: Job, out: Path) -> None:
    """Draw the pictures of a run whose command was killed before."""
    from tfar.cli.opening import open_run

    print(f"{out} is trained; its pictures are drawn", flush=True)
    remove_temporaries(out)
    run = open_run(out)
    scores = {name: math.nan if value is None else value for name, value in run.metrics["test"].items()}  # JSON has no NaN
    _complete(job, run, read_fit(out, run.metrics), {**run.metrics, "test": scores})
