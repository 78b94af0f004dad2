"""Recipes: the commands that train and score the models of the results table, as files of the package."""

import configparser
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tfar.suggesting import did_you_mean

PACKAGE = Path(__file__).resolve().parents[1]
RECIPES = PACKAGE / "recipes"
SMOKE_EVALUATION = {"num-orders": "2", "rows": "5"}  # instead of the many orders of [evaluate]


@dataclass(frozen=True)
class Recipe:
    """A file of `tfar/recipes`, NAME.cfg:

        [recipe]
        title = title of the row in the results table
        paper = the published negative log-likelihood (a published log-likelihood with the opposite sign); omitted if nothing is published
        gaussian = for real values, the published negative log-likelihood of a normal with full covariance; agreement with it shows that
                   the protocol is the same
        settings = the settings in a few words, and whether they are the paper's or ours
        minutes = training time on two cores
        tried = if the published figure is not reached, what was tried and what was not; docs/results.md prints it below its table
        [train]             options of `tfar train`, without the dashes; yes or no for switches
        model = made
        data = binarized_mnist
        [evaluate]          options of `tfar evaluate`, if the figure is not the one that training reports
        [folds]             for a figure that is the mean over the folds of a cross-validation
        number = 10
        [networks]          for an ensemble: the mean of the probabilities of networks with the seeds 0, 1, ...
        number = 32
        [smoke]             options of `tfar train` for a run of seconds, on data that come with tfar: digits, or a file of the package
                            as a text; an empty one leaves that of [train] out

    Settings are chosen by validation figures, and stand in the recipe before the test rows are scored.

    Attributes:
        name: the name of the file, without its ending.
        title, paper, gaussian, settings, minutes, tried: strings of its section `recipe`. `paper` and `gaussian` are None if nothing is
            published, `tried` is None if there is nothing to add.
        train, evaluate: options by name, as strings.
        folds: number of folds, or None.
        networks: number of networks of an ensemble, or None.
    """

    name: str
    title: str
    paper: str | None
    gaussian: str | None
    settings: str
    minutes: str
    train: Mapping[str, str]
    evaluate: Mapping[str, str]
    folds: int | None
    tried: str | None = None
    networks: int | None = None

    @classmethod
    def read(cls, name: str, smoke: bool = False) -> "Recipe":
        """Read a recipe.

        Args:
            name: the name of the recipe.
            smoke: whether to return its smoke run instead.

        Raises:
            ValueError: there is no recipe of that name, an entry is missing, or an entry is unknown.

        >>> Recipe.read("made").paper, Recipe.read("made", smoke=True).train["data"]
        ('88.40', 'digits')
        """
        if name not in names():
            meant = did_you_mean(name, names(), cutoff=0.6)
            raise ValueError(f"the recipe must be one of those that 'tfar reproduce' lists.{meant} Received: {name}")
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(RECIPES / f"{name}.cfg", encoding="utf-8")
        sections = {section: dict(parser[section]) for section in parser.sections()}
        if unknown := sections.keys() - {"recipe", "train", "evaluate", "folds", "networks", "smoke"}:
            known = "recipe, train, evaluate, folds, networks and smoke"
            raise ValueError(f"{name}.cfg: the sections are {known}. Received: {sorted(unknown)}")
        try:
            head, train, small = sections["recipe"], sections["train"], sections["smoke"]
            needed, optional = ("title", "settings", "minutes"), ("paper", "gaussian", "tried")
            if wrong := {key for key in head if key not in needed + optional or not head[key]}:
                raise ValueError(f"{name}.cfg: [recipe] holds {', '.join(needed + optional)}. Received: {', '.join(sorted(wrong))}")
            title, settings, minutes = (head[key] for key in needed)
            paper, gaussian, tried = map(head.get, optional)
            evaluate = sections.get("evaluate", {})
            folds, networks = (int(sections[part]["number"]) if part in sections else None for part in ("folds", "networks"))
            if networks is not None and (networks < 1 or folds or evaluate or not {"seed", "refit"}.isdisjoint(train)):
                raise ValueError(
                    f"{name}.cfg: [networks] has a number above 0, and goes with no [folds], no [evaluate], no seed and no refit. "
                    f"Received: {sections}"
                )
            if smoke:
                merged = {key: value for key, value in (train | small).items() if value}
                name, train, folds, networks = f"{name}-smoke", merged, folds and 3, networks and 2
                file = PACKAGE / train["data"]
                train["data"] = shlex.quote(str(file)) if file.is_file() else train["data"]
                evaluate = evaluate and evaluate | SMOKE_EVALUATION
            train = {key: train[key] for key in ("model", "data")} | train
            return cls(name, title, paper, gaussian, settings, minutes, train, evaluate, folds, tried, networks)
        except KeyError as missing:
            raise ValueError(f"{name}.cfg lacks {missing}") from None

    @property
    def folders(self) -> list[tuple[str, dict[str, str]]]:
        """The name of the folder of each run, and the options that the run has besides the recipe's."""
        if self.folds is not None:
            return [(f"{self.name}/fold-{fold}", {"folds": str(self.folds), "fold": str(fold)}) for fold in range(self.folds)]
        if self.networks is not None:
            return [(f"{self.name}/network-{seed}", {"seed": str(seed)}) for seed in range(self.networks)]
        return [(self.name, {})]

    @property
    def published(self) -> str:
        """The published figure in words."""
        return f"{self.paper} published" if self.paper else "nothing published"

    def command(self) -> str:
        """The `tfar train` command of the first run, as the results file stores it."""
        folder, besides = self.folders[0]
        return shlex.join(["tfar", *self.words(Path(folder).name, besides)])

    def words(self, out: str | Path, besides: Mapping[str, str]) -> list[str]:
        """The arguments of `tfar` that train into the folder `out`, with the options `besides` those of the recipe."""
        given = {**self.train, **besides}
        model = given.pop("model")
        return ["train", model, *options(given), "--out", str(out)]


def names() -> list[str]:
    """The names of all recipes."""
    return sorted(path.stem for path in RECIPES.glob("*.cfg"))


def options(given: Mapping[str, str]) -> list[str]:
    """Options by name as arguments of a command line.

    >>> options({"hidden-units": "500 500", "jit": "no", "direct": "yes"})
    ['--hidden-units', '500', '500', '--no-jit', '--direct']
    """
    words = []
    for name, value in given.items():
        words += [f"--no-{name}"] if value == "no" else [f"--{name}"] if value == "yes" else [f"--{name}", *shlex.split(value)]
    return words
