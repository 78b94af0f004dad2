"""Runs of tables with a head for each column: what the commands do with them."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfar import datasets, plotting, serving, training
from tfar.cli import conditions, outputs
from tfar.cli.arrays import SCORED_AT_ONCE
from tfar.cli.runs import Run
from tfar.datasets.frames import WRITABLE, ending, write_frame
from tfar.datasets.kinds import Category, Grid, Modelled
from tfar.datasets.schema import Schema
from tfar.datasets.table_set import TableSet, log_shares, read_like
from tfar.files import refuse_existing
from tfar.models import TableModel
from tfar.training.baselines import baseline_nll

SCHEMA = "schema.json"
STORED_ROWS = 64  # test rows that are stored with an exported model

EncodedRows = tuple[datasets.Split, pd.DataFrame]  # rows, and the `log_shares` of their cells


class TableRun(Run):
    """A run whose model is a `tfar.TableModel`."""

    kind = "table"  # in data.json
    kind_in_words = conditions.TABLES
    unit, nats, bits = "rows", "nats", "bits_per_row"
    baseline = "Independent columns, fitted to the rows that the model was,"
    model: TableModel

    @property
    def schema(self) -> Schema:
        """The schema that the model was trained behind."""
        return self.model.schema

    def check(self) -> None:
        super().check()
        if not isinstance(self.model, TableModel) or self.schema != Schema.from_json(self.description["schema"]):
            raise ValueError("its schema is not that of the model")

    def _read(self, data_dir: str | None, download: bool | None) -> TableSet:
        return datasets.load_config(self.description)

    def write_more(self, folder: Path) -> None:
        self.schema.save(folder / SCHEMA)

    def summary(self, family: str) -> str:
        return f"{self.schema}\n{family}, a head for each of {len(self.schema.names)} columns"

    def read(self, source: Any) -> pd.DataFrame:
        """A table in the format of the training table; what a user should know of it is printed.

        Raises:
            ValueError: it cannot be read.
        """
        table = read_like(source, self.description, self.schema)
        for note in table.notes:
            print(f"tfar: note: {source}: {note}", file=sys.stderr, flush=True)
        return table.frame

    def rows(self, source: str | None = None, split: str | None = None, most: int | None = None) -> EncodedRows:
        """Encoded rows, and the `log_shares` of their cells: of another `source`, or a split of its own data."""
        if source is None:
            data, name = self.load_data(), split or "test"
            return data.splits[name].take(slice(most)), data.log_shares[name][:most]
        if split is not None:
            raise ValueError(f"a split is one of the model's own data; of others all rows are taken. Received: {split!r} and {source}")
        frame = self.read(source).iloc[:most]
        return datasets.Split(self.schema.encode(frame, blanks=False)), log_shares(self.schema, frame)

    def evaluated(self, args: Any) -> tuple[str, EncodedRows]:
        self.refuse(args, "text", "streams")
        return args.data or f"{self.description['name']}, {args.split or 'test'}", self.rows(args.data, args.split, args.rows)

    def log_prob(self, rows: EncodedRows, args: Any) -> np.ndarray:
        encoded, shares = rows
        orders = {} if args.num_orders is None else {"num_orders": args.num_orders, "seed": args.seed or 0}
        return training.log_probs(self.model, encoded, args.batch_size or 100, **orders) + shares.sum(axis=1).to_numpy()

    def scores(self, log_prob: np.ndarray, rows: EncodedRows) -> dict[str, Any]:
        return row_scores(log_prob)

    def baselines(self, rows: EncodedRows, args: Any) -> dict[str, Any]:
        encoded, shares = rows
        try:
            data = self.load_data()
        except (ValueError, OSError):  # other rows can be scored where the training rows, and with them the baseline, are gone
            if args.data is None:
                raise
            return {"baseline_nll": None}
        known = data.train.joined(data.validation) if self.metrics.get("refit") else data.splits["train"]
        return {"baseline_nll": independent_columns(self.model.head, known.x, encoded.x, shares)}

    def report(self, title: str, scores: dict[str, Any], known: dict[str, Any]) -> str:
        lines = [
            f"{title}: {scores['rows']:,} rows",
            f"  NLL       {scores['nll']:10.3f} +- {scores['nll_error']:.3f} nats (mean and its standard error), "
            f"{scores['bits_per_row']:.3f} +- {scores['bits_per_row_error']:.3f} bits per row",
        ]
        if known["baseline_nll"] is not None:
            bits = known["baseline_nll"] / math.log(2)
            lines.append(f"  baseline  {known['baseline_nll']:10.3f} nats, {bits:.3f} bits per row, independent columns")
        return "\n".join(lines)

    def score(self, args: Any) -> None:
        """Write the nats of every row, and with `args.columns` of every cell given those before it in the order."""
        path = outputs.score_path(self, args)
        rows, shares = self.rows(args.data, args.split)
        if not args.columns:
            found = training.log_probs(self.model, rows, SCORED_AT_ONCE) + shares.sum(axis=1).to_numpy()
            outputs.write_scores(path, found, None, args)
            return
        cells = dict(zip(self.schema.names, self.model.column_log_prob(rows.x).T, strict=True))
        cells |= {str(name): cells[str(name)] + share.to_numpy() for name, share in shares.items()}
        outputs.write_scores(path, np.sum(list(cells.values()), axis=0), cells, args)

    def sample(self, args: Any) -> None:
        """Draw rows, and write them as a table with the columns, order and dtypes of the training table, and as a picture."""
        n = args.n or 64
        paths = self._paths(args, f"samples-{args.seed}", pictures=True)
        given = self.given(args.given or (), n)
        self.check_conditions(np.isin(self.schema.names, list(given))[None])
        drawn = self.model.sample(n, args.seed, given=given)
        for path in paths:
            if path.suffix == ".png":
                real = self._data_beside()
                written = write_report(path, f"{self.title}: samples", self.schema, real, drawn, args.overwrite)
                print("\n".join(map(str, written)))
            else:
                write_frame(drawn, path, args.overwrite)
                print(path)

    def given(self, words: Sequence[str], n: int, first: int = 0) -> dict[str, list[str | None]]:
        """Values `[n]` of columns, of words `COLUMN=VALUE`: several of one column are taken in turn; an empty one is blank.

        The number `first` of the first of these rows says whose turn it is.

        Raises:
            ValueError: a word is not of this form, or names no column.
        """
        values: dict[str, list[str | None]] = {}
        for word in words:
            name = conditions.column_of(word, self.schema.names)
            values.setdefault(name, []).append(word[len(name) + 1 :] or None)
        return {name: [one[i % len(one)] for i in range(first, first + n)] for name, one in values.items()}

    def check_conditions(self, observed: np.ndarray) -> None:
        """Refuse rows of which other columns are given than the first ones of the model's order.

        Args:
            observed: which columns are given, bool `[N, D]`.

        Raises:
            ValueError: there are such rows; the first is named.
        """
        row = self.model.refused_row(observed)
        if row is not None:
            given = " ".join(np.array(self.schema.names)[observed[row]])
            order = ", ".join(self.schema.names[d] for d in self.model.network.order)
            raise ValueError(
                f"the columns that are given must come first in the order of the model, {order}: train with --condition-on {given}, or a "
                f"deepnade, which can be given any columns. Received: {given} in row {row + 1}"
            )

    def _data_beside(self) -> pd.DataFrame | None:
        """The test rows of the data, to be drawn beside samples; None where they are gone."""
        try:
            return self.schema.decode(self.load_data().test.x)
        except (ValueError, OSError):
            return None

    def _paths(self, args: Any, stem: str, pictures: bool, form: str = ".csv") -> list[Path]:
        """Where a command writes: `args.out`, or by default a file with the ending `form`, and a picture, in the run's folder."""
        if args.out is None:
            endings = [form, ".png"] if pictures and plotting.available() else [form]
            return [refuse_existing(self.folder / f"{stem}{one}", args.overwrite) for one in endings]
        allowed = (*WRITABLE, *([".png"] if pictures else []))
        if ending(args.out, allowed) is None:
            raise ValueError(f"the output must end in one of {', '.join(allowed)}. Received: --out {args.out}")
        if Path(args.out).suffix == ".png":
            plotting.require()
        return [refuse_existing(args.out, args.overwrite)]

    def complete(self, args: Any) -> None:
        """Fill in the blanks of a file; several draws are written one after the other, numbered by columns before the file's own."""
        if args.data is None or args.observe is not None:
            raise ValueError(f"a table with blanks must be given by --data, without --observe. Received: --data {args.data}")
        form = ending(args.data, WRITABLE) or ".csv"  # that of the blanks
        (path,) = self._paths(args, f"completions-{args.seed}", pictures=False, form=form)
        frame, draws = self.read(args.data).iloc[: args.rows], args.n or 1
        names = list(self.schema.names)
        if set(names) <= set(frame.columns):  # else `complete` names what is missing
            self.check_conditions(frame.loc[:, names].notna().to_numpy())
        filled = self.model.complete(frame, seed=args.seed, draws=draws)
        if draws > 1:
            number = np.arange(1, len(frame) + 1)
            numbered = [pd.concat([pd.DataFrame({"row": number, "draw": k}), table], axis=1) for k, table in enumerate(filled, 1)]
            filled = pd.concat(numbered).sort_values(["row", "draw"], kind="stable")
        write_frame(filled, path, args.overwrite)
        print(path)

    def test_rows(self, data_dir: str | None = None) -> dict[str, Any]:
        return serving.scored_table(self.model, self.schema.decode(self.load_data().test.x[:STORED_ROWS]))

    @property
    def values(self) -> str:
        return f"rows of a table of {len(self.schema.names)} columns"

    def described_values(self, version: Path) -> list[str]:
        rows = [
            (column.name, column.kind, "yes" if isinstance(column, Modelled) and column.blank else "no", column.details)
            for column in self.schema.columns
        ]
        order = ", ".join(self.schema.names[d] for d in np.asarray(self.model.network.order))
        return [
            outputs.markdown_table(["column", "kind", "blanks", "details"], rows),
            "Endpoints take and give one tensor `[B]` for each column, in the table's own values and units: strings; int64 of whole "
            "numbers, and of dates and times, in the column's unit since 1970-01-01; float64 of other numbers. `NAME_observed` is False "
            "where a cell is blank.",
            "`complete` takes any pattern of `observed`, another one for each row."
            if self.model.network.order_agnostic
            else f"`complete` takes patterns of `observed` that come first in the order of generation: {order}.",
        ]


