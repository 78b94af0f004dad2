"""A Keras model of a density, whose methods check what they are fed before a step that XLA may compile."""

from typing import Any

import keras
import tensorflow as tf

from tfar.heads import Head
from tfar.models import streams
from tfar.models.inputs import are_arrays, batches, by_name, exact, is_empty, parts, placeholder
from tfar.networks import AutoregressiveNetwork
from tfar.networks.wrapped import is_own
from tfar.validation import check_arrays, check_context, check_support

PREDICTED = 100_000  # values in a batch of `predict`


class CheckedModel(keras.Model):
    """What `AutoregressiveModel` makes of the methods of `keras.Model` that take data: y is the context, and all values are checked.

    A subclass has a network and a head, two metrics, and `check_network`.
    """

    network: AutoregressiveNetwork
    head: Head
    _nll: keras.metrics.Metric
    _bits_per_dim: keras.metrics.Metric

    def check_network(self) -> None:
        """Refuse a network that cannot be trained."""
        raise NotImplementedError

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.compile`, without a loss and metrics, which are the mean negative log-likelihood.

        With `jit_compile="auto"` XLA compiles the steps where the family's are quicker by it (`network.xla`), as in `tfar.training.fit`.
        Under a distribution strategy, and of a network of your own, Keras chooses.

        Raises:
            ValueError: a loss or metrics are given.
        """
        given = by_name(keras.Model.compile, *args, **kwargs)
        for name, of in (("loss", "loss is"), ("loss_weights", "loss is"), ("metrics", "metrics are"), ("weighted_metrics", "metrics are")):
            if given.get(name) is not None:
                raise ValueError(f"the {of} the mean negative log-likelihood and cannot be set. Received: {name}={given[name]!r}")
        own = is_own(self.network) and not tf.distribute.has_strategy() and not given.get("run_eagerly")
        if own and given.get("jit_compile", "auto") == "auto":
            given["jit_compile"] = self.network.xla
        super().compile(**given)

    def compile_from_config(self, config: Any) -> None:
        """Compile the model as it was when it was saved. Keras' method leaves out models with a `compile` of their own."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """As `keras.Model.fit`; x is the values, a pair (x, context) or a dictionary of "x" and "context", or y is the contexts.

        Arrays are checked before the first step, and each batch of a `tf.data.Dataset`, a generator or a `keras.utils.PyDataset` before
        its step: no weight changes in the step of a refused batch. A network of your own is checked once (`check_network`).

        Raises:
            ValueError: arrays with values outside the head's support, contexts that are not finite, a y without a use, `class_weight`,
                or a network of your own that is not autoregressive.
            tf.errors.InvalidArgumentError: the same in a batch of a stream.
        """
        self.check_network()
        given = by_name(keras.Model.fit, *args, **kwargs)
        validation = given.get("validation_data")
        if isinstance(validation, list | tuple):
            held, context, weight = keras.utils.unpack_x_y_sample_weight(tuple(validation))
            held, context = self._fed(held, context, weight)
            validation = (held, context, weight)
        elif validation is not None:
            validation = self._fed(validation)[0]
        self.choose_modes(given.get("callbacks"))
        x, y = self._fed(given.pop("x", None), given.pop("y", None), given.get("sample_weight"))
        return super().fit(x, y, **{**given, "validation_data": validation})

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.evaluate`, with x and y, and their checks, as in `fit`.

        Returns:
            A list of the two numbers that `metrics_names` names; with `return_dict=True` a dictionary of them and of "loss", what training
            minimises: the `nll` and the regularisation, where rows with sample weights add weight * nll / number of rows.
        """
        given = by_name(keras.Model.evaluate, *args, **kwargs)
        if not given.get("_use_cached_eval_dataset"):
            given["x"], given["y"] = self._fed(given.get("x"), given.get("y"), given.get("sample_weight"))
        return super().evaluate(**given)

    def predict(self, x: Any, batch_size: int | None = None, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.predict`: log p(x), an array `[N]`, with x, and its checks, as in `fit`.

        Arrays have batches of 32 to 1,024 rows, about `PREDICTED` values, where `batch_size` is None.
        """
        fed, size = self._fed(x)[0], batch_size or min(max(PREDICTED // self.network.event_size, 32), 1024)
        if all(hasattr(part, "__array__") for part in tf.nest.flatten(fed)):
            return super().predict(batches(fed, size), None, *args, **kwargs)
        return super().predict(fed, batch_size, *args, **kwargs)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.train_on_batch`, with x and y, and their checks, as in `fit`."""
        given = by_name(keras.Model.train_on_batch, *args, **kwargs)
        given["x"], given["y"] = self._fed(given.get("x"), given.get("y"), given.get("sample_weight"))
        return super().train_on_batch(**given)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.test_on_batch`, with x and y, and their checks, as in `fit`."""
        given = by_name(keras.Model.test_on_batch, *args, **kwargs)
        given["x"], given["y"] = self._fed(given.get("x"), given.get("y"), given.get("sample_weight"))
        return super().test_on_batch(**given)

    def predict_on_batch(self, x: Any) -> Any:
        """As `keras.Model.predict_on_batch`, with x, and its checks, as in `fit`."""
        return super().predict_on_batch(self._fed(x)[0])

    def _fed(self, x: Any, y: Any = None, weight: Any = None) -> tuple[Any, Any]:
        """What Keras is fed for x and y: arrays, which are checked, or a stream whose batches will be."""
        self.check_arrays(x, y)
        if tf.float64 in (self.head.dtype, tf.as_dtype(self.network.compute_dtype)) and not streams.is_stream(x):
            values, context = self._parts(x, y)
            if are_arrays(values, context):
                x, y = exact(values, context), None
        return streams.checked(x, self._check_batch), placeholder(y, weight)

    def _check_batch(self, data: Any) -> Any:
        """Return a batch of a stream, whose values and contexts are checked."""
        inputs = self._arrange(data)[0]
        x, context = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        passed = [check_support(self.head, tf.convert_to_tensor(x), listed=True)]
        if context is not None:
            passed.append(check_context(tf.convert_to_tensor(context), listed=True))
        if tf.executing_eagerly():
            return data
        with tf.control_dependencies(passed):
            return tf.nest.map_structure(tf.identity, data)

    def check_arrays(self, x: Any, context: Any = None) -> None:
        """Check arrays of values and contexts, in the forms that `fit` takes; see `tfar.validation.check_arrays`."""
        if not streams.is_stream(x):
            check_arrays(self.head, *self._parts(x, context))

    def choose_modes(self, callbacks: Any) -> None:
        """Tell callbacks of Keras whose mode is "auto", and that monitor a metric of the model, such as `val_nll`, that less is better."""
        for callback in callbacks if isinstance(callbacks, list | tuple) else [callbacks]:
            watched = str(getattr(callback, "monitor", "")).removeprefix("val_")
            if watched in (*self.metrics_names, "nll", "bits_per_dim") and getattr(callback, "mode", None) == "auto":
                callback.mode = "min"

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns: `nll` and `bits_per_dim`, of an order-agnostic network those over its orders."""
        return [metric.name for metric in (self._nll, self._bits_per_dim)]

    def _flatten_metrics_in_order(self, logs: dict[str, Any]) -> list[Any]:
        """What methods return in place of a dictionary; Keras' own list begins with the loss, which is the `nll` again."""
        return [logs[name] for name in self.metrics_names]

    def _arrange(self, data: Any) -> tuple[Any, None, Any]:
        """A batch as Keras' (x, y, sample_weight), where y is the context, as inputs alone."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        x, context = self._parts(x, y)
        return x if context is None else (x, context), None, weight

    def _parts(self, inputs: Any, y: Any = None) -> tuple[Any, Any]:
        """Values, and contexts or None, of inputs and of a y that is the context."""
        x, context = parts(inputs)
        if not is_empty(y):
            if context is not None:
                raise ValueError("a context must be given once, beside x or as y. Received: both")
            context = y
        if context is not None and not self.network.context_size:
            raise ValueError(
                "y is the context of a conditional density, and this model has none (context_size=0); a density takes no labels: "
                f"give x alone. Received: y of shape {getattr(context, 'shape', None)}"
            )
        return x, context
