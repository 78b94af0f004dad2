"""Automatic settings: the values of those that a user leaves unset, chosen by the family and the data.

A rule is a function of the family, the number of rows, the number of columns and the kind of data. Nothing here imports TensorFlow, and no
rule knows a data set. `docs/training.md` says what the rules were chosen on.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tfar import config

LEAST_STEPS = 25  # in an epoch: after fewer, validation would be most of the work
TRAINING_STEPS = 2_000, 4_000  # of a training, with `SMALL` and with `LARGE` numbers of rows
WIDE = 3.0  # factor of the L2 penalty where there are fewer rows than columns; 2 of MADE, which has fewer units there too
SMALL, LARGE = 2_000, 50_000  # rows: at most the first, over-fitting is what costs most; from the second on, too few units do

FALLBACK: Mapping[str, Any] = {  # of families without a rule, and of a rule where it says nothing
    "epochs": 200,
    "batch_size": 100,
    "learning_rate": 1e-3,
    "schedule": "plateau",
    "weight_decay": 0.0,
    "l2": 0.0,
    "ema": 0.99,
    "clip": 100.0,
    "patience": 10,
}


class Facts(NamedTuple):
    """What the rules know of the training data.

    Attributes:
        rows: N; of a text its characters.
        columns: D, the number of positions of one example.
        kind: "binary", "categorical", "continuous", "table" (a head for each column), or "text".
    """

    rows: int
    columns: int
    kind: str


def choose(family: type[config.Family], facts: Facts) -> dict[str, Any]:
    """The values of a family's automatic settings, and of those of a training, by name.

    `epoch_steps` and `jit` are None where they are left to the training: one pass, or 100 steps where that is more; and XLA where the
    network's steps are quicker by it (`network.xla`).

    Args:
        family: the dataclass of the network's settings.
        facts: of the training rows.

    >>> few, many = (choose(config.MADE, Facts(rows, 100, "binary")) for rows in (1000, 50000))
    >>> few["dropout"] > many["dropout"], few["hidden_units"] < many["hidden_units"], few["epoch_steps"] < many["epoch_steps"]
    (True, True, True)
    """
    groups = [config.settings_of(family), config.settings_of(config.Training)]
    fields = {name: field for group in groups for name, field in group.items() if field.metadata["shown"].automatic}
    defaults = {name: field.default for name, field in fields.items()}  # None of those of the training
    ruled = family.tables if facts.kind == "table" else _rule(family)(facts)
    values = {**defaults, **FALLBACK, **ruled, **family.training}
    return {name: values[name] for name in fields}


def resolved(settings: config.Training, family: type[config.Family], facts: Facts) -> Any:
    """Settings of a training with the automatic values in place of None.

    >>> resolved(config.Training(learning_rate=0.5), config.NADE, Facts(1000, 10, "binary")).learning_rate
    0.5
    """
    chosen = choose(family, facts)
    unset = {name: chosen[name] for name in config.settings_of(type(settings)) if getattr(settings, name) is None}
    return dataclasses.replace(settings, **unset)


def _pace(facts: Facts, steps: float = 1.0) -> dict[str, Any]:
    """Batches, the validation interval, and the length of a training, whose learning rate follows a cosine.

    A batch has 100 rows, or a tenth of the rows where that is less; 10 at least. An epoch is one pass, or `LEAST_STEPS` steps where that is
    more. A training has the steps of `TRAINING_STEPS`, or ten passes where that is more, times `steps`.
    """
    batch_size = max(10, min(100, facts.rows // 10))
    passed = facts.rows // batch_size
    epoch_steps = max(passed, LEAST_STEPS)
    epochs = math.ceil(steps * max(_between(facts.rows, *TRAINING_STEPS), 10 * passed) / epoch_steps)
    return {"batch_size": batch_size, "epoch_steps": epoch_steps, "epochs": epochs, "patience": math.ceil(epochs / 4), "schedule": "cosine"}


def _between(rows: int, few: float, many: float) -> float:
    """A number that goes from `few` at `SMALL` rows to `many` at `LARGE`, linearly in the logarithm of the rows."""
    share = math.log(max(rows, 1) / SMALL) / math.log(LARGE / SMALL)
    return few + (many - few) * min(max(share, 0.0), 1.0)


def _units(rows: int, few: int, many: int) -> int:
    """A number of units that grows from `few` at `SMALL` rows to `many` at `LARGE`, in tens."""
    return 10 * round(_between(rows, few, many) / 10)


def _decay(facts: Facts) -> float:
    """Decoupled weight decay of models of real values, in inverse proportion to the rows."""
    return round(500 / max(facts.rows, 100), 3)


def _shrinkage(facts: Facts, l2: float, wide: float = WIDE) -> dict[str, float]:
    """Weight decay for real values. For classes, whose gradients are bounded, an L2 penalty, of `wide` times `l2` where N < D."""
    if facts.kind == "continuous":
        return {"weight_decay": _decay(facts)}
    return {"l2": l2 * wide if facts.rows < facts.columns else l2}


def _logistic(facts: Facts) -> dict[str, Any]:
    return {**_pace(facts), "learning_rate": 3e-2, **_shrinkage(facts, 1.5)}


def _made(facts: Facts) -> dict[str, Any]:
    if facts.kind == "continuous":
        return {**_pace(facts), "learning_rate": 3e-3, "weight_decay": _decay(facts), "hidden_units": (500,)}
    dropout = round(_between(facts.rows, 0.5, 0.2), 2)
    units = 30 if facts.rows < facts.columns else _units(facts.rows, 300, 2000)
    return {**_pace(facts), "learning_rate": 5e-3, **_shrinkage(facts, 3.0, wide=2.0), "hidden_units": (units,), "dropout": dropout}


def _nade(facts: Facts) -> dict[str, Any]:
    return {**_pace(facts), "learning_rate": 5e-3, **_shrinkage(facts, 0.5), "hidden_units": _units(facts.rows, 200, 500)}


def _rnade(facts: Facts) -> dict[str, Any]:
    units = 50 if facts.rows <= SMALL else 100
    return {**_pace(facts, 1.5), "learning_rate": 1e-2, "weight_decay": _decay(facts), "hidden_units": units}


def _neural(facts: Facts) -> dict[str, Any]:
    return {**_pace(facts), "learning_rate": 1e-2, **_shrinkage(facts, 3.0)}


def _order_agnostic(facts: Facts) -> dict[str, Any]:
    units = _units(facts.rows, 200, 500)
    return {**_pace(facts, 2.0), "learning_rate": 3e-3, **_shrinkage(facts, 0.3), "hidden_units": (units, units)}


def _fixed(facts: Facts) -> dict[str, Any]:
    """Of images, texts and networks of a user's own: nothing depends on the data."""
    return {"batch_size": 64} if facts.kind == "text" else {}


