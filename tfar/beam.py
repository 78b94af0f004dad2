"""Scores, samples and completions on Apache Beam: transforms around an exported SavedModel.

The transforms run wherever Beam does: in processes of one machine, on Flink, Spark or Dataflow. Workers need TensorFlow and tfar, and must
be able to read the SavedModel.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfar import noise

try:
    import apache_beam as beam  # pyright: ignore[reportMissingImports]
    from apache_beam.ml.inference.base import ModelHandler, RunInference  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise ImportError(f"tfar.beam needs Apache Beam: pip install 'tfar[beam]'. Received: {error}") from None

OBSERVED = "_observed"  # follows the name of a column


class Endpoint(beam.PTransform):
    """Calls an endpoint of a SavedModel that `model.export` or `tfar export` wrote, many rows at a time.

    A row is a dict of the endpoint's inputs; a model of arrays has the one input `x`, and takes an array for `{"x": array}`. A table has an
    input for each column, with values as `tfar.serving.table_endpoints` describes them: a date is a number in the column's unit. None and
    NaN are blanks.

    Elements are rows, or pairs (key, row), for which there are pairs (key, answer). An answer is the row with the endpoint's outputs, and
    None for what is blank. It depends on its element alone, on machines of one kind bit by bit: products of matrices round by the number
    of rows, so all calls have `batch_size` of them, and what a bundle lacks is filled up with its last row.

    Args:
        path: the SavedModel, or a folder of versions, of which the newest is taken; any path that TensorFlow reads.
        batch_size: rows of one call. Fewer waste less where bundles are small, as in streaming.

    Raises:
        FileNotFoundError: there is no SavedModel.
    """

    name: str

    def __init__(self, path: Any, batch_size: int = 1000):
        super().__init__()
        self.path, self.batch_size = version_of(str(path)), int(batch_size)

    def expand(self, input_or_inputs: Any) -> Any:
        return input_or_inputs | RunInference(self.handler())

    def handler(self) -> Handler:
        """The `ModelHandler` for Beam's `RunInference`."""
        return Handler(self.path, self.name, self.batch_size)


class Score(Endpoint):
    """The log-probability of rows: each with `log_prob`, nats, beside what it had.

    `rows | Score("saved_models/people")` makes `{"sex": "f", "age": 30, "log_prob": -5.1}` of `{"sex": "f", "age": 30}`.
    """

    name = "log_prob"


class Sample(Endpoint):
    """A sample for each row number: pairs (number, sample with its `log_prob`).

    The numbers 0 to n - 1 give the rows of `model.sample(n, seed)`.

    Elements are row numbers, from 0 to 2^31 - 1, or pairs (number, {"context": context}) for a model that takes one.

    Args:
        path, batch_size: see `Endpoint`.
        seed: an integer. A sample depends on it and on the row's number alone, however rows are bundled.
    """

    name = "sample"

    def __init__(self, path: Any, seed: int = 0, batch_size: int = 1000):
        super().__init__(path, batch_size)
        self.seed = seed

    def handler(self) -> Handler:
        return Handler(self.path, self.name, self.batch_size, self.seed)


class Complete(Sample):
    """Rows whose blanks are drawn given the rest: pairs (number, completed row with its `log_prob`) of pairs (number, row).

    Blank are None and NaN. The columns that are given must come first in the model's order, unless it takes any.

    Args:
        path, batch_size: see `Endpoint`.
        seed: an integer. What is drawn depends on it, on the row and on its number alone, however rows are bundled.
    """

    name = "complete"


