"""What the sections of the lecture share: their figures and pictures, the shipped models, the data, and text for the page."""

import functools
import json
import time
from pathlib import Path

from tables.protocol import Options, Results
from tables.render import number  # noqa: F401

import tfar
from tfar import plotting
from tfar.cli.outputs import markdown_table as table  # noqa: F401  # with `figure`, what sections import from here
from tfar.plotting.figures import figure  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
DATA, MODEL = "#7f7f7f", "#1f77b4"  # colours of data and of a model
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e")
SEED = 0  # of everything that is drawn


class Lecture:
    """Where figures and pictures go. A part that is measured already is not measured again.

    Args:
        results: folder of lecture.json, and of lecture-trainings.json, the figures of the small models that sections train.
        pictures: folder of the pictures.
        train: whether sections may train; otherwise a training that was not done is an error.
    """

    def __init__(self, results, pictures, train=False):
        options = Options(pictures, results)
        self.measured, self.trainings = Results(options, "lecture"), Results(options, "lecture-trainings")
        self.results, self.pictures, self.train = results, pictures, train

    def part(self, section, name, settings, measure, look=None):
        """The figures `name` of a section: what `measure()` returns, now or in an earlier run with the same settings.

        Args:
            section, name: the keys in lecture.json.
            settings: a dict, kept beside the figures.
            measure: a function without arguments that returns a dict.
            look: the purpose for which test rows are scored; None where none are.
        """
        return self.measured.part([section, name], settings, measure, look)

    def training(self, section, name, settings, measure, minutes):
        """As `part`, for figures of a model that is trained here.

        Raises:
            ValueError: it was not trained, and `train` is False.
        """
        known = self.trainings.read().get(section, {}).get(name, {})
        if not self.train and any(known.get(key) != value for key, value in settings.items()):
            raise ValueError(
                f"{self.trainings.path.name} must hold the figures of {section} {name}; 'python scripts/lecture.py {section} --train' "
                f"trains the models of the section, in about {minutes} minutes. Received: a file without them"
            )
        return self.trainings.part([section, name], settings, measure)

    def forget(self, section):
        """Remove the figures of a section, so that they are measured again; not those of trainings."""
        found = self.measured.read()
        if found.pop(section, None):
            self.measured.write(found)

    def took(self, section, kind, seconds):
        """Keep the processor seconds of a section: "drawn" from its figures, or "measured" anew."""
        found = self.measured.read()
        found.setdefault("seconds", {}).setdefault(section, {})[kind] = round(seconds, 1)
        self.measured.write(found)

    def draw(self, name, picture):
        """Write a picture to lecture-NAME.png."""
        plotting.save(picture, self.pictures / f"lecture-{name}.png", overwrite=True)


@functools.cache
def shipped(name):
    """A model of saved_models.

    Raises:
        FileNotFoundError: it is not there.
    """
    folder = ROOT / "saved_models" / name
    if not folder.is_dir():
        recipe = name.replace("-binarized_mnist", "")
        raise FileNotFoundError(
            f"the lecture needs {folder.relative_to(ROOT)}, which is part of the repository; 'tfar reproduce {recipe}' trains "
            "such a model. Received: no such folder"
        )
    return tfar.load_run(folder).model


@functools.cache
def data(name, **options):
    """A data set by its name.

    Raises:
        ValueError: it is not prepared.
    """
    try:
        return tfar.datasets.load(name, **options)
    except ValueError as error:
        raise ValueError(f"the lecture needs the data {name}, prepared in TFDS_DATA_DIR ({error})") from error


def result_of(recipe):
    """The file of results of a recipe.

    Raises:
        FileNotFoundError: it is not there.
    """
    path = ROOT / "results" / f"{recipe}.json"
    if not path.is_file():
        raise FileNotFoundError(f"the lecture needs {path.relative_to(ROOT)}, which 'tfar reproduce {recipe}' writes")
    return json.loads(path.read_text(encoding="utf-8"))


def run_of(recipe):
    """The model that a recipe trained, from `runs`.

    Raises:
        FileNotFoundError: it is not there.
    """
    folder = ROOT / "runs" / recipe
    if not folder.is_dir():
        raise FileNotFoundError(
            f"the lecture needs {folder.relative_to(ROOT)}, which 'tfar reproduce {recipe}' trains. Received: no such folder"
        )
    return tfar.load_run(folder).model


def images(x):
    """Binary images `[N, H, W, 1]` for `tfar.plotting`."""
    return plotting.as_images(x, 2)


def plain(axes):
    """Remove the frame above and to the right of axes."""
    axes.spines[["top", "right"]].set_visible(False)


def processor_seconds(function, repeats=5):
    """The least processor time of a call, all threads together, seconds: unlike wall time it is the same beside other work.

    Args:
        function: what is timed. It is called once before, untimed, to trace and compile.
        repeats: number of timed calls.
    """
    function()
    times = []
    for _ in range(repeats):
        began = time.process_time()
        function()
        times.append(time.process_time() - began)
    return min(times)


def milliseconds(seconds):
    """Seconds as milliseconds, with about two digits.

    >>> milliseconds(0.00123), milliseconds(0.0345), milliseconds(1.5)
    ('1.2 ms', '34 ms', '1,500 ms')
    """
    value = 1000 * seconds
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"
