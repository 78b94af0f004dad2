"""The optimizer of a training: Adam with a schedule, decoupled weight decay and averaged weights."""

import math

import keras

from tfar.options import SCHEDULES


def optimizer(variables, learning_rate=1e-3, schedule="plateau", steps=None, weight_decay=0.0, average=0.99, clip=100.0):
    """Adam, with decoupled weight decay of the kernels and a moving average of the weights.

    Args:
        variables: the model's trainable variables, of which those that are vectors or biases do not decay.
        learning_rate: the highest one.
        schedule: "constant" and "plateau" (which `fit` lowers) begin with it; "cosine" rises to it in the first 2 % of
            the steps, and falls to zero.
        steps: how many there will be, for "cosine".
        weight_decay: W of w <- w - learning_rate W w.
        average: momentum of the moving average of the weights; 0 for none.
        clip: greatest norm of the gradient of all weights together.

    Raises:
        ValueError: an unknown schedule, or a number that makes no sense.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}. Received: schedule={schedule!r}")
    sensible = {
        "learning_rate must be above 0": 0 < learning_rate < math.inf,
        "weight_decay must be at least 0": 0 <= weight_decay < math.inf,
        "average must be at least 0 and below 1": 0 <= average < 1,
        "clip must be above 0": clip > 0,  # Keras clips at no norm of 0 or less
    }
    if wrong := [rule for rule, kept in sensible.items() if not kept]:
        received = f"learning_rate={learning_rate!r}, weight_decay={weight_decay!r}, average={average!r}, clip={clip!r}"
        raise ValueError(f"{'; '.join(wrong)}. Received: {received}")
    rate = learning_rate
    if schedule == "cosine":
        warmup = max(1, steps // 50)
        decay = keras.optimizers.schedules.CosineDecay
        rate = decay(0.0, max(1, steps - warmup), warmup_target=learning_rate, warmup_steps=warmup)
    adam = keras.optimizers.Adam(
        rate,
        weight_decay=weight_decay or None,
        use_ema=average > 0,
        ema_momentum=average or 0.99,
        global_clipnorm=clip,
    )
    if weight_decay:
        adam.exclude_from_weight_decay([v for v in variables if len(v.shape) < 2 or "bias" in v.name])
    return adam


def compile_for(model, steps, jit=True, **options):
    """Compile a model for a training of `steps` steps with an `optimizer` of these options; return the callbacks that its averages need."""
    adam = optimizer(model.trainable_variables, steps=steps, **options)
    model.compile(adam, jit_compile=jit)
    model.optimizer.build(model.trainable_variables)  # with half precision it is a wrapper of `adam`
    return [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if adam.use_ema else []