def row_scores(log_prob: np.ndarray) -> dict[str, Any]:
    """Scores of rows from log-probabilities `[N]` in nats: `nll` and `bits_per_row`, their standard errors, and `rows`."""
    found = training.summary(log_prob, 1)
    return {
        "nll": found["nll"],
        "nll_error": found["nll_error"],
        "bits_per_row": found["bits_per_dim"],
        "bits_per_row_error": found["nll_error"] / math.log(2),
        "rows": found["rows"],
    }


def independent_columns(head: Any, known: np.ndarray, x: np.ndarray, shares: pd.DataFrame) -> float | None:
    """The mean NLL of encoded rows in nats if columns were independent, each with its marginal in the rows known."""
    found = baseline_nll(head, known, x)
    return None if found is None else found - float(shares.sum(axis=1).mean())


def write_report(path: Path, title: str, schema: Schema, real: pd.DataFrame | None, synthetic: pd.DataFrame, overwrite: bool) -> list[Path]:
    """Draw the report on synthetic rows beside real ones; None for none of these.

    Returns:
        Its files: `path`, and where a table has more columns than a page holds, report-2.png, ... beside report.png.

    Raises:
        FileExistsError: one of them exists, and `overwrite` is False; nothing is written.
    """
    shown = values_to_draw(schema, synthetic)
    beside = {name: values[:0] for name, values in shown.items()} if real is None else values_to_draw(schema, real)
    pages = plotting.table_report(beside, shown)
    paths = [refuse_existing(path.with_stem(f"{path.stem}-{page}") if page > 1 else path, overwrite) for page in range(1, len(pages) + 1)]
    for number, (picture, one) in enumerate(zip(pages, paths, strict=True), 1):
        plotting.save(picture, one, overwrite, title=f"{title}, page {number} of {len(pages)}" if len(pages) > 1 else title)
    return paths


def values_to_draw(schema: Schema, frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """The modelled columns of a table as `tfar.plotting.table_report` takes them: words of categories, and numbers or times of others."""
    return {column.name: _drawn(column, frame[column.name]) for column in schema.modelled}


def _drawn(column: Modelled, cells: pd.Series) -> np.ndarray:
    blank = cells.isna().to_numpy()
    if isinstance(column, Category):
        words = cells.astype(object).map(str, na_action="ignore").to_numpy(dtype=object, copy=True)
        words[blank] = None
        return words
    values = np.where(blank, 0, column.encode(cells))
    if not isinstance(column, Grid):
        return np.where(blank, np.nan, values)
    points = column.start + values.astype(np.int64) * column.step
    if column.unit and not column.dtype.startswith("timedelta"):
        return np.where(blank, np.datetime64("NaT"), points.astype(f"datetime64[{column.unit}]").astype("datetime64[ms]"))
    return np.where(blank, np.nan, points / 10.0**column.decimals)
