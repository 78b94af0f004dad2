"""One file that holds the state of a training."""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfar.files import atomic
from tfar.reading import read_arrays, reading


class StateFile:
    """An `.npz` file of the values of variables and of one JSON value, written whole or not at all.

    Args:
        path: name of the file.

    >>> import tempfile
    >>> file, variable = StateFile(tempfile.mkdtemp() + "/state.npz"), tf.Variable([1.0, 2.0])
    >>> file.write({"model": [variable]}, {"epoch": 3})
    >>> _ = variable.assign([0.0, 0.0])
    >>> file.read()
    {'epoch': 3}
    >>> file.restore("model", [variable])
    >>> variable.numpy().tolist()
    [1.0, 2.0]
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._arrays: dict[str, np.ndarray] = {}
        self._warned = False

    def read(self) -> Any:
        """Read the file, and return its JSON value; None where there is no file.

        Raises:
            ValueError: it is not such a file, or a number in it is not finite.
        """
        if not self.path.is_file():
            return None
        expected = f"a checkpoint, an .npz file; remove {self.path} to begin again"
        with reading(self.path, expected):
            self._arrays = read_arrays(self.path, expected)
            if "state" not in self._arrays:
                raise ValueError(f"it holds {', '.join(self._arrays)}, and no state of a training")
            for name, array in self._arrays.items():
                if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
                    raise ValueError(f"the numbers of {name} are not all finite")
            state = json.loads(str(self._arrays["state"]))
            if not isinstance(state, dict):
                raise ValueError(f"its state is of type {type(state).__name__}")
        return state

    def arrays(self, kind: str) -> list[np.ndarray]:
        """The arrays of one kind that were read, in their order."""
        count = sum(name.rpartition("-")[0] == kind for name in self._arrays)
        return [self._arrays[f"{kind}-{number}"] for number in range(count)]

    def arrays_for(self, kind: str, variables: Sequence[Any]) -> list[np.ndarray]:
        """The arrays of one kind that were read, one for each variable.

        Raises:
            ValueError: the variables have other shapes.
        """
        arrays = self.arrays(kind)
        if [array.shape for array in arrays] != [tuple(variable.shape) for variable in variables]:
            raise ValueError(
                f"a checkpoint must be of the same model and optimizer. Remove {self.path} to begin again. Received: {len(arrays)} arrays "
                f"{kind}, for {len(variables)} variables, or others of their shapes"
            )
        return arrays

    def restore(self, kind: str, variables: Sequence[Any]) -> None:
        """Set variables to the arrays of one kind that were read.

        Raises:
            ValueError: the variables have other shapes.
        """
        for variable, array in zip(variables, self.arrays_for(kind, variables), strict=True):
            variable.assign(tf.cast(array, variable.dtype))

    def release(self) -> None:
        """Forget what was read."""
        self._arrays = {}

    def write(self, variables: dict[str, Sequence[Any]], state: Any) -> None:
        """Write variables or arrays by their kind, and a JSON value. A file that cannot be written is a warning, once."""
        arrays = {f"{kind}-{number}": _stored(value) for kind, values in variables.items() for number, value in enumerate(values)}
        arrays["state"] = np.array(json.dumps(state, default=plain))
        try:
            with atomic(self.path, overwrite=True) as temporary, open(temporary, "wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
        except OSError as error:
            if not self._warned:
                warnings.warn(f"the checkpoint cannot be written; training goes on without it: {error}", RuntimeWarning, stacklevel=2)
            self._warned = True


def _stored(value: Any) -> np.ndarray:
    """The values of a variable or an array as NumPy's files know them: bfloat16 as float32."""
    value = tf.convert_to_tensor(value)
    return (tf.cast(value, tf.float32) if value.dtype == tf.bfloat16 else value).numpy()


def plain(value: Any) -> Any:
    """A value that JSON does not know as one that it does: NumPy's numbers as Python's, others in words."""
    return value.item() if isinstance(value, np.generic) else float(value) if isinstance(value, tf.Tensor) else repr(value)
