"""Reading image files: one, a folder or a pattern of PNG and JPEG files.

TensorFlow decodes them, which every installation has; it is imported when the first file is read. Orientation tags of cameras (EXIF) are
ignored.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tfar.datasets.source import SPLIT_WORDS, Source, Split, readable_file
from tfar.reading import reading

ENDINGS = (".png", ".jpg", ".jpeg")
LUMA = np.array([0.299, 0.587, 0.114])  # of red, green and blue: ITU-R BT.601, as in Pillow and TensorFlow


def holds_images(source: str | Path) -> bool:
    """Whether a source is a folder or a pattern in which there are images."""
    return is_several(source) and any(True for _ in _found(Path(source).expanduser()))


def is_several(source: str | Path) -> bool:
    """Whether a source names a folder or a pattern of files."""
    path = Path(source).expanduser()
    return bool(str(source)) and (path.is_dir() or (glob.has_magic(str(source)) and not path.exists()))


def image_files(source: str | Path) -> list[Path]:
    """The image files that a source names, sorted; hidden ones are left out.

    Args:
        source: a file, a folder, all below which is searched, or a pattern ("faces/**/*.png" includes the folders in it).

    Raises:
        ValueError: there is no such file or folder, or no image in it.
    """
    path = Path(source).expanduser()
    if not is_several(path):
        return [readable_file(path)]
    files = sorted(_found(path))
    if not files:
        raise ValueError(f"There must be images ({', '.join(ENDINGS)}) in the folder or pattern. Received: {source}")
    return files


def _found(path: Path) -> Iterator[Path]:
    """The images in a folder and the folders in it, or those that match a pattern."""
    if path.is_dir():
        for folder, folders, names in os.walk(path):
            folders[:] = [name for name in folders if not name.startswith(".")]
            yield from (Path(folder, name) for name in names if name.lower().endswith(ENDINGS) and not name.startswith("."))
    else:
        yield from (Path(name) for name in glob.iglob(str(path), recursive=True) if name.lower().endswith(ENDINGS))


def read_images(source: str | Path, context: str | None = None, size: int | None = None, gray: bool = False) -> Source:
    """Read image files as uint8 `[N, H, W, C]`: grey with C = 1, or colours with C = 3. Transparency is left out.

    Images below folders named `train` and `test`, with or without `val`, `valid` or `validation`, belong to these splits; others are
    undivided.

    Args:
        source: see `image_files`.
        context: None, or "label" for the name of the folder in which an image is.
        size: side of the images in pixels: their central square is cut out and resized. None keeps them as they are.
        gray: whether to convert colours to grey. Grey images among coloured ones become coloured without it.

    Returns:
        A `Source`.

    Raises:
        ValueError: there are no images; one cannot be decoded; or they differ in size without `size`.
    """
    if context not in (None, "label"):
        raise ValueError(f'The context of image files is "label", the name of their folder. Received: context={context!r}')
    groups = _splits(Path(source).expanduser(), image_files(source))
    images = _images([path for paths in groups.values() for path in paths], size, gray)
    channels = max(image.shape[2] for image in images.values())

    def split(paths: list[Path]) -> Split:
        x = np.stack([np.broadcast_to(images[path], (*images[path].shape[:2], channels)) for path in paths])
        return Split(x, np.array([path.parent.name for path in paths]) if context else None)

    return Source({name: split(paths) for name, paths in groups.items()})


def _splits(root: Path, paths: list[Path]) -> dict[str, list[Path]]:
    """The paths by the split that the first folder below the root names, where it names one for all of them; else as "all"."""
    if root.is_dir():
        names = [SPLIT_WORDS.get(path.relative_to(root).parts[0]) for path in paths]
        if None not in names and "train" in names:
            groups: dict[str, list[Path]] = {}
            for name, path in zip(names, paths, strict=True):
                groups.setdefault(str(name), []).append(path)
            return groups
    return {"all": paths}


def _images(paths: list[Path], size: int | None, gray: bool) -> dict[Path, np.ndarray]:
    """The images of some files, all of one height and width."""
    images: dict[Path, np.ndarray] = {}
    for path in paths:
        images[path] = _image(path, size, gray)
        shapes = [(name, *images[name].shape[:2]) for name in (paths[0], path)]
        if shapes[0][1:] != shapes[1][1:]:
            shown = " and ".join(f"{name}, {height} x {width}" for name, height, width in shapes)
            raise ValueError(
                "Images must have one height and width; size=32 (--size 32) resizes their central square to 32 x 32 pixels. "
                f"Received: {shown}"
            )
    return images


def _image(path: Path, size: int | None, gray: bool) -> np.ndarray:
    """A decoded image, uint8 `[H, W, 1]` or `[H, W, 3]`."""
    import tensorflow as tf

    with reading(path, "a PNG or JPEG image"):
        try:
            image = tf.io.decode_image(path.read_bytes(), expand_animations=False)
        except tf.errors.InvalidArgumentError:  # whose message is of TensorFlow's graph
            raise ValueError("it cannot be decoded") from None
        if size is not None:
            height, width, _ = image.shape
            side = min(height, width)
            square = tf.image.crop_to_bounding_box(image, (height - side) // 2, (width - side) // 2, side, side)
            image = tf.image.resize(square, (size, size), antialias=True)
        values = np.asarray(image)
    values = values[..., :3] if values.shape[-1] >= 3 else values[..., :1]
    if gray and values.shape[-1] == 3:
        values = values @ LUMA[:, None]
    return np.rint(values).astype(np.uint8)
