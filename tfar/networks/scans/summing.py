"""A recurrence of running sums that keeps no states for the backward pass, which subtracts what was added."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfar.networks.scans.stacking import stacking_loop


def summing_scan(
    function: Callable[..., tf.Tensor], start: tf.Tensor, inputs: tf.Tensor, kernels: tf.Tensor, weights: Sequence[tf.Tensor]
) -> tf.Tensor:
    """Run a recurrence of running sums over T steps, for S independent runs at a time.

        a_t = a_{t-1} + x_t W_t,   y_t = function(a_t, *weights_t)

    The backward pass starts at the last sum and subtracts, as reversible networks do (Gomez et al. 2017). It holds one sum and its
    gradient, where plain differentiation would keep what `function` computes at each step. The recomputed sums differ from the original
    ones by the rounding of at most 2 T operations on the largest of them. Works in eager mode, in graphs and under XLA.

    Args:
        function: maps a sum and the weights of one step to a tensor of the dtype of the first weight. It must not use variables; pass
            their values as weights.
        start: `[S, B, H]`, the sums before the first step.
        inputs: x, `[T, S, B, E]` with a static T.
        kernels: W, `[T, S, E, H]`.
        weights: a list of one or more floating-point tensors `[T, ...]`.

    Returns:
        y, `[T, ...]`.

    >>> one = tf.ones([3, 1, 1, 1])
    >>> tf.squeeze(summing_scan(lambda a, w: a * w, tf.zeros([1, 1, 1]), one, one, [tf.constant([1.0, 2.0, 4.0])])).numpy().tolist()
    [1.0, 4.0, 12.0]
    """
    shape: Any = inputs.shape
    count = shape[0]

    @tf.custom_gradient
    def scanned(start: tf.Tensor, inputs: tf.Tensor, kernels: tf.Tensor, *weights: tf.Tensor) -> Any:
        def forward(carried: list[Any], slices: list[Any]) -> tuple[list[Any], list[Any]]:
            x, kernel, *weights = slices
            a = carried[0] + tf.matmul(x, kernel)
            return [a], [function(a, *weights)]

        def backward(upstream: tf.Tensor) -> list[tf.Tensor]:
            return _backward(function, start, inputs, kernels, weights, upstream)

        _, [y] = _loop(forward, count, [start], [inputs, kernels, *weights], [weights[0].dtype])
        return y, backward

    return scanned(start, inputs, kernels, *weights)


def _loop(
    body: Callable[[list[Any], list[Any]], Any],
    count: int,
    carried: list[Any],
    slices: Sequence[Any],
    dtypes: Sequence[Any],
    reverse: bool = False,
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Run `carried, results = body(carried, slices at t)` for T = `count` steps, and stack the results."""
    unknown: Any = None  # the shapes of the results
    arrays = [tf.TensorArray(values.dtype, count).unstack(values) for values in slices]

    def step(t: tf.Tensor, carried: list[Any]) -> Any:
        return body(carried, [values.read(t) for values in arrays])

    return stacking_loop(step, count, carried, [tf.TensorSpec(unknown, dtype) for dtype in dtypes], reverse)


def _backward(
    function: Callable[..., tf.Tensor], start: Any, inputs: Any, kernels: Any, weights: Sequence[Any], upstream: tf.Tensor
) -> list[tf.Tensor]:
    """The gradients of start, x, W and the weights from that of y."""

    def back(carried: list[Any], slices: list[Any]) -> tuple[list[Any], list[Any]]:
        # Each carried tensor is replaced before anything else reads it; otherwise XLA would copy it.
        (a, gradient), (arriving, next_x, next_kernel, x, kernel, *weights) = carried, slices
        a = a - tf.matmul(next_x, next_kernel)
        with tf.GradientTape() as tape:
            tape.watch([a, *weights])
            y = function(a, *weights)
        slopes: Any = tape.gradient(y, [a, *weights], arriving, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        of_a, *of_weights = slopes
        gradient = gradient + of_a
        of_x, of_kernel = tf.matmul(gradient, kernel, transpose_b=True), tf.matmul(x, gradient, transpose_a=True)
        return [a, gradient], [of_x, of_kernel, *of_weights]

    def following(values: Any) -> tf.Tensor:
        return tf.concat([values[1:], tf.zeros_like(values[:1])], axis=0)

    # Computed from the arguments alone, so that second derivatives are right too.
    end = start + tf.einsum("tsbe,tseh->sbh", inputs, kernels)
    slices = [upstream, following(inputs), following(kernels), inputs, kernels, *weights]
    dtypes = [values.dtype for values in (inputs, kernels, *weights)]
    carried, gradients = _loop(back, inputs.shape[0], [end, tf.zeros_like(end)], slices, dtypes, reverse=True)
    return [carried[1], *gradients]
