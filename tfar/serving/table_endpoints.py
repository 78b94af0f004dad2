"""Endpoints of models of tables: one tensor for each column, in the table's own values and units."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfar import noise
from tfar.columns import BLANK
from tfar.datasets.frames import read_frame
from tfar.datasets.schema import Schema
from tfar.serving.endpoints import SEED, Endpoint, Inputs, endpoint, spec
from tfar.serving.table_graph import cells_of

if TYPE_CHECKING:
    from tfar.models.table import TableModel

OBSERVED = "_observed"  # follows the key of a column
TAKEN = ("seed", "log_prob", "self", "file")  # keys of other inputs and outputs, and names that TensorFlow and `np.savez` refuse


def endpoints(model: TableModel, jit_compile: bool = False) -> dict[str, Endpoint]:
    """The endpoints of a `TableModel`, as `tfar.serving.endpoints.endpoints` has them for other models.

        log_prob         columns                 -> log_prob [B] float64, nats
        column_log_prob  columns                 -> columns [B] float64, nats of each cell given those before it in the order
        sample           seed [B, 2] int32       -> columns, log_prob
        complete         columns, seed           -> columns, log_prob of the completed row

    "columns" are one tensor `[B]` for each modelled column, by its key (`keys`):

        category                  string, bool, int64 or float64, as its values are
        whole numbers             int64
        decimals, other numbers   float64
        dates, times, durations   int64, in the column's unit ("D": days) since 1970-01-01; a duration as a number of its unit

    `KEY_observed [B]` bool stands beside a column that had blanks, and as an input of `complete` beside every column. Where it is False the
    cell is blank, whatever the column's tensor holds; so is NaN, and "" where that is no value. A blank output is NaN, "", 0 or False.
    `complete` draws the blank cells given the others and not being blank; `log_prob` refuses a blank in a column that had none.

    A value is refused, with its column's name, where `tfar.datasets.Schema.encode` refuses it. A number beyond the grid counts as the end
    that is nearer, and `complete` returns it as it came. From the same seeds the rows are those that `TableModel.sample` and `complete`
    draw.

    Models of several orders have no `column_log_prob`.

    Args:
        model: a `TableModel`.
        jit_compile: whether to mark the sampler for XLA.
    """
    return _Endpoints(model).of(jit_compile)


def keys(schema: Schema) -> dict[str, str]:
    """The key of each modelled column among inputs and outputs, by the column's name.

    It is the name, but for what a SavedModel refuses: a character other than ASCII letters, digits, `_`, `.` and `-` is `_`; before a first
    character that is neither letter nor digit stands `column`; and `_` is added to a key that is taken. Keys differ in more than case and
    punctuation.

    >>> from tfar.datasets.schema import Category
    >>> names = ["age", "hours.per.week", "marital status", "Age", "seed", "%"]
    >>> list(keys(Schema(tuple(Category(name=name, dtype="str", values=("a", "b")) for name in names))).values())
    ['age', 'hours.per.week', 'marital_status', 'Age_', 'seed_', 'column_']
    """
    found, taken = {}, {_folded(name) for name in TAKEN}
    for name in schema.names:
        key = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
        key = key if re.match("[A-Za-z0-9]", key) else f"column{key}"
        while taken & {_folded(key), _folded(key + OBSERVED)}:
            key += "_"
        taken |= {_folded(key), _folded(key + OBSERVED)}
        found[name] = key
    return found


def _folded(key: str) -> str:
    """What TensorFlow makes of a key, and takes for the same name in other letters."""
    key = re.sub("[^A-Za-z0-9]", "_", key).lower()
    return key if key[0].isalpha() else f"arg_{key}"


def requested(schema: Schema, table: Any, blanks: bool = False) -> dict[str, np.ndarray]:
    """What `log_prob` takes for the rows of a table, arrays by key; strings are bytes in arrays of objects.

    Args:
        schema: of the model.
        table: a DataFrame, or what `read_frame` takes for one, that `schema.encode` takes.
        blanks: whether to add `KEY_observed` for each column, as `complete` takes them, rather than for those that had blanks.
    """
    frame, found = read_frame(table, keep=schema.names).frame, {}
    for column, key in zip(schema.modelled, keys(schema).values(), strict=True):
        found[key], blank = column.served(frame[column.name])
        if column.blank or blanks:
            found[key + OBSERVED] = ~blank
    return found


def scored(model: TableModel, table: Any) -> dict[str, np.ndarray]:
    """What the endpoint `log_prob` takes and gives for the rows of a table, arrays by key, without objects."""
    rows = requested(model.schema, table)
    return {key: array.astype(bytes) if array.dtype == object else array for key, array in rows.items()} | {
        "log_prob": model.log_prob(table)
    }


class _Endpoints:
    """The functions behind the endpoints, and the codec of the table that they share: `Cells` by key."""

    def __init__(self, model: TableModel):
        self.model = model
        self.cells = {key: cells_of(column) for key, column in zip(keys(model.schema).values(), model.schema.modelled, strict=True)}
        self.example = {key: [cells.example] for key, cells in self.cells.items()}
        self.single = model.network.num_members == 1

    def of(self, jit_compile: bool) -> dict[str, Endpoint]:
        # Functions of their own are traced once for all endpoints.
        rows_spec, mark = [tf.TensorSpec([None, len(self.cells)], tf.float64)], jit_compile or None
        score = tf.function(self._scores, input_signature=rows_spec, autograph=False)
        score_drawn = tf.function(self._scores, input_signature=rows_spec, autograph=False, jit_compile=True) if jit_compile else score
        draw = tf.function(lambda seed: self.model.distribution().sample_rows(seed), autograph=False, jit_compile=mark)

        @tf.function(autograph=False)
        def nats(columns: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            rows = self._encode(columns, False)
            return score(rows), self._shares(columns, rows)

        def log_prob(**columns: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"log_prob": _total(*nats(columns))}

        def column_log_prob(**columns: tf.Tensor) -> dict[str, tf.Tensor]:
            scores, shares = nats(columns)
            return dict(zip(self.cells, tf.unstack(scores + shares, len(self.cells), axis=1), strict=True))

        def sample(seed: tf.Tensor) -> dict[str, tf.Tensor]:
            rows = draw(seed)
            columns = self._decode(rows, seed)
            return self._outputs(columns, rows) | {"log_prob": _total(score_drawn(rows), self._shares(columns, rows))}

        def complete(seed: tf.Tensor, **columns: tf.Tensor) -> dict[str, tf.Tensor]:
            rows = self._encode(columns, True)
            given = rows != BLANK
            rows = self.model.filling().complete(rows, given, seed)
            drawn, known = self._decode(rows, seed), tf.unstack(given, len(self.cells), axis=1)
            columns = {key: tf.where(where, columns[key], drawn[key]) for key, where in zip(self.cells, known, strict=True)}
            return columns | {"log_prob": _total(score(rows), self._shares(columns, rows))}

        found = {
            "log_prob": endpoint(log_prob, self._inputs(False), self.example),
            "column_log_prob": endpoint(column_log_prob, self._inputs(False), self.example),
            "sample": endpoint(sample, SEED),
            "complete": endpoint(complete, self._inputs(True) | SEED, self.example),
        }
        return {name: of for name, of in found.items() if self.single or name != "column_log_prob"}

    def _inputs(self, all_observed: bool) -> Inputs:
        found: Inputs = {}
        for key, cells in self.cells.items():
            found |= spec(key, (), cells.dtype)
            if all_observed or cells.column.blank:
                found |= spec(key + OBSERVED, (), tf.bool)
        return found

    def _encode(self, columns: dict[str, Any], blanks: bool) -> tf.Tensor:
        """Encoded rows `[B, D]`."""
        encoded = [
            cells.encode(columns[key], columns.get(key + OBSERVED), blanks or cells.column.blank) for key, cells in self.cells.items()
        ]
        return tf.stack(encoded, axis=1)

    def _decode(self, rows: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        uniform = tf.unstack(noise.uniform(seed, len(self.cells), noise.RARE, tf.float64), axis=1)
        values = zip(self.cells.items(), tf.unstack(rows, len(self.cells), axis=1), uniform, strict=True)
        return {key: cells.decode(encoded, number) for (key, cells), encoded, number in values}

    def _outputs(self, columns: dict[str, tf.Tensor], rows: tf.Tensor) -> dict[str, Any]:
        """Columns, and whether their cells are observed where they may be blank."""
        observed = zip(self.cells.items(), tf.unstack(rows != BLANK, len(self.cells), axis=1), strict=True)
        return columns | {key + OBSERVED: known for (key, cells), known in observed if cells.column.blank}

    def _scores(self, rows: tf.Tensor) -> tf.Tensor:
        """Log-probabilities float64 of encoded values: `[B, D]`, or `[B, 1]` of whole rows for a model of several orders."""
        distribution: Any = self.model.distribution()
        scores = distribution.position_log_prob(rows) if self.single else distribution.log_prob(rows)[:, tf.newaxis]
        return tf.cast(scores, tf.float64)

    def _shares(self, columns: dict[str, Any], rows: tf.Tensor) -> tf.Tensor:
        """Log-probabilities `[B, D]` of cells given their encoded values."""
        values = zip(self.cells.items(), tf.unstack(rows, len(self.cells), axis=1), strict=True)
        return tf.stack([cells.log_share(columns[key], encoded) for (key, cells), encoded in values], axis=1)


def _total(scores: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    """Log-probability of rows, `[B]`."""
    return tf.reduce_sum(scores, axis=1) + tf.reduce_sum(shares, axis=1)