RULES: Mapping[type[config.Family], Callable[[Facts], dict[str, Any]]] = {
    config.LogisticAutoregressive: _logistic,
    config.MADE: _made,
    config.NADE: _nade,
    config.RNADE: _rnade,
    config.NeuralAutoregressive: _neural,
    config.DeepNADE: _order_agnostic,
    config.NADEK: _order_agnostic,
}


def _rule(family: type[config.Family]) -> Callable[[Facts], dict[str, Any]]:
    """The rule of a family, or of the nearest of its base classes that has one."""
    return next((RULES[base] for base in family.__mro__ if base in RULES), _fixed)


def head_name(kind: str, asked: str = "auto") -> str:
    """The head for a kind of data: the one that was asked for, or for "auto" the default of that kind.

    Raises:
        ValueError: the head does not fit the data.

    >>> head_name("continuous"), head_name("binary", "categorical")
    ('normal_mixture', 'categorical')
    """
    from tfar.validation import check_choices  # NumPy, which the command's help does without

    check_choices(dict.fromkeys(one for facts in config.HEADS.values() for one in facts.kinds), kind=kind)
    allowed = [name for name, facts in config.HEADS.items() if kind in facts.kinds]
    if isinstance(asked, str) and asked == "auto":
        return allowed[0]
    if not isinstance(asked, str) or asked not in allowed:
        raise ValueError(f"the head of {kind} data must be one of {', '.join(allowed)}. Received: --head {asked}")
    return asked
