"""What `tfar sample` is asked to draw, and which kinds of models have what: words alone, without TensorFlow."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

ARRAYS, TABLES, TEXTS = "arrays", "tables with a head for each column", "text"  # kinds of models in words
WRITING = ("prompt", "length", "temperature", "top_k")
FOREIGN = {  # the options of `tfar sample` that are for models of another kind
    ARRAYS: {TEXTS: WRITING, TABLES: ("given",)},
    TABLES: {TEXTS: WRITING, ARRAYS: ("context",)},
    TEXTS: {ARRAYS: ("context",), TABLES: ("given",)},
}


def refuse_foreign(args: Any, folder: Path, own: str, kind: str, names: Sequence[str]) -> None:
    """Raise a ValueError where a command was given options that are for models of another kind than the `own` one of a run folder."""
    for name in names:
        if getattr(args, name) is not None:
            raise ValueError(f"--{name.replace('_', '-')} is for models of {kind}. Received: {folder}, a model of {own}")


def column_of(word: str, names: Sequence[str]) -> str:
    """The column that a word COLUMN=VALUE of `--given` is about, of those of a table; names may hold an "=" themselves.

    Raises:
        ValueError: the word is not of this form, or names no column.

    >>> column_of("sex=Female", ["age", "sex"])
    'sex'
    """
    found = [name for name in names if word.startswith(f"{name}=")]
    if not found:
        raise ValueError(f"--given must be COLUMN=VALUE, with one of the columns {', '.join(names)}. Received: --given {word}")
    return max(found, key=len)


def context_of(text: str | None, size: int | None, names: Sequence[str] | None) -> list[Any] | None:
    """What `--context` asks for: names of classes, or the numbers of a context; None of a model without one.

    Args:
        text: names or numbers with commas between them; None for all classes.
        size: numbers of the model's context, or None.
        names: its classes, or None where the context is no class.

    Raises:
        ValueError: the model takes no context, another one, or needs one to be given.

    >>> context_of("dog, cat", 2, ["cat", "dog"]), context_of("0.5,1", 2, None)
    (['dog', 'cat'], [0.5, 1.0])
    """
    if size is None:
        if text is not None:
            raise ValueError(f"--context is for a model that was trained with one. Received: --context {text}")
        return None
    if names is not None:
        wanted = list(names) if text is None else [word.strip() for word in text.split(",")]
        if unknown := sorted(set(wanted) - set(names)):
            raise ValueError(f"--context must be among the classes {', '.join(names)}. Received: --context {unknown[0]}")
        return wanted
    try:
        vector = [float(word) for word in (text or "").split(",")]
    except ValueError:
        vector = []
    if len(vector) != size:
        raise ValueError(f"--context must be {size} numbers with commas between them. Received: --context {text}")
    return vector
