"""The run folder of a trained model: what `tfar train` writes, and how everything else reads it."""

import platform
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tfar.cli.conditions import refuse_foreign
from tfar.files import write_json
from tfar.reading import read_json

if TYPE_CHECKING:
    import numpy as np

    from tfar.datasets import Standardization
    from tfar.models import AutoregressiveModel
    from tfar.training import Fit

MODEL, DATA, METRICS, HISTORY = "model.keras", "data.json", "metrics.json", "history.csv"
MEASURED = {"test": dict, "baseline_nll": (int, float, type(None)), "versions": dict, "command": str}  # in metrics.json
PACKAGES = ("tfar", "tensorflow", "tensorflow-probability", "keras", "numpy")


def fitted_to(description: dict[str, Any]) -> dict[str, Any]:
    """What data.json says of the rows and of their preparation, without their name and place; entries that earlier versions lack too."""
    kept = {key: value for key, value in description.items() if key not in ("name", "source", "data_dir", "test")}
    if description["kind"] in ("text", "table"):
        return kept
    from tfar.datasets import Preparation  # NumPy, which the command's help does without

    return kept | Preparation.from_config(description).to_config()


class Run:
    """A trained model, the description of its data, and what it scored.

    `tfar.load_run` reads one. A subclass says what the commands do with one kind of data.

    Attributes:
        folder: where it lies.
        model: the `tfar.AutoregressiveModel`.
        description: the dict of data.json: where the data came from, and how they were prepared.
    """

    kind_in_words: ClassVar[str]  # "arrays" or "text"
    unit: ClassVar[str]  # what a score is the mean of: "rows" or "characters"
    nats: ClassVar[str]  # the unit of an NLL, in words
    bits: ClassVar[str]  # the name of the score in bits
    baseline: ClassVar[str]  # what the baseline is, in words

    def __init__(self, folder: str | Path, model: Any, description: dict[str, Any]):
        self.folder, self.model, self.description = Path(folder), model, description
        self._loaded: dict[str | None, Any] = {}

    def check(self) -> None:
        """Check that the description is whole, and that of the model's data.

        Raises:
            ValueError: it is not.
        """
        from tfar.datasets.source import SPLITS  # NumPy, which the command's help does without

        if set(self.description["checksums"]) != set(SPLITS):
            raise ValueError(f"its checksums are of {', '.join(self.description['checksums'])}")

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """What `tfar train` measured: the dict of metrics.json, an empty one where that is missing."""
        path = self.folder / METRICS
        return read_json(path, MEASURED) if path.is_file() else {}

    @property
    def data(self) -> Any:
        """The data that the model was trained on, read again from where they were and checked to be the same."""
        return self.load_data()

    def load_data(self, data_dir: str | None = None, download: bool | None = None) -> Any:
        """`data`, with TFDS' folder where it has moved; read once.

        Raises:
            ValueError: the data are gone, or have changed.
        """
        if data_dir not in self._loaded:
            self._loaded[data_dir] = self._read(data_dir, download)
        return self._loaded[data_dir]

    def _read(self, data_dir: str | None, download: bool | None) -> Any:
        raise NotImplementedError

    def refuse(self, args: Any, kind: str, *names: str) -> None:
        """Raise a ValueError where a command was given options that are for models of another kind."""
        refuse_foreign(args, self.folder, self.kind_in_words, kind, names)

    def rows_fitted(self) -> tuple[dict[str, Any], Any]:
        """Which rows the model was fitted to and how they were prepared."""
        return fitted_to(self.description), self.metrics.get("refit")

    def check_ensemble(self, others: "Sequence[Run]") -> None:
        """Raise a ValueError where the probabilities of other models cannot be averaged with those of this one."""
        for other in others:
            if other.rows_fitted() != self.rows_fitted():
                raise ValueError(f"--ensemble is for models of the same rows, as those of {self.folder}. Received: {other.folder}")

    @property
    def title(self) -> str:
        """What the titles of its pictures begin with."""
        return f"{type(self.model.network).__name__} on {self.description['name']}"

    def summary(self, family: str) -> str:
        """What `train` prints of the model before it is trained."""
        return f"{family}: {self.model.head!r}"

    def write_more(self, folder: Path) -> None:
        """Write files of a run that only some kinds of data have."""

    def evaluated(self, args: Any) -> tuple[str, Any]:
        """What `tfar evaluate` asks to score: the name of the data, and the rows, or the codes of a text."""
        raise NotImplementedError

    def log_prob(self, rows: Any, args: Any) -> "np.ndarray":
        """The log-probabilities of what `evaluated` returned, nats: of rows `[N]`, or of stretches of a text `[S]`."""
        raise NotImplementedError

    def scores(self, log_prob: "np.ndarray", rows: Any) -> dict[str, Any]:
        """The scores of log-probabilities: `nll`, its standard error `nll_error`, and others."""
        raise NotImplementedError

    def per_unit(self, log_prob: "np.ndarray", rows: Any) -> "np.ndarray":
        """Log-probabilities of which `nll` is the mean: of rows as they are, of stretches per character."""
        return log_prob

    def baselines(self, rows: Any, args: Any) -> dict[str, Any]:
        """The NLLs of baselines on the same rows; None where there is none, or where the training rows are gone."""
        raise NotImplementedError

    def report(self, title: str, scores: dict[str, Any], known: dict[str, Any]) -> str:
        """The lines that `train` and `evaluate` print of scores and baselines."""
        raise NotImplementedError

    def sample(self, args: Any) -> None:
        """Draw samples as `tfar sample` asks, and write them."""
        raise NotImplementedError

    def score(self, args: Any) -> None:
        """Score rows or lines one by one as `tfar score` asks, and write the scores."""
        raise NotImplementedError

    def complete(self, args: Any) -> None:
        """Complete rows as `tfar complete` asks, and write them."""
        raise NotImplementedError

    def test_rows(self, data_dir: str | None = None) -> dict[str, Any]:
        """What the endpoint `log_prob` takes and gives for the first test rows, arrays by name."""
        raise NotImplementedError

    @property
    def values(self) -> str:
        """What the model is a density of, in words."""
        raise NotImplementedError

    @property
    def standardization(self) -> "Standardization | None":
        """Of real values in arrays, which an exported model takes and gives in the data's own units; None for others."""
        return None

    @property
    def labels(self) -> "Sequence[str] | None":
        """The class names of one-hot contexts, by which an exported model takes them; None for others."""
        return None

    def described_values(self, version: Path) -> list[str]:
        """Paragraphs of the model card: what the values of an exported version mean."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r}, {type(self.model.network).__name__} on {self.description['name']})"


def save_run(folder: Path, model: "AutoregressiveModel", description: dict[str, Any], fit: "Fit", metrics: dict[str, Any]) -> None:
    """Write the files of a run into a folder that exists."""
    from tfar.cli.outputs import write_csv

    save_model(model, folder / MODEL)
    write_json(folder / DATA, description)
    columns = ["epoch", *fit.history], zip(range(1, fit.epochs + 1), *fit.history.values(), strict=True)
    write_csv(folder / HISTORY, *columns)
    write_json(folder / METRICS, metrics)


def save_model(model: Any, path: Path) -> None:
    """Write a model's `.keras` file without the optimizer's state, which is three times as large as the weights."""
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    copy.save(path)


def record(model: Any, fit: "Fit", args: Any) -> dict[str, Any]:
    """How a model came about, for its metrics.json; `args` are the command's arguments."""
    return {
        "parameters": model.count_params(),
        "epochs": fit.epochs,
        "best_epoch": fit.best_epoch,
        "interrupted": fit.interrupted,
        "seconds": round(fit.seconds, 1),
        "command": args.command_line,
        "optimizer": args.optimizer,
        "automatic": args.automatic,
        "versions": versions(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that a result depends on."""
    from importlib import metadata  # which imports the package for e-mail

    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # a checkout that is not installed
            found[name] = None
    return found
