"""Training that starts from a trained model: `tfar train --init-from DIR --freeze LAYER ...`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfar import config, datasets
from tfar.cli.arguments import given_values
from tfar.cli.opening import load_run, network_class, read_description
from tfar.cli.runs import Run
from tfar.datasets import Preparation, Vocabulary

if TYPE_CHECKING:
    from tfar.models import AutoregressiveModel


def start_of(args: Any) -> "Start | None":
    """What a command starts from; None where it draws new weights.

    Raises:
        ValueError: `--freeze` without a model.
        See `Start`.
    """
    if args.init_from is not None:
        return Start(args)
    if args.freeze:
        raise ValueError(f"--freeze names layers of the model of --init-from. Received: --freeze {' '.join(args.freeze)}, without it")
    return None


class Start:
    """The trained model that a training starts from.

    Its settings hold, and so does the preparation of its data: the same levels, columns and statistics, so that its density is that of the
    new rows from the first step on. Options that change no density, such as `--dropout`, may differ.

    Args:
        args: arguments of `tfar train`.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: its model is of another family or other data than the command's, or an option contradicts it.
    """

    def __init__(self, args: Any):
        self.args, self.folder = args, Path(args.init_from)
        self.description = read_description(self.folder)
        found, family = network_class(self.folder), config.FAMILIES[args.model].__name__
        if found != family:
            raise ValueError(f"the model to start from must be a {family}, as '{args.model}' says. Received: {self.folder}, a {found}")

    def data_options(self) -> dict[str, Any]:
        """Arguments of `datasets.load`: the preparation and the context are the model's, or its schema and the format of its table.

        Raises:
            ValueError: an option of the command asks for others.
        """
        if self.description["kind"] == "table":
            asked = given_values(self.args, config.TableSettings) | given_values(self.args, config.DataSettings)
            own = {"columns": None, "drop": [], "categorical": [], "numeric": [], "condition_on": [], "levels": None, "context": None}
            self._refuse(own, asked)
            return {"preparation": datasets.Schema.from_json(self.description["schema"])}
        self._refuse({name: self.description[name] for name in ("levels", "context")}, given_values(self.args, config.DataSettings))
        return {"levels": None, "context": self.description["context"], "preparation": Preparation.from_config(self.description)}

    def text_options(self) -> dict[str, Any]:
        """Arguments of `datasets.load_text`: the vocabulary is the model's.

        Raises:
            ValueError: an option of the command asks for another.
        """
        vocabulary = Vocabulary.from_config(self.description["vocabulary"])
        own = {"vocabulary": vocabulary.kind, "unknown": vocabulary.unknown is not None}
        self._refuse(own, given_values(self.args, config.TextSettings))
        return {"vocabulary": vocabulary, "unknown": False}

    def model(self) -> "AutoregressiveModel":
        """The model, its layers trainable but for those that the command freezes.

        Raises:
            ValueError: an option of the command contradicts its settings; a layer is unknown; or nothing is left to train.
        """
        from tfar.models.freezing import freeze

        run = load_run(self.folder)
        if self.description["kind"] == "table":
            head = {"head": "auto", "num_components": run.model.num_components}
        else:
            head = {"head": run.model.head.name, **run.model.head.get_config()}
        asked = {name: value for name, value in given_values(self.args, config.HeadSettings).items() if value != "auto"}
        self._refuse(head, asked)
        model = self._with_options(run)
        model.network.trainable = True
        freeze(model.network, self.args.freeze)
        if not model.trainable_variables:
            raise ValueError(f"a layer must be left to train. Received: --freeze {' '.join(self.args.freeze)}")
        return model

    def _with_options(self, run: Run) -> "AutoregressiveModel":
        """The model of a run with those options of the command that change no density."""
        from tfar.networks.fingerprint import differences, stored

        given = given_values(self.args, config.FAMILIES[self.args.model])
        if not given:
            return run.model
        settings = run.model.get_config()
        settings["network"]["config"] |= given
        model = type(run.model).from_config(settings)
        own = {name: stored(value) for name, value in run.model.network.density_settings().items()}
        if changed := differences(own, model.network.density_settings(), {}):
            raise ValueError(f"the settings of {self.folder} hold, from which the training starts. Received: {'; '.join(changed)}")
        model.set_weights(run.model.get_weights())
        return model

    def _refuse(self, own: dict[str, Any], asked: dict[str, Any]) -> None:
        """Raise a ValueError where the values that a command asks for differ from the model's own."""
        for name, value in asked.items():
            if name in own and own[name] != value:
                raise ValueError(
                    f"the settings of {self.folder} hold, from which the training starts: its {name} is {own[name]}. Received: {value}"
                )
