"""The automatic settings of a training, for a model as it is."""

from typing import Any

from tfar import automatic, config, heads
from tfar.models import AutoregressiveModel, CharacterModel


def for_model(settings: config.Training, model: AutoregressiveModel, rows: int) -> Any:
    """The settings of a training of a model, with the automatic values of `tfar.automatic` in place of None.

    Args:
        settings: `tfar.config.Training`, or a subclass.
        model: the model to train.
        rows: number of training rows, or of a text's characters.

    >>> import tfar
    >>> for_model(config.Training(), tfar.LogisticAutoregressive([4]), 50).batch_size
    10
    """
    return automatic.resolved(settings, model.network.family, automatic.Facts(rows, model.network.event_size, kind_of(model)))


def kind_of(model: AutoregressiveModel) -> str:
    """The kind of data that a model is of, as `tfar.automatic.Facts` has it."""
    if isinstance(model, CharacterModel):
        return "text"
    return "table" if isinstance(model.head, heads.Columns) else (*model.head.kinds, "continuous")[0]
