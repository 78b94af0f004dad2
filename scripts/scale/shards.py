"""Parquet shards of random rows, which the benchmarks read."""

import os

SHARD_ROWS, GROUP_ROWS = 100_000, 10_000


def write_shards(folder, rows, columns, kind="binary", numbered=False):
    """Write rows of correlated columns: sums of 8 common normal numbers and one of each column's own, or the signs of the sums.

    Shards that exist are kept. A full shard depends on its number alone.

    Args:
        folder: where they are written.
        rows: number of rows, in shards of `SHARD_ROWS`.
        columns: number of columns x0, x1, ...
        kind: "binary" for the signs, int8; "real" for the sums, float32.
        numbered: whether a column `row` comes first, from 1.
    """
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    folder.mkdir(parents=True, exist_ok=True)
    mixing = np.random.default_rng(0).normal(size=[8, columns]).astype(np.float32)
    for number in range(-(-rows // SHARD_ROWS)):
        path = folder / f"part-{number:05d}.parquet"
        if path.exists():
            continue
        generator = np.random.default_rng([1, number])
        count = min(SHARD_ROWS, rows - number * SHARD_ROWS)
        x = np.concatenate([_sums(generator, min(GROUP_ROWS, count - start), mixing) for start in range(0, count, GROUP_ROWS)])
        x = (x > 0).astype(np.int8) if kind == "binary" else x
        first = number * SHARD_ROWS + 1
        numbers = {"row": np.arange(first, first + count)} if numbered else {}
        table = pa.table({**numbers, **{f"x{i}": x[:, i] for i in range(columns)}})
        parquet.write_table(table, path.with_suffix(".partial"), row_group_size=GROUP_ROWS)
        os.replace(path.with_suffix(".partial"), path)


def _sums(generator, count, mixing):
    """Sums `[count, D]` of common numbers, mixed by `mixing [8, D]`, and numbers of each column's own."""
    import numpy as np

    common, own = (generator.normal(size=[count, size]).astype(np.float32) for size in mixing.shape)
    return common @ mixing + own
