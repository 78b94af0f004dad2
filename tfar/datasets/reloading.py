"""Data as they were described: in memory, or streamed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfar.datasets import dataset


def load_config(config: Mapping[str, Any], source: Any = None, data_dir: str | Path | None = None, **options: Any) -> Any:
    """Load the data that a `to_config` describes again, with its statistics, and check that it is the same.

    Args:
        config: the dict.
        source, data_dir: where the data are now, if they have moved.
        **options: of data in memory, see `tfar.datasets.dataset.load_config`: `download` and `test`.

    Returns:
        What was described: a `Dataset` or `TableSet`, equal up to the order of rows, or a `StreamedDataset` or `StreamedTable`.

    Raises:
        ValueError: the data do not exist any more, or have changed.
    """
    if isinstance(config, Mapping) and "stream" in config:
        from tfar.datasets.streams.loading import load_stream_config  # imports pandas

        return load_stream_config(config, source)
    return dataset.load_config(config, source, data_dir, **options)
