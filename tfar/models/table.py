"""The Keras model of a mixed table: DataFrames in, DataFrames out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from tfar import config, heads, noise
from tfar.columns import BLANK
from tfar.datasets.frames import is_frame, read_frame
from tfar.datasets.kinds import Category, Grid, Modelled, Real
from tfar.datasets.schema import Label, Schema, names_of
from tfar.distributions import AutoregressiveDistribution, AutoregressiveEnsemble
from tfar.models import queries
from tfar.models.autoregressive import AutoregressiveModel
from tfar.models.families import build
from tfar.models.inputs import is_inputs
from tfar.models.queries import Probability
from tfar.models.starting import start_at_marginals
from tfar.serving import table_endpoints
from tfar.serving.endpoints import Endpoint
from tfar.validation import as_reals, check_counts

PART = 5_000  # rows that are scored or drawn at once


def head_of(column: Modelled, num_components: int) -> heads.Head:
    """The head of a column of a schema.

    >>> head_of(Category(name="sex", dtype="str", values=("f", "m"), blank=True), num_components=10)
    CategoryColumn(num_classes=2, blank=True)
    """
    if isinstance(column, Category):
        return heads.CategoryColumn(column.num_classes, column.blank)
    if isinstance(column, Grid):
        return heads.GridColumn(
            column.size, column.x, column.z, column.atoms, column.blank, num_components, recorded=column.recorded, counts=column.counts
        )
    if isinstance(column, Real):
        return heads.RealColumn(
            column.x, column.z, column.atoms, column.blank, num_components, recorded=column.recorded, counts=column.counts
        )
    raise ValueError(f"a column must be a category, a grid or real. Received: {column!r}")


@keras.saving.register_keras_serializable(package="tfar")
class TableModel(AutoregressiveModel):
    """A density of the rows of a table with columns of any kinds: words, whole numbers, decimals, dates, reals, and blanks among them.

        p(row) = prod_k p(cell_{order[k]} | cells before it)

    Every column has a head of its own (`tfar.heads.Columns`). Categories and numbers on a grid have probability masses, reals have
    densities in the column's own units. Methods take and give tables: a pandas DataFrame, what `tfar.datasets.frames.read_frame` takes
    for one, or the path of a file. Arrays and datasets are encoded rows, float64 `[N, D]`, as `schema.encode` returns them and
    `distribution` has them.

    Args:
        schema: a `tfar.datasets.Schema`, or a table to infer it from.
        family: of the network, a key of `tfar.config.FAMILIES` that takes columns. "deepnade" answers conditions on any columns.
        condition_on: columns that come first in the order, so that the others can be sampled and completed given them.
        num_components: components of the mixture of a column of numbers.
        seed: of what the family draws.
        network: the network itself, instead of a family.
        **options: settings of the family; their defaults are those for tables, `tables` of its class in `tfar.config`.

    Raises:
        ValueError: the family takes no columns, a name is not a column, or what the family refuses.

    >>> people = pd.DataFrame({"sex": ["f", "m"] * 50, "age": np.arange(100) % 70})
    >>> model = TableModel(people, hidden_units=[16])
    >>> history = model.fit(people, epochs=1, verbose=0)
    >>> model.sample(3, seed=1).dtypes.tolist() == people.dtypes.tolist()
    True
    """

    head: Any  # `tfar.heads.Columns`

    def __init__(
        self,
        schema: Any,
        family: str = "made",
        *,
        condition_on: Sequence[Label] = (),
        num_components: int = 10,
        seed: int = 0,
        network: Any = None,
        name: str | None = None,
        **options: Any,
    ):
        schema = schema if isinstance(schema, Schema) else Schema.infer(schema)
        check_counts(num_components=num_components)
        head = heads.Columns([head_of(column, int(num_components)) for column in schema.modelled])
        if condition_on:
            options["order"] = order_of(schema, condition_on)
        if network is None:
            network = build(family, [len(schema.names)], head, seed=seed, **_defaults(family) | options).network
        super().__init__(network, head, name=name)
        self.schema, self.num_components = schema, int(num_components)

    # Tables

    def encode(self, table: Any) -> np.ndarray:
        """Encode a table as float64 `[N, D]`; blanks are `tfar.columns.BLANK`."""
        return self.schema.encode(table)

    def log_prob(self, x: Any, context: Any = None) -> Any:
        """Score rows: log p(row) in nats.

        Args:
            x: a table, or encoded rows `[N, D]`.
            context: None.

        Returns:
            float64 `[N]` of a table; a tensor `[N]` of encoded rows.

        Raises:
            ValueError: a cell does not fit its column, or is blank in a column that had no blanks.
        """
        if not is_table(x):
            return super().log_prob(x, context)
        if self.network.num_members == 1:
            return self.column_log_prob(x).to_numpy().sum(axis=1)
        frame = as_frame(x)
        scores = [super(TableModel, self).log_prob(part).numpy() for part in _parts(self.schema.encode(frame, blanks=False))]
        return np.concatenate(scores).astype(np.float64) + self.schema.log_share(frame).sum(axis=1)

    def column_log_prob(self, table: Any) -> Any:
        """Score cells: the log-probability of each given those before it in the order, nats. Their sum over a row is `log_prob`.

        Args:
            table: a table, or encoded rows `[N, D]`.

        Returns:
            A DataFrame `[N, D]` with a column for each one that is modelled; of encoded rows a float64 array `[N, D]`.

        Raises:
            ValueError: as `log_prob`.
        """
        if not is_table(table):
            return np.concatenate([self._position_scores(part) for part in _parts(as_reals(table=table))])
        frame = as_frame(table)
        scores = self.column_log_prob(self.schema.encode(frame, blanks=False))
        labels = pd.Index([self.schema.label(name) for name in self.schema.names])
        return pd.DataFrame(scores + self.schema.log_share(frame), columns=labels, index=frame.index)

    def conditional_log_prob(self, x: Any, observed: Any = None, context: Any = None, columns: Sequence[Label] | None = None) -> Any:
        """Score some columns given all others: log p(columns | others) in nats.

        Args:
            x: a table, or encoded rows with `observed` as in `AutoregressiveModel`.
            observed: of encoded rows.
            context: None.
            columns: names of the columns of a table that are scored.

        Returns:
            float64 `[N]` of a table.

        Raises:
            ValueError: a name is not a column; or the order does not put the other columns first, so that the conditional density has no
                closed form. Train with `condition_on`, or the family "deepnade".
        """
        if not is_table(x):
            return super().conditional_log_prob(x, observed, context)
        frame = as_frame(x)
        encoded, scored = self.schema.encode(frame, blanks=False), self._mask(columns or ())
        self._check_conditions(~scored[np.newaxis])
        parts = [super(TableModel, self).conditional_log_prob(part, ~scored).numpy() for part in _parts(encoded)]
        share = self.schema.log_share(frame)[:, scored].sum(axis=1)
        return np.concatenate(parts).astype(np.float64) + share

    def sample(self, n: int, seed: Any = None, context: Any = None, given: Any = None) -> Any:
        """Draw rows.

        Args:
            n: number of rows.
            seed: an integer, an int32 pair, or one pair per row; None for a fresh one.
            context: None.
            given: values of some columns, by name, or a table of them: one for all rows, or `n` of them. None for none.

        Returns:
            A DataFrame of `n` rows with the columns, order and dtypes of the table.

        Raises:
            ValueError: a name is not a column, a value is not one of its column, or the order does not put the given columns first.
        """
        check_counts(0, n=n)
        seeds = noise.seeds_of(seed, n)
        given = {} if given is None else {str(label): value for label, value in dict(given).items()}
        rows, observed = self._given(n, given)
        self._check_conditions(observed[np.newaxis])
        drawn = [self._drawn(seeds[a:b], rows[a:b], observed) for a, b in _bounds(n)]
        table = self._decode(np.concatenate([rows[:0], *drawn]), seeds)
        for name, value in given.items():  # of a class of rare values, a member is given
            column, label = self.schema[name], self.schema.label(name)
            if isinstance(column, Category) and column.rare:
                table[label] = pd.Series(_cells(value, n), dtype=table[label].dtype)
        return table

    def complete(self, x: Any, observed: Any = None, seed: Any = None, context: Any = None, draws: int = 1) -> Any:
        """Fill in the blank cells of a table, each drawn given the cells that are not blank, those drawn before it, and not being blank.

        Args:
            x: a table; or encoded rows with `observed`, as in `AutoregressiveModel`.
            observed: of encoded rows.
            seed: as in `sample`.
            context: None.
            draws: number of completed tables.

        Returns:
            The table with its index, columns, order and dtypes, complete; a list of `draws` of them where that is not 1.

        Raises:
            ValueError: a cell does not fit its column; or the order does not put the observed columns of a row first.
        """
        if not is_table(x):
            return super().complete(x, observed, seed, context)
        check_counts(draws=draws)
        frame = as_frame(x)
        encoded = self.schema.encode(frame)
        self._check_conditions(encoded != BLANK)
        seeds = noise.seeds_of(seed, draws * len(encoded))
        tables = []
        for number in range(draws):
            these = seeds[number * len(encoded) : (number + 1) * len(encoded)]
            filled = [self._filled(encoded[a:b], these[a:b]) for a, b in _bounds(len(encoded))]
            tables.append(self._restored(x, frame, self._decode(np.concatenate(filled), these)))
        return tables[0] if draws == 1 else tables

    def probability(self, query: Any, seed: Any = None, draws: int = 1000) -> Probability:
        """Estimate the probability that a row meets conditions, with its standard error; see `tfar.models.queries.probability`.

        Args:
            query: a condition for each of some columns, by name: a tuple (low, high) for a closed range of the column's own values, None
                for an open end; a list or set of values; or one value. None or NaN among values is a blank. A real number that the
                column does not repeat has probability 0. Or a list of queries.
            seed: an integer or an int32 pair; None for a fresh one.
            draws: number of rows that are drawn.

        Returns:
            `Probability(estimate, standard_error)`: numbers, or arrays `[Q]` of Q queries.

        Raises:
            ValueError: a name is not a column, a value is not one of its column, or a range is empty.

        >>> people = pd.DataFrame({"sex": ["f", "m"] * 50, "age": np.arange(100) % 70})
        >>> model = TableModel(people, hidden_units=[16])
        >>> both = model.probability([{"sex": "f", "age": (30, None)}, {"sex": "f", "age": (None, 29)}], seed=1)
        >>> alone = model.probability({"sex": ["f"]})
        >>> bool(abs(both.estimate.sum() - alone.estimate) < 1e-6), alone.standard_error
        (True, 0.0)
        """
        return queries.probability(self.network, self.head, self.schema, query, seed, draws)

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """As `keras.Model.fit`, of a table or of encoded rows; `validation_data` likewise.

        A model that is not compiled is compiled with Adam. One that has made no step starts at the columns' marginal distributions.
        """
        x = self.schema.encode(x, blanks=False) if is_table(x) else x
        if not self.compiled:
            self.compile(keras.optimizers.Adam(1e-3))
        if isinstance(x, np.ndarray) and not int(self.optimizer.iterations):
            start_at_marginals(self, x)
        return super().fit(x, *args, **kwargs)

    def _parts(self, inputs: Any, y: Any = None) -> tuple[Any, Any]:
        """As in `CheckedModel`; every method of Keras takes a table, whose rows are encoded. Members of a class of rare values are one."""
        return super()._parts(self.schema.encode(inputs, blanks=False) if is_table(inputs) else inputs, y)

    # Conditions

    def refused_row(self, observed: np.ndarray) -> int | None:
        """Return the first row of which the model cannot draw the other columns, since those that are given do not come first in its order.

        Args:
            observed: which columns are given, bool `[N, D]`.
        """
        if self.network.order_agnostic or self.network.num_members > 1:
            return None
        ordered = observed[:, np.asarray(self.network.order)]
        wrong = (ordered[:, 1:] & ~ordered[:, :-1]).any(axis=1)
        return int(wrong.argmax()) if wrong.any() else None

    def _check_conditions(self, observed: np.ndarray) -> None:
        """Raise a ValueError if a row has one that is refused."""
        row = self.refused_row(observed)
        if row is not None:
            given = [name for name, is_given in zip(self.schema.names, observed[row], strict=True) if is_given]
            order = ", ".join(self.schema.names[d] for d in self.network.order)
            raise ValueError(
                f"the columns that are given must come first in the order of the model, {order}: make it with condition_on={given}, or "
                f'with family="deepnade", which can be given any columns. Received: {given} in row {row + 1}'
            )

    # Encoded rows

    def _position_scores(self, rows: np.ndarray) -> np.ndarray:
        """Log-probabilities of cells, float64 `[N, D]`."""
        distribution = self.distribution(validate_args=True)
        if isinstance(distribution, AutoregressiveEnsemble):
            raise ValueError(
                "a model of several orders has no probability of a cell given those before it; give a model with num_masks=1. "
                f"Received: {distribution.num_members} members"
            )
        return distribution.position_log_prob(tf.constant(rows)).numpy().astype(np.float64)

    def _drawn(self, seeds: tf.Tensor, rows: np.ndarray, observed: np.ndarray) -> np.ndarray:
        if not observed.any():
            return self.distribution().sample_rows(seeds).numpy()
        return super().complete(rows, observed, seeds).numpy()

    def _filled(self, rows: np.ndarray, seeds: tf.Tensor) -> np.ndarray:
        """Encoded rows with their blanks filled in."""
        return self.filling(validate_args=True).complete(rows, rows != BLANK, seeds).numpy()

    def filling(self, **options: Any) -> AutoregressiveDistribution | AutoregressiveEnsemble:
        """Return `distribution` given that no value is blank, each conditional renormalised: what `complete` draws from."""
        return self.distribution(**options).copy(head=self.head.without_blanks())

    def _given(self, n: int, given: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Encoded rows `[n, D]` that hold given values, and which columns they are, bool `[D]`."""
        observed = self._mask(given)
        rows = np.full([n, len(observed)], BLANK)
        for name, value in given.items():
            cells = _cells(value, n)
            if len(cells) != n:
                raise ValueError(f"given values must be one for all rows, or {n} of them. Received: {name}={value!r}")
            rows[:, self.schema.names.index(name)] = _encoded(self.schema[name], pd.Series(cells))
        return rows, observed

    def _mask(self, names: Any) -> np.ndarray:
        """Which of the D columns are named, bool `[D]`."""
        names = names_of(names)
        if unknown := [name for name in names if name not in self.schema.names]:
            raise ValueError(f"columns must be among {list(self.schema.names)}. Received: {unknown}")
        return np.isin(self.schema.names, names)

    def _decode(self, rows: np.ndarray, seeds: Any) -> pd.DataFrame:
        """Encoded rows as a table; which member of a class of rare values a cell is follows from the row's seed."""
        if not any(isinstance(column, Category) and column.rare for column in self.schema.modelled):
            return self.schema.decode(rows)
        uniform = [noise.uniform(seeds[a:b], rows.shape[1], noise.RARE, tf.float64).numpy() for a, b in _bounds(len(rows))]
        return self.schema.decode(rows, np.concatenate([rows[:0], *uniform]))

    def _restored(self, table: Any, frame: pd.DataFrame, filled: pd.DataFrame) -> pd.DataFrame:
        """The table, of which `frame` was read, with the cells that were blank taken from the filled one."""
        filled = filled.set_axis(frame.index).rename(columns=str)
        result = frame.copy()
        for name in self.schema.names:
            blank = frame[name].isna()
            if blank.any():
                result[name] = filled[name] if blank.all() else filled[name].where(blank, frame[name]).astype(filled[name].dtype)
        if isinstance(table, pd.DataFrame):
            result.columns, result.attrs = table.columns, table.attrs
        return result

    # Files

    def endpoints(self, jit_compile: bool = False) -> dict[str, Endpoint]:
        """The endpoints that `export` writes; see `tfar.serving.table_endpoints.endpoints`."""
        return table_endpoints.endpoints(self, jit_compile)

    def get_config(self) -> dict[str, Any]:
        base = {name: value for name, value in super().get_config().items() if name != "head"}
        return {**base, "schema": self.schema.to_json(), "num_components": self.num_components}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "TableModel":
        config = dict(config)
        config["network"] = keras.saving.deserialize_keras_object(config["network"], custom_objects)
        config["schema"] = Schema.from_json(config["schema"])
        return cls(**config)


