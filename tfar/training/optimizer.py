"""The optimizer of a training: Adam with a schedule, decoupled weight decay and gradient-norm clipping."""

from collections.abc import Sequence
from typing import Any

import keras

from tfar import config


def optimizer(variables: Sequence[Any], settings: config.Training, steps: int, replicas: int = 1) -> keras.optimizers.Optimizer:
    """Adam, with decoupled weight decay of the kernels and gradient-norm clipping.

    Args:
        variables: the model's trainable variables, of which those that are vectors or biases do not decay.
        settings: `learning_rate`, `schedule`, `weight_decay` (W of w <- w - learning_rate W w) and `clip` of
            `tfar.config.Training`. The schedules "constant" and "plateau" (which `tfar.training.fit` lowers) begin at the peak rate;
            "cosine" rises to it in the first 2 % of the steps, and falls to zero.
        steps: number of steps of the training, for "cosine".
        replicas: number of replicas, each of which brings an equal part of the summed gradient: Keras clips before it adds the parts up.
    """
    rate: Any = settings.learning_rate
    if settings.schedule == "cosine":
        warmup = max(1, steps // 50)
        decay = keras.optimizers.schedules.CosineDecay
        rate = decay(0.0, max(1, steps - warmup), warmup_target=settings.learning_rate, warmup_steps=warmup)
    adam = keras.optimizers.Adam(
        rate,
        weight_decay=settings.weight_decay or None,
        global_clipnorm=settings.clip / replicas,
    )
    if settings.weight_decay:
        adam.exclude_from_weight_decay([v for v in variables if len(v.shape) < 2 or "bias" in v.name])
    return adam


def compile_for(model: Any, settings: config.Training, steps: int) -> None:
    """Compile a model for a training of `steps` steps."""
    adam = optimizer(model.trainable_variables, settings, steps, model.distribute_strategy.num_replicas_in_sync)
    model.compile(adam, jit_compile=settings.jit)
    model.optimizer.build(model.trainable_variables)  # with half precision it is a wrapper of `adam`
