"""A recurrence that keeps its states, not what it computes between them, for the backward pass."""

import tensorflow as tf


def checkpointed_scan(function, state, inputs, weights):
    """Run a recurrence over the slices of its inputs: state_n = function(n, state_{n-1}, inputs[n], *weights).

    As `tf.scan`, in the memory of the states alone: the backward pass computes each step again, where plain differentiation would keep
    every product and gate of every step (Gruslys et al. 2016, "Memory-efficient backpropagation through time"). Works in eager mode, in
    graphs and under XLA.

    Args:
        function: maps the step's number, a state, a slice of the inputs and the weights to the next state. It must not use variables: pass
            their values as weights.
        state: the state before the first step, a list of floating-point tensors.
        inputs: `[N, ...]` with a static N.
        weights: a list of floating-point tensors that all steps use.

    Returns:
        The states after each step, a list of tensors `[N, ...]`.

    >>> double = lambda n, state, x, w: [w * state[0] + x]
    >>> checkpointed_scan(double, [tf.constant(1.0)], tf.constant([0.0, 1.0, 2.0]), [tf.constant(2.0)])[0].numpy().tolist()
    [2.0, 5.0, 12.0]
    """
    count, width = inputs.shape[0], len(state)

    def loop(body, start, reverse=False):
        """Run `body(n, carried, arrays)` for all n."""
        first, step = (count - 1, -1) if reverse else (0, 1)

        def again(n, carried, arrays):
            new, arrays = body(n, carried, arrays)
            new = [tf.ensure_shape(tensor, old.shape) for tensor, old in zip(new, carried, strict=True)]
            return n + step, new, arrays

        options = {"maximum_iterations": count, "parallel_iterations": 1}
        return tf.while_loop(lambda n, *_: (n >= 0) & (n < count), again, (tf.constant(first), *start), **options)[1:]

    def array(like):
        return tf.TensorArray(like.dtype, count, element_shape=like.shape)

    @tf.custom_gradient
    def scanned(*arguments):
        start, inputs, weights = list(arguments[:width]), arguments[width], list(arguments[width + 1 :])

        def forward(n, state, arrays):
            new = function(n, state, inputs[n], *weights)
            return new, [array.write(n, value) for array, value in zip(arrays, new, strict=True)]

        states = [array.stack() for array in loop(forward, (start, [array(value) for value in start]))[1]]

        def backward(*upstream):
            def back(n, carried, arrays):
                arriving, sums = carried[:width], carried[width:]
                before = [tf.where(n > 0, values[tf.maximum(n - 1, 0)], first) for values, first in zip(states, start, strict=True)]
                slice_ = inputs[n]
                with tf.GradientTape() as tape:
                    tape.watch([before, slice_, weights])
                    new = function(n, before, slice_, *weights)
                gradients = [a + u[n] for a, u in zip(arriving, upstream, strict=True)]
                none = tf.UnconnectedGradients.ZERO
                leaving, of_slice, of_weights = tape.gradient(new, (before, slice_, weights), gradients, unconnected_gradients=none)
                sums = [total + gradient for total, gradient in zip(sums, of_weights, strict=True)]
                return [*leaving, *sums], arrays.write(n, of_slice)

            zeros = [tf.zeros_like(value) for value in [*start, *weights]]
            carried, of_inputs = loop(back, (zeros, array(inputs[0])), reverse=True)
            return [*carried[:width], of_inputs.stack(), *carried[width:]]

        return states, backward

    return scanned(*state, inputs, *weights)