class Handler(ModelHandler):
    """How `RunInference` loads a SavedModel, and calls one of its endpoints.

    Args:
        path: the SavedModel.
        endpoint: its name.
        batch_size: rows of one call.
        seed: of the endpoints that draw; keys of elements are then row numbers.
    """

    def __init__(self, path: str, endpoint: str, batch_size: int, seed: int | None = None):
        super().__init__()
        self.path, self.endpoint, self.batch_size, self.seed = path, endpoint, batch_size, seed

    def load_model(self) -> Any:
        """The SavedModel, once for each process."""
        return tf.saved_model.load(self.path)

    def batch_elements_kwargs(self) -> dict[str, Any]:
        return {"min_batch_size": self.batch_size, "max_batch_size": self.batch_size}

    def get_num_bytes(self, batch: Sequence[Any]) -> int:
        """0: Beam's own way, to pickle all elements, takes longer than to score them."""
        return 0

    def run_inference(self, batch: Sequence[Any], model: Any, inference_args: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """The answers to some elements."""
        function = model.signatures[self.endpoint]
        keyed = self.seed is not None or isinstance(batch[0], tuple)
        filled = [*batch, *[batch[-1]] * (self.batch_size - len(batch))]
        keys, rows = zip(*map(self._pair, filled), strict=True)
        inputs = inputs_of(function.structured_input_signature[1], rows, self.endpoint)
        if self.seed is not None:
            inputs["seed"] = noise.numbered_seeds(noise.as_seed(self.seed), tf.constant(keys, tf.int32))
        for key, row, outputs in itertools.islice(zip(keys, rows, outputs_of(function(**inputs)), strict=True), len(batch)):
            answer = {**row, **outputs}
            yield (key, answer) if keyed else answer

    def _pair(self, element: Any) -> tuple[Any, Mapping[str, Any]]:
        """The key of an element, None where it has none, and its row by the names of its inputs."""
        alone = (None, element) if self.seed is None else (element, {})
        key, row = element if isinstance(element, tuple) else alone
        return key, row if isinstance(row, Mapping) else {"x": row}


def version_of(path: str) -> str:
    """The SavedModel at a path, or the newest one of a folder of versions.

    Raises:
        FileNotFoundError: there is none.
    """
    files = tf.io.gfile
    numbers = sorted((int(name.strip("/")) for name in files.listdir(path) if name.strip("/").isdecimal()) if files.isdir(path) else ())
    for found in (path, *(files.join(path, str(number)) for number in reversed(numbers))):
        if files.exists(files.join(found, "saved_model.pb")):
            return found
    raise FileNotFoundError(f"a SavedModel, or a folder of its versions, is needed. Received: {path}")


def inputs_of(specs: Mapping[str, tf.TensorSpec], rows: Sequence[Mapping[str, Any]], endpoint: str) -> dict[str, tf.Tensor]:
    """The inputs of an endpoint but for its seeds, of rows by the names of inputs; what is observed follows from what is blank.

    Raises:
        ValueError: a row lacks an input, has a blank that the endpoint does not take, or another value than the input's dtype holds.
    """
    found: dict[str, tf.Tensor] = {}
    marks = {name: mark for name in specs if (mark := _mark(name, specs))}
    for name, spec in specs.items():
        if name == "seed" or name in marks.values():
            continue
        if lacking := [row for row in rows if name not in row]:
            raise ValueError(f"a row must have the input {name} of the endpoint {endpoint}. Received: a row of {sorted(lacking[0])}")
        values, blank = _values(name, spec, [row[name] for row in rows])
        if name in marks:
            found[marks[name]] = tf.constant(~blank)
        elif blank.any():
            raise ValueError(f"{name} must have a value in the endpoint {endpoint}. Received: a blank")
        found[name] = tf.constant(values, spec.dtype)
    return found


def _mark(name: str, specs: Mapping[str, tf.TensorSpec]) -> str | None:
    """The input that says where another one is observed: that of a column, or that of an array."""
    if name + OBSERVED in specs:
        return name + OBSERVED
    return "observed" if name == "x" and "observed" in specs and specs["x"].shape.rank > 1 else None


def _values(name: str, spec: tf.TensorSpec, cells: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """The values of an input, any where they are blank, and where that is."""
    array = np.stack([np.asarray(cell) for cell in cells]) if spec.shape.rank != 1 else _objects(cells)
    blank = np.asarray(pd.isna(array))
    array = np.where(blank, "" if spec.dtype == tf.string else 0, array) if blank.any() else array
    if spec.dtype == tf.string:
        return array, blank
    try:
        values = array.astype(spec.dtype.as_numpy_dtype)
    except (TypeError, ValueError):
        values = None
    if values is None or (not spec.dtype.is_floating and (values != array).any()):
        raise ValueError(f"{name} must be of {spec.dtype.name}. Received: {cells[:3]}")
    return values, blank


def _objects(cells: list[Any]) -> np.ndarray:
    """Cells as an array `[B]` of objects, whatever they are."""
    array = np.empty(len(cells), object)
    array[:] = cells
    return array


def outputs_of(outputs: Mapping[str, tf.Tensor]) -> Iterator[dict[str, Any]]:
    """The outputs of an endpoint row by row: numbers, strings and arrays by name, and None for blanks."""
    columns: dict[str, Iterable[Any]] = {}
    for name, tensor in outputs.items():
        if name.endswith(OBSERVED) and name.removesuffix(OBSERVED) in outputs:
            continue
        array = tensor.numpy()
        cells = [cell.decode() for cell in array] if tensor.dtype == tf.string else array.tolist() if array.ndim == 1 else array
        if name + OBSERVED in outputs:
            cells = [cell if known else None for cell, known in zip(cells, outputs[name + OBSERVED].numpy(), strict=True)]
        columns[name] = cells
    return (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
