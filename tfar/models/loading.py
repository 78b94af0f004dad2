"""Reading saved models."""

from pathlib import Path

import keras

from tfar.models.autoregressive import AutoregressiveModel


def load_model(path: str | Path, compile: bool = False) -> AutoregressiveModel:
    """Read a tfar model from its `.keras` file.

    Args:
        path: the file.
        compile: whether to compile the model as it was compiled when it was saved, to train it further.

    Returns:
        The model; a `tfar.CharacterModel` where it is one of text.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds a model of another kind.

    >>> import tempfile, tfar
    >>> path = tempfile.mkdtemp() + "/made.keras"
    >>> tfar.MADE([4], hidden_units=[8]).save(path)
    >>> load_model(path).event_shape
    (4,)
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no such file. Received: {path}")
    model = keras.saving.load_model(path, compile=compile)
    if not isinstance(model, AutoregressiveModel):
        raise ValueError(f"the file must hold a tfar model. Received: {path}, which holds a {type(model).__name__}")
    return model
