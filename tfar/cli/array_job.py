"""The training of arrays from the command line: pictures as the model learns, and at the end."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from tfar import automatic, config
from tfar.cli.arguments import values_of
from tfar.cli.fitting import checkpoint_of
from tfar.cli.rows_job import RowsJob
from tfar.files import remove_temporaries
from tfar.validation import check_counts


class ArrayJob(RowsJob):
    """`tfar train` on arrays, images, and tables with one head for all columns."""

    def __init__(self, args: Any, out: Path, settings: config.Training, data: Any, start: Any = None):
        super().__init__(args, out, settings, data, start)
        check_counts(0, pictures_every=args.pictures_every)
        if args.condition_on:
            raise ValueError(f"--condition-on is for tables with a head for each column. Received: --condition-on {args.condition_on[0]}")
        self.drawn = out.with_name(f"{out.name}.pictures")
        self.head = automatic.head_name(self.data.kind, args.head)

    def build(self) -> Any:
        """The model that the arguments ask for, with a head that fits the data and weights drawn from `args.seed`."""
        import keras

        from tfar import heads, models

        given = {**values_of(self.args, config.HeadSettings), "num_classes": self.data.levels, "levels": self.data.levels}
        head = heads.named(self.head)(**{name: given[name] for name in config.HEADS[self.head].options})
        keras.utils.set_random_seed(self.args.seed % 2**32)
        if self.start is not None:
            return self.start.model()
        return models.build(
            self.args.model,
            self.data.event_shape,
            head,
            seed=self.args.seed,
            data_mean=self.data.splits["train"].x.mean(axis=0),
            context_size=self.data.context_size or 0,
            **values_of(self.args, config.FAMILIES[self.args.model]),
        )

    def measure(self, run: Any, fit: Any) -> dict[str, Any]:
        """The content of metrics.json; NLLs in nats, of standardised values where the data are continuous."""
        from tfar.cli.arrays import references
        from tfar.cli.runs import record

        data, args, model = self.data, self.args, run.model
        known = data.train.joined(data.validation) if args.refit and not fit.interrupted else data.splits["train"]
        return {
            "model": args.model,
            "data": data.name,
            **{name: self.score(model, name) for name in data.splits},
            **references(model.head, known.x, data.test.x[: args.score_rows]),
            **record(model, fit, args),
            **self.before_refit,
        }

    def score(self, model: Any, name: str) -> dict[str, Any]:
        """The scores of a split's first rows."""
        from tfar import training

        found = training.evaluate(model, self.data.splits[name].take(slice(self.args.score_rows)), self.args.batch_size)
        return found | ({"nll_own_units": found["nll"] - self.data.log_jacobian} if self.data.kind == "continuous" else {})

    def _watchers(self, run: Any) -> list[Any]:
        """The Keras callbacks that log to TensorBoard and draw pictures as the model learns, where they are asked for."""
        from tfar import plotting
        from tfar.training import callbacks

        args, found = self.args, super()._watchers(run)
        if args.pictures_every:
            remove_temporaries(self.drawn)
            for stale in self.drawn.glob("epoch-*.png") if not checkpoint_of(self.out).exists() else ():
                stale.unlink()
        if (args.tensorboard or args.pictures_every) and plotting.available():
            context, count = self._contexts(run, 36)
            labels = sum(run.label_cells(context, count), []) or None
            where = self.drawn if args.pictures_every else None, Path(args.tensorboard, "pictures") if args.tensorboard else None
            rows = self.data.validation.take(slice(8))
            found.append(callbacks.SamplePictures(*where, args.pictures_every, count, args.seed, context, labels, rows))
        return found

    def _contexts(self, run: Any, count: int) -> tuple[Any, int]:
        """What to draw samples for, and how many, at most `count`: classes in turn, else contexts of test rows."""
        names, context = run.preparation.context_names, self.data.test.context
        if names is not None:
            count -= count % len(names) if len(names) < count else 0  # a grid with no gaps
            return run.contexts(None, count), count
        return None if context is None else context[np.arange(count) % len(context)], count

    def draw(self, run: Any, fit: Any, metrics: dict[str, Any]) -> None:
        """Draw the learning curve, samples, and what each pixel of some test images costs; take in the pictures of the training."""
        from tfar import plotting
        from tfar.cli import outputs
        from tfar.distributions import AutoregressiveDistribution

        if self.args.pictures_every and self.drawn.exists():
            os.replace(self.drawn, run.folder / "pictures")
        if not plotting.available():
            return
        if fit.epochs:
            curve = plotting.learning_curve(fit.history, metrics["baseline_nll"])
            plotting.save(curve, run.folder / "curve.png", overwrite=True, title=f"{run.title}: learning curve")
        context, count = self._contexts(run, 64)
        x = run.model.sample(count, self.args.seed, context).numpy()
        outputs.write_picture(run, run.folder / "samples.png", x, self.data.test.x, True, context)
        rows = self.data.test.take(slice(8))
        images, distribution = run.as_images(rows.x), run.model.distribution(rows.context)
        if images is not None and isinstance(distribution, AutoregressiveDistribution):
            maps = plotting.nll_maps(images, distribution.position_log_prob(rows.x))
            plotting.save(maps, run.folder / "nll.png", overwrite=True, title=f"{run.title}: NLL of each pixel of test images")