def _defaults(family: str) -> dict[str, Any]:
    """The defaults for tables of a family's settings."""
    known = config.FAMILIES.get(family, config.Family)
    return {name: value for name, value in known.tables.items() if name in config.settings_of(known)}


def is_table(x: Any) -> bool:
    """Whether values are a table, rather than encoded rows or a dictionary of them that Keras is fed.

    >>> is_table({"x": [1, 2]}), is_table({"x": np.zeros([2, 3])}), is_table(np.zeros([2, 3]))
    (True, False, False)
    """
    return not isinstance(x, np.ndarray) and not tf.is_tensor(x) and not is_inputs(x) and is_frame(x)


def as_frame(table: Any) -> pd.DataFrame:
    """A table as a DataFrame, which keeps the index of one."""
    frame = read_frame(table).frame
    return frame.set_axis(table.index) if isinstance(table, pd.DataFrame) and len(table) == len(frame) else frame


def order_of(schema: Schema, first: Sequence[Label]) -> list[int]:
    """The order that puts some columns first, and keeps that of the table among them and among the others.

    Raises:
        ValueError: a name is not a modelled column.
    """
    first = names_of(first)
    if unknown := [name for name in first if name not in schema.names]:
        raise ValueError(f"condition_on must be among the columns {list(schema.names)}. Received: {unknown}")
    return sorted(range(len(schema.names)), key=lambda d: schema.names[d] not in first)


def _cells(value: Any, n: int) -> list[Any]:
    """What is given for a column of `n` rows: one value for all of them, or one for each."""
    return [value] * n if np.ndim(value) == 0 else list(value)


def _encoded(column: Any, cells: pd.Series) -> np.ndarray:
    """Given cells of a column, encoded `[N]`.

    Raises:
        ValueError: a cell is not one of the column, or is blank where it had no blanks.
    """
    encoded = column.encode(cells)
    for wrong in (cells.isna() & (not column.blank), column.foreign(cells)):
        if wrong.any():
            row, known = int(np.argmax(wrong)), f"{column.kind}, {column.details}"
            raise ValueError(f"column {column.name!r}, row {row + 1}: must be a value of the column ({known}). Received: {cells[row]!r}")
    return encoded


def _bounds(count: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + PART, count)) for start in range(0, count, PART))


def _parts(rows: np.ndarray) -> Iterator[np.ndarray]:
    return (rows[a:b] for a, b in _bounds(len(rows)))
