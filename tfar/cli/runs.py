"""The folder of a trained model: what `tfar train` writes there, and how the other commands read it."""

import json
import platform
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import keras
import numpy as np

from tfar import datasets, plotting
from tfar.models import AutoregressiveModel
from tfar.models.character import CharacterModel

MODEL, DATA, METRICS, HISTORY = "model.keras", "data.json", "metrics.json", "history.csv"
TEXT = "text"  # the kind of data that is no array
PACKAGES = ("tfar", "tensorflow", "tensorflow-probability", "keras", "numpy")


@dataclass(frozen=True)
class Run:
    """A trained model and the description of its data.

    Attributes:
        folder: where it lies.
        model: the `AutoregressiveModel`.
        data: the dict of `tfar.datasets.Dataset.to_config`.
    """

    folder: Path
    model: AutoregressiveModel
    data: dict

    @classmethod
    def open(cls, folder):
        """Read a folder that `tfar train` wrote.

        Raises:
            FileNotFoundError: it is no folder, or a file is missing.
        """
        folder = Path(folder)
        for name in (MODEL, DATA):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"a folder made by 'tfar train' holds {MODEL} and {DATA}. Received: {folder}, without {name}")
        model = keras.saving.load_model(folder / MODEL, compile=False)
        return cls(folder, model, json.loads((folder / DATA).read_text(encoding="utf-8")))

    @property
    def is_text(self):
        """Whether it is a `tfar.models.character.CharacterModel`."""
        return isinstance(self.model, CharacterModel)

    def refuse(self, args, *names):
        """Refuse options of a command, by the names of their attributes, that are for the other kind of model."""
        for name in names:
            if getattr(args, name) is not None:
                own, other = ("text", "arrays") if self.is_text else ("arrays", "text")
                raise ValueError(f"--{name.replace('_', '-')} is for models of {other}. Received: {self.folder}, a model of {own}")

    def text(self, data_dir=None, download=None):
        """The `tfar.datasets.TextData` that the model was trained on, loaded again.

        Raises:
            ValueError: it has changed since.
        """
        kept, vocabulary = self.data, self.model.vocabulary
        found = datasets.load_text(kept["source"], data_dir or datasets.stored_dir(kept), vocabulary, kept["splits"], download=download)
        checksums = found.to_config()["checksums"]
        if checksums != kept["checksums"]:
            raise ValueError(f"the text is not that which the model was trained on: {kept['source']} has changed. Received: {checksums}")
        return found

    @property
    def preparation(self):
        """The `tfar.datasets.Preparation` that the model was trained behind."""
        return datasets.Preparation.from_config(self.data)

    def dataset(self, data_dir=None, download=None):
        """The training, validation and test rows, loaded again and checked to be the same."""
        return datasets.load_config(self.data, data_dir=data_dir, download=download)

    @property
    def metrics(self):
        """What `tfar train` measured: the dict of metrics.json, an empty one where that is missing."""
        path = self.folder / METRICS
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def known(self, data_dir=None, download=None):
        """The rows that the model was fitted to, loaded again: the training rows, and the validation rows after a refit."""
        data = self.dataset(data_dir, download)
        return data.train.joined(data.validation) if self.metrics.get("refit") else data.train

    def rows(self, source=None, split=None, data_dir=None, allow_blanks=False):
        """Rows as the model takes them: those of another `source`, or a split ("test" unless said) of its own data.

        Returns:
            A `tfar.datasets.Split(x, context)`; NaN in x stands for a blank where `allow_blanks`.
        """
        if source is None:
            return self.dataset(data_dir).splits[split or "test"]
        if split is not None:
            raise ValueError(
                f"a split is one of the model's own data; of others all rows are taken, or the test rows. Received: {split!r} and {source}"
            )
        return datasets.prepare(source, self.data, allow_blanks=allow_blanks, data_dir=data_dir)

    def own_units(self, x):
        """Values as modelled in the units of the data; discrete values, and NaN, are returned as they are."""
        standardization = self.preparation.standardization
        return np.asarray(x) if standardization is None else standardization.invert(x)

    def data_to_compare(self, data_dir=None):
        """The test rows of a table as modelled, or None: images are not drawn beside data, and where the data are gone there are none."""
        if self.as_images(np.zeros([1, *self.model.event_shape])) is not None:
            return None
        try:
            return self.dataset(data_dir, download=False).test.x
        except (ValueError, OSError):
            return None

    def as_images(self, x):
        """Values as modelled `[N, *event]` as images from 0 to 1, grey `[N, H, W]` or coloured `[N, H, W, 3]`.

        Events `[H, W]`, `[H, W, 1]` and `[H, W, 3]` are images; None for others. Continuous ones are scaled from the
        least to the greatest value.
        """
        return plotting.as_images(self.own_units(x), self.preparation.levels)

    @property
    def columns(self):
        """Names of the values of an event `[D]`."""
        return self.preparation.columns or tuple(f"column {i + 1}" for i in range(self.model.network.event_size))

    @property
    def label_column(self):
        """The name of the column that class labels are written to, in a list; an empty one where there are none."""
        return [] if self.preparation.context_names is None else [self.data["context"]]

    def label_cells(self, context, n):
        """What stands in `label_column` in each of n rows: a list of one label, or an empty one."""
        names = self.preparation.context_names
        return [[]] * n if names is None else [[names[i]] for i in np.argmax(context, axis=-1)]

    def contexts(self, text, n):
        """The contexts `[n, C]` that a command asks for, or None for a model without one.

        Args:
            text: class names or column values, or else C numbers, with commas; None for all classes in turn.
            n: how many rows; the classes are repeated in turn.

        Raises:
            ValueError: the model takes no context, another one, or needs one to be given.
        """
        size, names = self.preparation.context_size, self.preparation.context_names
        if size is None:
            if text is not None:
                raise ValueError(f"this model was trained without a context. Received: context={text!r}")
            return None
        if names is not None:
            wanted = list(names) if text is None else [word.strip() for word in text.split(",")]
            return datasets.one_hot([wanted[i % len(wanted)] for i in range(n)], names)
        try:
            vector = np.array([float(word) for word in (text or "").split(",")], np.float32)
        except ValueError:
            vector = np.empty(0, np.float32)
        if vector.shape != (size,):
            raise ValueError(f"this model needs a context of {size} numbers with commas between them. Received: context={text!r}")
        return np.tile(vector, (n, 1))


def save_model(model, path):
    """Write a model's `.keras` file without the optimizer's state, which is three times as large as the weights."""
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    copy.save(path)


def record(model, fit, command):
    """How a model came about, for its metrics.json: `fit` is a `tfar.training.Fit`, `command` the command line."""
    return {
        "parameters": model.count_params(),
        "epochs": fit.epochs,
        "best_epoch": fit.best_epoch,
        "interrupted": fit.interrupted,
        "seconds": round(fit.seconds, 1),
        "command": command,
        "versions": versions(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def versions():
    """Versions of Python and of the packages that a result depends on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # a checkout that is not installed
            found[name] = None
    return found
