"""Reading saved models."""

import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from tfar.models.autoregressive import AutoregressiveModel
from tfar.models.exported import load_exported
from tfar.reading import check_members, check_size, reading

WEIGHTS = "model.weights.h5"


def load_model(path: str | Path, compile: bool = False) -> AutoregressiveModel:
    """Read a tfar model from its `.keras` file, or from a folder that `tfar export` wrote, such as those of `saved_models`.

    Args:
        path: the file, or the folder, whose newest version has the weights.
        compile: whether to compile the model as it was compiled when it was saved, with the optimizer's state, to train it further. A
            folder holds no optimizer.

    Returns:
        The model; a `tfar.CharacterModel` where it is one of text. Layers that were frozen are frozen.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: it is not a whole `.keras` file, declares sizes that it does not hold, or holds a model of another kind, or weights
            that are not finite.

    >>> import tempfile, tfar
    >>> path = tempfile.mkdtemp() + "/made.keras"
    >>> tfar.MADE([4], hidden_units=[8]).save(path)
    >>> load_model(path).event_shape
    (4,)
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no such file. Received: {path}")
    with reading(path, "a .keras file of a tfar model"):
        if path.is_dir():
            model: Any = load_exported(path)
        else:
            _check_archive(path)
            model = _load(path, compile)
    if not isinstance(model, AutoregressiveModel):
        raise ValueError(f"the file must hold a tfar model. Received: {path}, which holds a {type(model).__name__}")
    for weight in model.weights:
        if "float" in weight.dtype and not np.isfinite(np.asarray(weight)).all():
            raise ValueError(f"the weights of a model must be finite. Received: {path}, with others in {weight.path}")
    return model


def _load(path: Path, compile: bool) -> Any:
    """`keras.saving.load_model`, whose errors show whole configurations before what is wrong with them."""
    try:
        return keras.saving.load_model(path, compile=compile)
    except (TypeError, ValueError) as error:
        raise ValueError(str(error).rpartition("Exception encountered: ")[2]) from error


def _check_archive(path: Path) -> None:
    """Check the sizes that a `.keras` file declares, before memory is taken for them, and that its weights lie in it.

    Keras 3.12.2 checks neither the members of the archive nor the arrays of the weights.

    Raises:
        ValueError: a member or an array declares more than the file holds, or an array lies in another file.
    """
    with zipfile.ZipFile(path) as archive:
        check_members(archive)
        with archive.open(WEIGHTS) as member, h5py.File(member, "r") as weights:
            found: dict[str, Any] = {}
            weights.visititems_links(found.__setitem__)  # an exception in a function that HDF5 calls is lost
            for name, link in found.items():
                if isinstance(link, h5py.ExternalLink):
                    raise ValueError(f"the weights {name} are a link to {link.filename}")
                _check_dataset(name, weights.get(name))


def _check_dataset(name: str, item: Any) -> None:
    if isinstance(item, h5py.Dataset):
        if item.external or item.is_virtual:
            raise ValueError(f"the weights {name} lie in another file")
        check_size(item.size * item.dtype.itemsize, item.id.get_storage_size(), f"the weights {name}")
