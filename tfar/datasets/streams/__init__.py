"""Rows that need not fit in memory: sharded Parquet, delimited text, TFRecord and `.npy`, read a block at a time; see `stream`."""
