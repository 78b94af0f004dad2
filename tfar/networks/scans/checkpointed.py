"""A recurrence that keeps only its states for the backward pass."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfar.networks.scans.stacking import stacking_loop


def checkpointed_scan(
    function: Callable[..., Sequence[Any]], state: Sequence[tf.Tensor], inputs: tf.Tensor, weights: Sequence[tf.Tensor]
) -> list[tf.Tensor]:
    """Run a recurrence over the slices of its inputs.

        state_n = function(n, state_{n-1}, inputs[n], *weights)

    A `tf.scan` whose memory is that of the states: the backward pass recomputes each step, where plain differentiation would keep every
    product and gate of every step (Gruslys et al. 2016, "Memory-efficient backpropagation through time"). Works in eager mode, in graphs
    and under XLA.

    Args:
        function: maps the number of the step, a state, a slice of the inputs and the weights to the next state. It must not use
            variables; pass their values as weights.
        state: the state before the first step, a list of floating-point tensors.
        inputs: `[N, ...]` with a static N.
        weights: a list of floating-point tensors that all steps use.

    Returns:
        The states after each step, a list of tensors `[N, ...]`.

    >>> double = lambda n, state, x, w: [w * state[0] + x]
    >>> checkpointed_scan(double, [tf.constant(1.0)], tf.constant([0.0, 1.0, 2.0]), [tf.constant(2.0)])[0].numpy().tolist()
    [2.0, 5.0, 12.0]
    """
    shape: Any = inputs.shape
    count, width = shape[0], len(state)

    @tf.custom_gradient
    def scanned(*arguments: Any) -> Any:
        start, inputs, weights = list(arguments[:width]), arguments[width], list(arguments[width + 1 :])

        def forward(n, state):
            state = function(n, state, inputs[n], *weights)
            return state, state

        _, states = stacking_loop(forward, count, start, start)

        def backward(*upstream):
            def back(n, carried):
                arriving, sums = carried[:width], carried[width:]
                before = [tf.where(n > 0, values[tf.maximum(n - 1, 0)], first) for values, first in zip(states, start, strict=True)]
                slice_ = inputs[n]
                with tf.GradientTape() as tape:
                    tape.watch([before, slice_, weights])
                    new = function(n, before, slice_, *weights)
                gradients = [a + u[n] for a, u in zip(arriving, upstream, strict=True)]
                none = tf.UnconnectedGradients.ZERO
                slopes: Any = tape.gradient(new, (before, slice_, weights), gradients, unconnected_gradients=none)
                leaving, of_slice, of_weights = slopes
                sums = [total + gradient for total, gradient in zip(sums, of_weights, strict=True)]
                return [*leaving, *sums], [of_slice]

            zeros = [tf.zeros_like(value) for value in [*start, *weights]]
            carried, [of_inputs] = stacking_loop(back, count, zeros, [inputs[0]], reverse=True)
            return [*carried[:width], of_inputs, *carried[width:]]

        return states, backward

    return scanned(*state, inputs, *weights)
