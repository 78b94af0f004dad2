"""The training of rows from the command line, of arrays and of tables: what both read, and a refit."""

import dataclasses
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfar import automatic, config, datasets
from tfar.cli import streams
from tfar.cli.arguments import given_values, values_of
from tfar.cli.devices import Devices
from tfar.cli.fitting import fitted, verbosity
from tfar.cli.quiet import import_tensorflow
from tfar.cli.sources import reads_by_tensorflow
from tfar.cli.starting import start_of
from tfar.orders import as_order
from tfar.validation import check_counts

if TYPE_CHECKING:
    from tfar.cli.starting import Start


class RowsJob:
    """`tfar train` on rows. A subclass builds the model, scores it and draws.

    Args:
        args: the command's arguments.
        out: the run folder to write.
        settings: of the training.
        data: what `read_data` returned.
        start: the model that the training starts from, or None.
    """

    def __init__(self, args: Any, out: Path, settings: config.Training, data: Any, start: "Start | None" = None):
        check_counts(score_rows=args.score_rows)
        order = getattr(args, "order", None)
        if order is not None and not isinstance(order, str):
            as_order(order, facts_of(args, data).columns)
        self.args, self.out, self.settings, self.data, self.start = args, out, settings, data, start
        self.before_refit: dict[str, Any] = {}  # entries of metrics.json

    def build(self) -> Any:
        """The model that the arguments ask for."""
        raise NotImplementedError

    def score(self, model: Any, name: str) -> dict[str, Any]:
        """The scores of a split's first rows."""
        raise NotImplementedError

    def train(self, run: Any, devices: Devices) -> Any:
        """Train the model, and again on training and validation rows where the arguments say so."""
        args, model = self.args, run.model
        callbacks = self._watchers(run) if devices.chief else []
        weights = model.get_weights()
        rows = self.data.train, self.data.validation
        fit = fitted(args, self.out, model, *rows, self.settings, start=self.start is None, callbacks=callbacks)
        return self._refitted(model, weights, fit, devices) if args.refit and not fit.interrupted else fit

    def _refitted(self, model: Any, initial_weights: Any, fit: Any, devices: Devices) -> Any:
        """Train anew on training and validation rows; the validation NLL of the metrics is from before.

        Ctrl-C gives the model the weights of the first training back.
        """
        from tfar.training import refit

        weights, began = model.get_weights(), time.perf_counter()
        validation = self.score(devices.single(model), "validation") if devices.chief else {}
        print(f"training on training and validation rows together for {fit.best_epoch} epochs", flush=True)
        try:
            rows = self.data.train, self.data.validation
            refit.refit(model, initial_weights, *rows, fit, self.settings, verbosity(self.args), start=self.start is None)
        except KeyboardInterrupt:
            model.set_weights(weights)
            print("\ninterrupted: going on with the weights of the training without validation rows", flush=True)
            return dataclasses.replace(fit, interrupted=True)
        self.before_refit = {"validation": validation, "refit": True}
        return dataclasses.replace(fit, seconds=fit.seconds + time.perf_counter() - began)

    def _watchers(self, run: Any) -> list[Any]:
        """The Keras callbacks that watch the training: that which logs to TensorBoard, where it is asked for."""
        import keras

        from tfar.training import callbacks

        if not self.args.tensorboard:
            return []
        callbacks.require_tensorboard()
        return [keras.callbacks.TensorBoard(self.args.tensorboard, write_graph=False)]


def facts_of(args: Any, data: Any) -> automatic.Facts:
    """What the rules of automatic settings know of the training rows.

    Raises:
        ValueError: the head that is asked for does not fit the data.
    """
    rows = len(data.train) if args.stream else len(data.train.x)
    kind = "table" if data.kind == "table" else config.HEADS[automatic.head_name(data.kind, args.head)].kinds[0]
    return automatic.Facts(rows, math.prod(data.event_shape), kind)


def read_data(args: Any) -> tuple[Any, "Start | None"]:
    """The data of `tfar train`, a `Dataset` or a `TableSet`, and the model that the training starts from; notes of reading are printed.

    A table has a head for each column, unless one head is asked for, or the family has one for all.

    Raises:
        ValueError: the data cannot be read, or an option is not for them.
    """
    if reads_by_tensorflow(args):
        import_tensorflow()  # quietly: the reader does
    options = values_of(args, config.DataSettings) | values_of(args, config.TableSettings)
    options["seed"], _, _ = options.pop("data_seed"), options.pop("condition_on"), options.pop("stream")
    start = start_of(args)
    if start is not None:
        options |= start.data_options()
    elif args.head != "auto" or not config.FAMILIES[args.model].takes_columns:
        options["by_column"] = False
    data = streams.read(args, options) if args.stream else datasets.load(args.data, **streams.without(options))
    for note in data.notes:
        print(f"{data.name}: {note}", flush=True)
    if data.kind == "table" and "min_scale" in given_values(args, config.HeadSettings):
        raise ValueError(f"--min-scale is for one head of all columns. Received: --min-scale {args.min_scale}, and a table")
    return data, start
