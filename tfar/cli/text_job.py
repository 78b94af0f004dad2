"""The training of a text from the command line."""

from pathlib import Path
from typing import Any

from tfar import automatic, config, datasets
from tfar.cli.arguments import values_of
from tfar.cli.choosing import choose
from tfar.cli.devices import Devices
from tfar.cli.fitting import fitted
from tfar.cli.quiet import import_tensorflow
from tfar.cli.starting import start_of
from tfar.datasets.text_sources import is_local
from tfar.files import write_text

MOST_TRAINING = 100_000  # characters of the training split that are scored
SAMPLE_LENGTH = 2000


class TextJob:
    """`tfar train` on a text.

    Args:
        args: the command's arguments.
        out: the run folder to write.
        settings: of the training, as far as the command names them.
    """

    def __init__(self, args: Any, out: Path, settings: config.SequenceTraining):
        self.args, self.out = args, out
        datasets.check_text_source(args.data, args.data_dir)
        if not is_local(args.data):
            import_tensorflow()  # quietly: TFDS does
        text = values_of(args, config.TextSettings)
        self.start = start_of(args)
        if self.start is not None:
            text |= self.start.text_options()
        self.data = datasets.load_text(args.data, **text, sequence_length=settings.sequence_length)
        choose(args, automatic.Facts(len(self.data.train), settings.sequence_length, "text"), started=self.start is not None)
        self.settings = config.SequenceTraining(**values_of(args, config.SequenceTraining))

    def build(self) -> Any:
        import keras

        from tfar import models

        keras.utils.set_random_seed(self.args.seed % 2**32)
        if self.start is not None:
            return self.start.model()
        options = values_of(self.args, config.FAMILIES[self.args.model])
        return models.CONSTRUCTORS[self.args.model](self.data.vocabulary, self.settings.sequence_length, **options)

    def train(self, run: Any, devices: Devices) -> Any:
        texts = self.data.train, self.data.validation
        return fitted(self.args, self.out, run.model, *texts, self.settings, start=self.start is None)

    def measure(self, run: Any, fit: Any) -> dict[str, Any]:
        """The content of metrics.json; NLLs in nats per character."""
        from tfar import training
        from tfar.cli.runs import record
        from tfar.training.baselines import baseline_nll

        data, model = self.data, run.model
        splits = {**data.splits, "train": data.train[:MOST_TRAINING]}
        return {
            "model": self.args.model,
            "data": data.name,
            **{name: training.evaluate(model, codes) for name, codes in splits.items()},
            "baseline_nll": baseline_nll(model.head, data.train[:, None], data.test[:, None]),
            **record(model, fit, self.args),
        }

    def draw(self, run: Any, fit: Any, metrics: dict[str, Any]) -> None:
        """Draw the learning curve, and write a sample."""
        from tfar import plotting

        if plotting.available() and fit.epochs:
            curve = plotting.learning_curve(fit.history, metrics["baseline_nll"])
            plotting.save(curve, run.folder / "curve.png", overwrite=True, title=f"{run.title}: learning curve")
        write_text(run.folder / "sample.txt", run.model.sample(1, self.args.seed, length=SAMPLE_LENGTH)[0], overwrite=True)
