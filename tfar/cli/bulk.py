"""Scores and samples of more rows than memory holds, in folders of Parquet shards."""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tfar import datasets, noise, training
from tfar.cli.arrays import SCORED_AT_ONCE, ArrayRun, in_parts
from tfar.cli.runs import Run
from tfar.cli.shards import ShardFolder
from tfar.cli.tables import TableRun
from tfar.columns import BLANK
from tfar.datasets.frames import Frame
from tfar.datasets.streams.loading import READING, opened
from tfar.datasets.streams.shards import Shards
from tfar.datasets.tables import array_source, kept_columns
from tfar.models.exported import config_of

SHARD_ROWS = 1_000_000
DRAWN_BYTES = 1 << 24  # of values that are drawn before they are written
SCORED_BYTES = 1 << 25  # of values that are scored at once
MOST_ROWS = 2**31 - 1  # that a seed numbers
ONE_FILE = ("sort", "split", "overwrite")  # options that shards have no use for


def asked(run: Run, args: Any) -> bool:
    """Whether a command asks for a folder of shards: an `--out` without an ending, unless the model is one of text.

    Raises:
        ValueError: it does not, and has options of shards; or it does, and has options of a file.
    """
    found = args.out is not None and not Path(args.out).suffix and isinstance(run, ArrayRun | TableRun)
    if not found and (args.shard is not None or args.shard_rows is not None):
        raise ValueError(
            "--shard and --shard-rows are for rows of arrays and tables, and a folder: an --out without an ending. "
            f"Received: --out {args.out}, and a model of {run.kind_in_words}"
        )
    if found and (wrong := [name for name in ONE_FILE if getattr(args, name, None)]):
        raise ValueError(f"--{wrong[0]} is for one output file. Received: it, and a folder --out {args.out}")
    return found


def score(run: Run, args: Any) -> None:
    """Write the nats of every row of files, as `tfar score` has them of rows in memory, beside the number of the row, from 1."""
    if args.data is None:
        raise ValueError(f"--data must name the rows that are scored into a folder. Received: --out {args.out}, without --data")
    rows = bulk_of(run)
    shards = opened(args.data, None, {name: value for name, value in run.description.get("reading", {}).items() if name in READING})
    if not shards.rows:
        raise ValueError(f"there must be rows to score. Received: {args.data}, without any")
    shards.convert = rows.read
    filled = next(number for number, chunk in enumerate(shards.chunks) if chunk.rows)
    _, block = next(shards.blocks(filled))  # other columns are refused before anything is written
    rows.scores([part[:1] for part in block], args.columns)
    identity = {"command": "score", "model": checksum(run), "columns": bool(args.columns), "data": _data(shards)}
    folder = ShardFolder(args.out, identity, shards.rows, args.shard_rows or SHARD_ROWS)

    def tables(wanted: Sequence[int]) -> Iterator[tuple[int, pa.Table]]:
        for number, first, parts in _joined(_cut(shards, folder, wanted), folder):
            found = rows.scores(parts, args.columns)
            yield number, pa.table({"row": np.arange(first + 1, first + 1 + len(found["log_prob"])), **found})

    _write(folder, args, tables)


