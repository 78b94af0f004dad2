"""The optimizer of a training: one of Keras' with a schedule, decoupled weight decay and gradient-norm clipping."""

from collections.abc import Sequence
from typing import Any

import keras

from tfar import config


def optimizer(variables: Sequence[Any], settings: config.Training, steps: int, replicas: int = 1) -> keras.optimizers.Optimizer:
    """Keras' optimizer of a name, with its defaults there but for decoupled weight decay of the kernels and gradient-norm clipping.

    Args:
        variables: the model's trainable variables, of which those that are vectors or biases do not decay.
        settings: `optimizer`, `learning_rate`, `schedule`, `weight_decay` (W of w <- w - learning_rate W w) and `clip` of
            `tfar.config.Training`. The schedules "constant" and "plateau" (which `tfar.training.fit` lowers) begin at the peak rate;
            "cosine" rises to it in the first 2 % of the steps, of 50 steps or more, and falls to zero.
        steps: number of steps of the training, for "cosine".
        replicas: number of replicas, each of which brings an equal part of the summed gradient: Keras clips before it adds the parts up.

    >>> from tfar import automatic
    >>> optimizer([], config.Training(**{**automatic.FALLBACK, "optimizer": "sgd", "clip": 5.0}), steps=100).global_clipnorm
    5.0
    """
    rate: Any = settings.learning_rate
    if settings.schedule == "cosine":
        warmup, decay = steps // 50, keras.optimizers.schedules.CosineDecay
        if warmup:
            rate = decay(0.0, steps - warmup, warmup_target=settings.learning_rate, warmup_steps=warmup)
        else:  # a warm-up begins at zero, where the first of few steps would be lost
            rate = decay(settings.learning_rate, max(1, steps))
    of_name: Any = type(keras.optimizers.get(settings.optimizer))
    found = of_name(rate, global_clipnorm=settings.clip / replicas)
    found.weight_decay = settings.weight_decay or None  # set here, since AdamW takes no None
    if settings.weight_decay:
        found.exclude_from_weight_decay([v for v in variables if not is_kernel(v)])
    return found


def is_kernel(variable: Any) -> bool:
    """Whether weight decay and the L2 penalty are for a variable: it is no vector and no bias."""
    return len(variable.shape) >= 2 and "bias" not in variable.name


def compile_for(model: Any, settings: config.Training, steps: int) -> None:
    """Compile a model for a training of `steps` steps."""
    found = optimizer(model.trainable_variables, settings, steps, model.distribute_strategy.num_replicas_in_sync)
    model.compile(found, jit_compile=settings.jit)
    model.optimizer.build(model.trainable_variables)  # with half precision it is a wrapper of `found`
