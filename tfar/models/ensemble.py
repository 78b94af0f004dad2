"""The model of an ensemble of models."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfar import networks
from tfar.models.autoregressive import AutoregressiveModel
from tfar.models.character import CharacterModel
from tfar.models.families import Family
from tfar.models.table import TableModel
from tfar.validation import as_list


class Ensemble(AutoregressiveModel, metaclass=Family):
    """The mixture of trained models of the same data, as a `tfar.AutoregressiveModel`, or of tables as a `tfar.TableModel`.

        p(x) = sum_m w_m p_m(x)

    The mean is one of the probabilities of whole examples, so the models may be of any families, orders, and heads of the same values. It
    scores, samples, completes, is saved and is exported as every model is. A sample is drawn by one of the models, which is drawn by the
    weights. A completion is exact: the weights are those given the observed values, w_m p_m(x_observed), and each model must be able to
    complete the pattern (see `tfar.AutoregressiveEnsemble`).

    The ensemble holds the networks of the models themselves, and freezes them. `fit` on rows that they were not trained on, such as the
    validation rows, fits the weights w alone, which are the softmax of M variables: `ensemble.network.mixture_weights`.
    `tfar.models.ensemble.likeliest_weights` finds them from the log-probabilities of such rows.

    Args:
        models: at least two models of the same event and context.
        weights: w, M positive numbers, which are divided by their sum; None for equal ones.

    Raises:
        ValueError: there are fewer than two models, one is not a model, is one of text or an ensemble itself, they differ in event,
            context, dtype, the values of their heads or the columns of their tables, or the weights are not M positive numbers.

    >>> import numpy as np, tfar
    >>> models = [tfar.NADE([3], hidden_units=4), tfar.MADE([3], hidden_units=[8], order="reversed")]
    >>> ensemble = Ensemble(models, weights=[0.3, 0.7])
    >>> cube = np.indices([2] * 3).reshape(3, -1).T
    >>> round(float(np.exp(ensemble.log_prob(cube)).sum()), 5), ensemble.sample(2, seed=1).shape
    (1.0, TensorShape([2, 3]))
    """

    network_class = networks.Ensemble

    if TYPE_CHECKING:  # what `__new__` takes; those of `AutoregressiveModel` are others

        def __init__(self, models: Sequence[AutoregressiveModel], weights: Sequence[float] | None = None) -> None: ...

    def __new__(cls, models: Sequence[AutoregressiveModel], weights: Sequence[float] | None = None) -> "Ensemble":
        models = as_list(models=models)
        _check(models)
        first, heads = models[0], [model.head for model in models]
        own = None if all(head == heads[0] for head in heads) else heads
        network = networks.Ensemble([model.network for model in models], own, weights)
        made: Any  # an instance of this class too, see `Family`
        if isinstance(first, TableModel):
            made = TableModel(first.schema, network=network, num_components=first.num_components)
        else:
            made = AutoregressiveModel(network, first.head)
        return made


def likeliest_weights(log_probs: np.ndarray, rounds: int = 1000) -> np.ndarray:
    """The weights with which a mixture gives rows the greatest likelihood, by expectation maximisation.

        w_m <- 1/N sum_n w_m p_m(x_n) / sum_k w_k p_k(x_n)

    The likelihood is concave in w, so that there is one maximum.

    Args:
        log_probs: log p_m(x_n) in nats, `[M, N]`, of rows that the models were not trained on.
        rounds: number of updates.

    Returns:
        w `[M]`, positive; weights that vanish are 1e-9.

    Raises:
        ValueError: there are no rows, or a row has a probability under no model.

    >>> likeliest_weights(np.log([[0.9, 0.9, 0.1], [0.1, 0.1, 0.9]])).round(3).tolist()
    [0.708, 0.292]
    """
    log_probs = np.asarray(log_probs, np.float64)
    if log_probs.size == 0 or not np.isfinite(log_probs.max(axis=0)).all():
        raise ValueError("log_probs must be finite under one of the models at least, and of one row at least. Received: others")
    p = np.exp(log_probs - log_probs.max(axis=0))
    w = np.full(len(p), 1 / len(p))
    for _ in range(rounds):
        w = (w[:, np.newaxis] * p / (w @ p)).mean(axis=1)
    w = np.maximum(w, 1e-9)
    return w / w.sum()


def _check(models: list[Any]) -> None:
    """Raise a ValueError if models are not, or are not of one table; `networks.Ensemble` checks the rest."""
    if len(models) < 2 or not all(isinstance(model, AutoregressiveModel) for model in models):
        raise ValueError(f"models must be at least two tfar models. Received: models={models!r}")
    schema = models[0].schema.to_json() if isinstance(models[0], TableModel) else None
    for model in models:
        model.check_network()
        if isinstance(model, CharacterModel):
            raise ValueError(f"an ensemble is of models of arrays or tables; `tfar evaluate --ensemble` scores texts. Received: {model!r}")
        if (model.schema.to_json() if isinstance(model, TableModel) else None) != schema:
            raise ValueError(f"the models of an ensemble must be of the same columns. Received: {models[0]!r}, {model!r}")
        if schema is not None and model.head != models[0].head:
            raise ValueError(f"models of tables must have the same heads. Received: {models[0].head!r}, {model.head!r}")
