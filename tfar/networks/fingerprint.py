"""What determines a density besides the weights: written beside them into weights files, and compared when they are read."""

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from tfar.orders import as_order

if TYPE_CHECKING:
    Layer = keras.layers.Layer
else:
    Layer = object  # a mixin before Keras' class

ENTRY = "density_settings"  # in the store of an object, beside its variables, whose names are numbers
LONGEST = 200  # characters of a value that is stored as it is; of a longer one its hash
OF_INSTANCES = ("name", "dtype", "trainable", "build_config")  # in the configuration of a Keras object: they do not change its function


@dataclass(frozen=True)
class Resolved:
    """A setting that is compared by the integer arrays that follow from it, and shown as it was given.

    >>> reversed_order, permutation = Resolved([np.array([2, 1, 0])], "reversed"), Resolved([np.array([2, 1, 0])], "[2, 1, 0]")
    >>> stored(reversed_order)["sha256"] == stored(permutation)["sha256"]
    True
    """

    arrays: Sequence[np.ndarray]
    given: str


class Fingerprinted(Layer):
    """A Keras layer or model whose weights are refused by another with other settings.

    Two networks of the same shapes take the same weights, and are different densities if their orders, masks or activations differ.
    Weights files therefore hold `density_settings()`, a few hundred bytes, and loading compares them.
    """

    warns: bool = True  # of files that hold no settings

    def density_settings(self) -> dict[str, Any]:
        """Return what determines the density besides the weights, by name.

        A value is what JSON holds, a configuration of Keras, or `Resolved`. Weights files store the values, or the hashes of long ones.
        """
        raise NotImplementedError

    def default_settings(self) -> dict[str, Any]:
        """Return the values that settings had before they existed, by name: those of files that do not know them."""
        return {}

    def save_own_variables(self, store: Any) -> None:
        """Write the variables, and beside them what else determines the density."""
        super().save_own_variables(store)
        text = json.dumps({name: stored(value) for name, value in self.density_settings().items()})
        store[ENTRY] = np.frombuffer(text.encode(), np.uint8)

    def load_own_variables(self, store: Any) -> None:
        """Read the variables.

        Raises:
            ValueError: they are of an object with other settings, or of other shapes.

        Warns:
            UserWarning: a weights file does not hold the settings, as those of version 0.1.
        """
        # Keras retries what is refused under other paths that lead to it, where a file holds nothing.
        refusals = getattr(store, "__dict__", {}).setdefault("refusals", {})
        if id(self) in refusals:
            raise refusals[id(self)]
        if ENTRY in set(store.keys()):  # of all shards, where `in` looks at one
            saved = json.loads(np.asarray(store[ENTRY]).tobytes())
            if changed := differences(saved, self.density_settings(), self.default_settings()):
                refusals[id(self)] = ValueError(
                    "the weights must be of the same settings, or the density is another (`set_weights` does not compare). "
                    f"Received: {'; '.join(changed)}"
                )
                raise refusals[id(self)]
        elif self.warns and (path := weights_file(store)):
            warnings.warn(
                f"{path} holds no settings of {self.name!r}, as files of version 0.1, so that they could not be compared. Check that the "
                "order, the seed and all others are those of the model that was saved, and save the weights again.",
                UserWarning,
                stacklevel=2,
            )
        super().load_own_variables(Variables(store))


class Variables(Mapping[str, Any]):
    """The store of an object without its settings."""

    def __init__(self, store: Any):
        self._store = store

    def __getitem__(self, key: str) -> Any:
        return self._store[key]

    def __iter__(self) -> Iterator[str]:
        return iter(set(self._store.keys()) - {ENTRY})

    def __len__(self) -> int:
        return sum(1 for _ in self)


def weights_file(store: Any) -> Path | None:
    """Return the path of a weights file that Keras reads; None for a `.keras` file, which holds the configuration of its model."""
    path = getattr(store, "path", getattr(store, "path_or_io", None))  # of several files, of one
    return path if isinstance(path, Path) and store.archive is None else None


def stored(value: Any) -> Any:
    """Return a setting as it is stored: JSON whose size does not grow with the setting.

    >>> stored((4, 8)), stored(Resolved([np.arange(3)], "natural"))
    ([4, 8], {'given': 'natural', 'sha256': '1496b8f246477961'})
    """
    if isinstance(value, Resolved):
        return _hashed(value.given, *(part for array in value.arrays for part in (repr(array.shape), np.asarray(array, "<i8").tobytes())))
    plain = _plain(value)
    text = json.dumps(plain, sort_keys=True)
    return plain if len(text) <= LONGEST else _hashed(text, text)


def shown_order(order: np.ndarray) -> str:
    """Return an order as messages show it.

    >>> shown_order(np.array([2, 1, 0])), shown_order(np.array([1, 0, 2]))
    ('reversed', '[1, 0, 2]')
    """
    names = {name: as_order(name, len(order)) for name in ("natural", "reversed")}
    return next((name for name, named in names.items() if np.array_equal(named, order)), str(order.tolist()))


def differences(saved: dict[str, Any], own: dict[str, Any], defaults: dict[str, Any]) -> list[str]:
    """Return a line for each setting that differs.

    Args:
        saved: settings as they are stored.
        own: settings of the object that reads them. Those that the file does not hold are compared with `defaults`, or not at all.
        defaults: values that settings had before files held them.

    >>> differences({"order": stored(Resolved([np.array([0, 1])], "natural"))}, {"order": Resolved([np.array([1, 0])], "reversed")}, {})
    ['order was natural, is reversed']
    """
    before = {**{name: stored(value) for name, value in defaults.items()}, **saved}
    pairs = [(name, before[name], stored(value)) for name, value in own.items() if name in before]
    changed = [(name, was, now) for name, was, now in pairs if _compared(was) != _compared(now)]
    # What follows from several settings may differ by another than its own, which is then among them.
    told = [f"{name} was {_shown(was)}, is {_shown(now)}" for name, was, now in changed if _shown(was) != _shown(now)]
    return told or [f"{name}={_shown(now)} stands for other values" for name, _, now in changed]


def _plain(value: Any) -> Any:
    """A value as JSON. Of Keras' objects the class and the settings count; functions that are not registered are not told apart."""
    if isinstance(value, dict):
        if value.get("class_name") == "__lambda__" or value.keys() == {"value"}:  # `keras.activations.serialize` gives the latter
            return "a function"
        return {str(key): _plain(item) for key, item in value.items() if key not in OF_INSTANCES}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return type(value).__name__


def _hashed(given: str, *parts: str | bytes) -> dict[str, str]:
    """The stored form of a long value: how it is shown, shortened, and a hash."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
    sha256 = digest.hexdigest()[:16]
    return {"given": given if len(given) <= LONGEST else f"{given[:40]}... (sha256 {sha256})", "sha256": sha256}


def _is_hashed(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.keys() == {"given", "sha256"}


def _compared(entry: Any) -> Any:
    return entry["sha256"] if _is_hashed(entry) else entry


def _shown(entry: Any) -> str:
    return entry["given"] if _is_hashed(entry) else repr(entry)
