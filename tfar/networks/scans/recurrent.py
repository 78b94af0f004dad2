"""A recurrence whose backward loop does only what must be done in order."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfar.networks.scans.stacking import stacking_loop

Step = Callable[[Any, Any, Any], list[Any]]  # of a state, a slice of the inputs and a product, to the next state


def recurrent_scan(function: Step, state: Sequence[tf.Tensor], inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> list[tf.Tensor]:
    """Run a recurrent layer over T steps.

        state_t = function(state_{t-1}, x_t, h_{t-1} U + b),   h the first tensor of a state

    Plain differentiation adds a tensor of the size of U to the gradient of U at each step, a large part of the time when there are few
    rows. Here the gradients of the products h_{t-1} U are kept, and the gradient of U is one product of all of them with all h. The
    backward loop computes the function once more at each step, which costs less than what it would read back from memory. Works in eager
    mode, in graphs and under XLA.

    Args:
        function: maps a state, a slice of the inputs and a product `[B, G]` to the next state. It must not use variables.
        state: the state before the first step, a list of floating-point tensors `[B, H]`.
        inputs: x, `[T, B, E]`. T is at least 1 and may be unknown until the graph runs.
        kernel: U, `[H, G]`.
        bias: b, `[G]`.

    Returns:
        The states after each step, a list of tensors `[T, B, H]`.

    >>> add = lambda state, x, product: [x + product]
    >>> recurrent_scan(add, [tf.ones([1, 1])], tf.ones([3, 1, 1]), tf.constant([[2.0]]), tf.zeros([1]))[0][:, 0, 0].numpy().tolist()
    [3.0, 7.0, 15.0]
    """

    @tf.custom_gradient
    def scanned(inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, *start: tf.Tensor) -> Any:
        states, products = _forward(function, inputs, kernel, bias, start)

        def backward(*upstream: tf.Tensor) -> list[tf.Tensor]:
            return _backward(function, inputs, kernel, start, states, products, upstream)

        return states, backward

    return scanned(inputs, kernel, bias, *state)


def _forward(function: Step, inputs: Any, kernel: Any, bias: Any, start: Sequence[Any]) -> tuple[list[tf.Tensor], tf.Tensor]:
    """The states `[T, B, H]` and the products h_{t-1} U + b `[T, B, G]` of all steps."""

    def forward(t: tf.Tensor, state: list[Any]) -> tuple[list[Any], list[Any]]:
        product = tf.matmul(state[0], kernel) + bias
        state = function(state, inputs[t], product)
        return state, [*state, product]

    product = tf.TensorSpec([start[0].shape[0], kernel.shape[1]], kernel.dtype)
    _, (*states, products) = stacking_loop(forward, tf.shape(inputs)[0], start, [*start, product])
    return states, products


def _backward(
    function: Step, inputs: Any, kernel: Any, start: Sequence[Any], states: Sequence[Any], products: Any, upstream: Sequence[Any]
) -> list[tf.Tensor]:
    """The gradients of x, U, b and the first state from those of the states."""
    before = [tf.concat([first[None], values[:-1]], axis=0) for values, first in zip(states, start, strict=True)]
    transposed = tf.transpose(kernel)  # once: transposing in each product is slower

    def back(t: tf.Tensor, arriving: list[Any]) -> tuple[list[Any], list[Any]]:
        arriving = [a + values[t] for a, values in zip(arriving, upstream, strict=True)]
        at_t = [values[t] for values in before], inputs[t], products[t]
        with tf.GradientTape() as tape:
            tape.watch(at_t)
            after = function(*at_t)
        slopes: Any = tape.gradient(after, at_t, arriving, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        leaving, of_x, of_product = slopes
        return [leaving[0] + tf.matmul(of_product, transposed), *leaving[1:]], [of_x, of_product]

    x, product = (tf.TensorSpec(values.shape[1:], values.dtype) for values in (inputs, products))
    zeros = [tf.zeros_like(first) for first in start]
    of_start, (of_inputs, gradients) = stacking_loop(back, tf.shape(inputs)[0], zeros, [x, product], reverse=True)
    of_kernel = tf.tensordot(before[0], gradients, [[0, 1], [0, 1]])
    ones = tf.ones(tf.shape(gradients)[:2], gradients.dtype)  # products of halves add in single precision; a sum does not
    return [of_inputs, of_kernel, tf.tensordot(ones, gradients, 2), *of_start]