def sample(run: Run, args: Any) -> None:
    """Write samples, those of `model.sample(n, seed)` row for row, as a table with the columns and types of the training table.

    Images and other events that are no vectors are lists in the column `x`; the metadata of its field have their shape.
    """
    if args.n is None or args.n > MOST_ROWS:
        raise ValueError(f"-n must say how many rows are drawn into a folder, at most {MOST_ROWS}. Received: -n {args.n}")
    rows, seed = bulk_of(run), noise.as_seed(args.seed)
    schema = rows.drawn(noise.row_seeds(seed, 1), 0, args).schema  # what cannot be drawn, before anything is written
    identity = {"command": "sample", "model": checksum(run), "seed": args.seed, "context": args.context, "given": args.given}
    folder = ShardFolder(args.out, identity, args.n, args.shard_rows or SHARD_ROWS)
    size = max(1, DRAWN_BYTES // (8 * math.prod(run.model.event_shape)))

    def tables(wanted: Sequence[int]) -> Iterator[tuple[int, pa.Table]]:
        for number in wanted:
            first, end = folder.bounds(number)
            for start in range(first, end, size):
                seeds = noise.row_seeds(seed, min(size, end - start), start)
                yield number, rows.drawn(seeds, start, args).cast(schema)

    _write(folder, args, tables)


def _write(folder: ShardFolder, args: Any, tables: Any) -> None:
    """Write the shards that are this command's and are not there, and print the folder when it is whole."""
    wanted = folder.missing(*(args.shard or (1, 1)))
    folder.write(tables(wanted), sum(end - first for first, end in map(folder.bounds, wanted)))
    left = len(folder.missing())
    print(f"{folder.path}: {left} of {folder.count} shards are still to be made" if left else folder.path)


def _cut(shards: Shards, folder: ShardFolder, wanted: Sequence[int]) -> Iterator[tuple[int, int, list[Any]]]:
    """Rows of the files, cut where the shards that are wanted begin and end: the shard's number, the first row's, and what was read."""
    for number, chunk in enumerate(shards.chunks):
        numbers = [one for one in wanted if _overlap(folder.bounds(one), chunk.first, chunk.rows)]
        for first, block in shards.blocks(number) if numbers else ():
            for one in numbers:
                if (both := _overlap(folder.bounds(one), first, len(block[0]))) is not None:
                    yield one, both.start, [part[both.start - first : both.stop - first] for part in block]


def _joined(cut: Iterator[tuple[int, int, list[Any]]], folder: ShardFolder) -> Iterator[tuple[int, int, list[Any]]]:
    """What `_cut` gives, in larger parts of one shard: a call of the model takes as long as some thousand rows."""
    held: list[list[Any]] = []
    for number, first, parts in cut:
        held.append(parts)
        end = first + len(parts[0])
        if end == folder.bounds(number)[1] or sum(part.nbytes for one in held for part in one) >= SCORED_BYTES:
            joined = [np.concatenate(same) for same in zip(*held, strict=True)]
            yield number, end - len(joined[0]), joined
            held = []


def _overlap(bounds: tuple[int, int], first: int, rows: int) -> range | None:
    """The numbers within bounds of rows from the `first` on; None where there are none."""
    return range(max(bounds[0], first), min(bounds[1], first + rows)) or None


def _data(shards: Shards) -> list[Any]:
    """What tells data from others without reading them: of how many files and rows, and a checksum of their names and sizes."""
    files = list(dict.fromkeys(chunk.path for chunk in shards.chunks))
    sizes = json.dumps([[path.name, path.stat().st_size] for path in files])
    return [len(files), shards.rows, hashlib.sha256(sizes.encode()).hexdigest()[:16]]


def checksum(run: Run) -> str:
    """What tells a model, and how its data are prepared, from others: of its weights, its configuration and the description of its data."""
    found = hashlib.sha256(json.dumps([config_of(run.model), run.rows_fitted()[0]], sort_keys=True, default=str).encode())
    for weight in run.model.get_weights():
        found.update(np.ascontiguousarray(weight).tobytes())
    return found.hexdigest()[:16]


class TableBulk:
    """Rows of a `TableRun`, a block at a time."""

    def __init__(self, run: TableRun):
        self.run = run
        blanks = [BLANK if column.blank else 0.0 for column in run.schema.modelled]
        example = run.schema.decode(np.array([np.zeros(len(blanks)), blanks]))  # what can be blank has the type for it in all shards
        self.schema = pa.Schema.from_pandas(example, preserve_index=False)

    def read(self, frame: pd.DataFrame) -> tuple[np.ndarray, ...]:
        """Encoded rows, and the log-probabilities of cells given their encoded values, `[N, D]` each."""
        return self.run.schema.encode(frame, blanks=False), self.run.schema.log_share(frame)

    def scores(self, parts: Sequence[Any], columns: bool) -> dict[str, np.ndarray]:
        """The nats of rows, `log_prob`, and of their cells where `columns` says so; arrays `[N]` by name."""
        x, shares = parts
        if not columns:
            return {"log_prob": training.log_probs(self.run.model, x, SCORED_AT_ONCE) + shares.sum(axis=1)}
        cells = self.run.model.column_log_prob(x) + shares
        return {"log_prob": cells.sum(axis=1)} | _named(self.run.schema.names, cells)

    def drawn(self, seeds: Any, first: int, args: Any) -> pa.Table:
        """A row for each seed; the number of the first one says whose turn values are that are given."""
        self.run.refuse(args, "arrays", "context")
        given = self.run.given(args.given or (), len(seeds), first)
        self.run.check_conditions(np.isin(self.run.schema.names, list(given))[None])
        return pa.Table.from_pandas(self.run.model.sample(len(seeds), seeds, given=given), self.schema, preserve_index=False)


class ArrayBulk:
    """Rows of an `ArrayRun`, a block at a time."""

    def __init__(self, run: ArrayRun):
        self.run = run
        self.kept = {name: value for name, value in run.description.get("reading", {}).items() if name in ("columns", "drop")}

    def read(self, block: Any) -> tuple[np.ndarray, ...]:
        """Rows x `[N, *event]` as modelled, and their contexts `[N, C]` where the model takes them."""
        columns, split = None, datasets.Split(block)
        if isinstance(block, pd.DataFrame):
            source = array_source(kept_columns(Frame(block), **self.kept), "the table", self.run.description["context"])
            columns, split = source.columns, source.splits["all"]
        return tuple(part for part in self.run.preparation.apply(split, "x", columns) if part is not None)

    def scores(self, parts: Sequence[Any], columns: bool) -> dict[str, np.ndarray]:
        """The nats of rows, `log_prob`, and of their values where `columns` says so; arrays `[N]` by name."""
        rows = datasets.Split(*parts)
        if not columns:
            return {"log_prob": training.log_probs(self.run.model, rows, SCORED_AT_ONCE)}
        cells = self.run.position_scores(rows)
        return {"log_prob": cells.sum(axis=1)} | _named(self.run.columns, cells)

    def drawn(self, seeds: Any, first: int, args: Any) -> pa.Table:
        """A row for each seed; the number of the first one says whose turn the classes are that are given."""
        run = self.run
        run.refuse(args, "tables with a head for each column", "given")
        context = run.contexts(args.context, len(seeds), first)
        x = run.own_units(in_parts(lambda seeds, context: run.model.sample(len(seeds), seeds, context), seeds, context))
        labels = zip(*run.label_cells(context, len(x)), strict=True)
        named = dict(zip(run.label_column, map(list, labels), strict=True))
        if x.ndim == 2:
            return pa.table(dict(zip(run.columns, map(np.ascontiguousarray, x.T), strict=True)) | named)
        lists = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), math.prod(x.shape[1:]))
        field = pa.field("x", lists.type, metadata={"shape": json.dumps(x.shape[1:])})
        return pa.table([lists, *map(pa.array, named.values())], pa.schema([field, *(pa.field(name, pa.string()) for name in named)]))


def bulk_of(run: Run) -> TableBulk | ArrayBulk:
    """The rows of a run, a block at a time."""
    return TableBulk(run) if isinstance(run, TableRun) else ArrayBulk(run)  # pyright: ignore[reportArgumentType]


def _named(names: Sequence[str], cells: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of cells `[N, D]` by the names of their columns in the output."""
    return {f"log_prob_{name}": values for name, values in zip(names, np.ascontiguousarray(cells.T), strict=True)}
