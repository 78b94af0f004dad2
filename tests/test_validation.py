"""The checks at the door: what passes them, and their messages, eagerly and in graphs."""

import numpy as np
import pytest
import tensorflow as tf
from support import in_python

from tfar import heads, validation

FINITE = "context must be finite numbers. Received: "


def test_numbers_are_checked_without_tensorflow():
    code = (
        "import sys\nfrom tfar import config, validation\n"
        "validation.check_counts(units=1)\nconfig.SequenceTraining(epochs=3)\n"
        "try:\n    config.Training(epochs=0)\nexcept ValueError as error:\n    assert 'epochs=0' in str(error)\n"
        "assert 'tensorflow' not in sys.modules"
    )
    in_python(code)


@pytest.mark.parametrize("value", [0, -1, 1.0, True, None, "3", [2], np.float32(2)])
def test_what_is_no_count_is_refused(value):
    with pytest.raises(ValueError, match="units must be an integer of at least 1. Received: units="):
        validation.check_counts(units=value)
    with pytest.raises(ValueError, match="sizes must be integers of at least 1. Received: sizes="):
        validation.as_counts(sizes=[2, value])


@pytest.mark.parametrize("value", [1, np.int64(7), np.uint8(255)])
def test_counts_of_every_type_are_integers(value):
    validation.check_counts(units=value)
    assert validation.as_counts(sizes=value) == (value,) and type(validation.as_counts(sizes=value)[0]) is int
    assert validation.as_counts(sizes=iter([value, 2])) == (value, 2) and validation.as_counts(sizes=[]) == ()


def test_orders_are_permutations_where_they_are_known():
    assert validation.as_orders(np.array([[2, 0, 1], [0, 1, 2]]), 3).dtype == tf.int32
    for wrong in ([0, 1], [0, 1, 1], [[0, 1, 2], [1, 2, 3]], [0.0, 1.0, 2.0]):
        with pytest.raises(ValueError, match=r"permutations of the integers 0..2. Received: order=\["):
            validation.as_orders(np.array(wrong), 3)
    unknown = tf.function(lambda order: validation.as_orders(order, 3), input_signature=[tf.TensorSpec([None], tf.int64)])
    assert unknown(tf.constant([1, 0, 2], tf.int64)).dtype == tf.int32


def test_a_context_is_a_tensor_of_the_networks_size():
    assert validation.checked_context(None, 0) is None
    assert validation.checked_context([[1, 2]], 2).dtype == tf.float32
    assert validation.checked_context(np.ones([3, 2]), 2).shape == (3, 2)
    for context, size, message in (
        (None, 2, "takes a context of size 2. Received: context=None"),
        ([1.0], 0, "takes a context of size 0"),
        (np.ones([3, 1]), 2, r"context must be \[..., 2\]. Received: context.shape=\(3, 1\)"),
        ([1.0, np.nan], 2, f"{FINITE}nan"),
        ([-np.inf, 1.0], 2, f"{FINITE}-inf"),
    ):
        with pytest.raises(ValueError, match=message):
            validation.checked_context(context, size)


def test_one_context_is_for_all_rows_or_there_is_one_for_each():
    context = tf.constant([[1.0, 2.0]])
    np.testing.assert_array_equal(validation.context_of(context, [3]), [[1.0, 2.0]] * 3)
    assert validation.context_of(context[0], [4, 3]).shape == (4, 3, 2)
    for shape in ([3], tf.constant([3])):
        with pytest.raises(ValueError, match=r"one context per row must be \[3, C\]. Received: context.shape=\(2, 2\)"):
            validation.context_of(tf.ones([2, 2]), shape)


def test_graphs_fail_where_eager_mode_raises():
    checks = {
        "values must be 0 or 1": lambda x: validation.check_support(heads.Bernoulli(), x),
        "context must be finite": validation.check_context,
    }
    for message, check in checks.items():
        good, bad = tf.constant([0.0, 1.0]), tf.constant([0.0, np.nan])
        compiled = tf.function(check, autograph=False)
        for call in (check, compiled):
            np.testing.assert_array_equal(call(good), good)
        with pytest.raises(ValueError, match=message):
            check(bad)
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            compiled(bad)


def test_whole_arrays_are_checked_and_streams_are_not():
    x, head = np.zeros([9000, 2]), heads.Categorical(3)
    validation.check_arrays(head, x, np.ones([9000, 1]))
    validation.check_arrays(head, tf.data.Dataset.from_tensors([7.0]))
    x[8999, 1] = 3
    with pytest.raises(ValueError, match="values must be integers from 0 to 2. Received: 3"):
        validation.check_arrays(head, x)
    with pytest.raises(ValueError, match=f"{FINITE}inf"):
        validation.check_arrays(head, x[:5], np.full([5, 1], np.inf))


def test_rows_that_break_a_condition_are_named():
    def check(condition):
        with tf.control_dependencies(validation.require(condition, "what is given must come first.", "another pattern")):
            return tf.size(condition)

    assert check(tf.constant([True, True])) == 2
    with pytest.raises(ValueError, match=r"must come first. Received: another pattern in rows \[1, 2\]"):
        check(tf.constant([True, False, False]))
    compiled = tf.function(check, autograph=False, input_signature=[tf.TensorSpec([None], tf.bool)])
    assert compiled(tf.constant([True])) == 1
    with pytest.raises(tf.errors.InvalidArgumentError, match="must come first"):
        compiled(tf.constant([True, False, False]))
