"""Shards that are `.npy` files, read by memory maps: a part is a run of rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tfar.datasets.streams.shards import BLOCK_BYTES, OtherColumns


class ArrayReader:
    """Reads `.npy` shards `[N, *event]`, all of one event shape. `[N, H, W]` are images of one channel, `[N, H, W, 1]`."""

    expected = "a .npy file of an array [N, *event] of numbers"
    label_names = columns = None

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._event: tuple[int, ...] | None = None

    def parts(self, path: Path) -> list[int]:
        """See `tfar.datasets.streams.shards.Reader`."""
        array = self._map(path)
        self._event = array.shape[1:] if self._event is None else self._event
        if array.shape[1:] != self._event:
            raise OtherColumns(f"shards must have the event shape {self._event}. Received: {array.shape[1:]} in {path}")
        rows = self._rows(array)
        return [min(rows, len(array) - start) for start in range(0, len(array), rows)]

    def blocks(self, path: Path, part: int) -> Iterator[np.ndarray]:
        """See `tfar.datasets.streams.shards.Reader`."""
        array = self._map(path)
        rows = self._rows(array)
        block = np.array(array[part * rows : (part + 1) * rows])
        yield block[..., None] if block.ndim == 3 else block

    @staticmethod
    def _map(path: Path) -> np.ndarray:
        """The mapped array. It is mapped anew for each block, so that pages that were read are given back."""
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(array, np.ndarray) or array.ndim < 2 or 0 in array.shape[1:] or array.dtype.kind not in "biuf":
            raise ValueError(f"shape {getattr(array, 'shape', None)}, dtype {getattr(array, 'dtype', None)}")
        return array

    @staticmethod
    def _rows(array: np.ndarray) -> int:
        """Rows of a part."""
        return max(1, BLOCK_BYTES // (8 * int(np.prod(array.shape[1:]))))
