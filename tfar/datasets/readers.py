"""The registry of readers: every kind of data source, and how it is recognised and read.

To add a reader, write a function in a file of its own that returns a `Source`, and add a line to `READERS`. Texts have readers of their
own, in `tfar.datasets.text_sources`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfar.datasets import catalogue, digits, images
from tfar.datasets.arrays import read_npy, read_npz
from tfar.datasets.source import READABLE, Source, readable_file
from tfar.suggesting import did_you_mean


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """What a reader may be asked for beside the source; a reader uses the options that apply to it. See `read_source`."""

    context: str | None = None
    allow_blanks: bool = False
    data_dir: str | Path | None = None
    download: bool | None = None
    manual_dir: str | Path | None = None
    size: int | None = None
    gray: bool = False
    channels_first: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Reader:
    """How one kind of source is recognised, by its name alone, and read.

    Attributes:
        help: what the user gives, in a few words.
        read: takes the source and `ReadOptions`, and returns a `Source`.
        names: the sources that it reads, by name: embedded data sets.
        endings: the endings of the files that it reads, in lower case and with the dot.
        pattern: a regular expression of the names of data sets in the data_dir.
        holds: tells whether a source is a folder or a pattern of files that it reads; None for a reader of single files.
        files: the files of a source, for a reader of files; raises a ValueError where there are none.
        takes: options of `ReadOptions` that it alone, or with few others, has.
    """

    help: str
    read: Callable[[str, ReadOptions], Source]
    names: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    holds: Callable[[str], bool] | None = None
    files: Callable[[str], Any] = readable_file
    takes: tuple[str, ...] = ()

    @property
    def needs_tensorflow(self) -> bool:
        """Whether it reads by TensorFlow."""
        return self.in_data_dir or self.holds is not None

    @property
    def in_data_dir(self) -> bool:
        """Whether it reads data sets in the data_dir, by TFDS and with it TensorFlow."""
        return self.pattern is not None

    @property
    def of_tables(self) -> bool:
        """Whether it reads tables, by pandas."""
        return self.endings == READABLE

    def recognises(self, source: str) -> bool:
        """Whether the source is one that it reads. A file with another ending is not the name of a data set."""
        if source in self.names or Path(source).name.lower().endswith(self.endings):
            return True
        if self.holds is not None and self.holds(source):
            return True
        return self.pattern is not None and bool(self.pattern.fullmatch(source)) and not Path(source).is_file()


def _read_table(path: str, options: ReadOptions) -> Source:
    from tfar.datasets.tables import read_table_file  # imports pandas

    return read_table_file(path, options.context, options.allow_blanks)


READERS: tuple[Reader, ...] = (  # in this order: the first that recognises a source reads it
    Reader(help="digits", read=lambda source, o: digits.read_digits(o.context), names=(digits.NAME,)),
    Reader(
        help="a .npz file", read=lambda path, o: read_npz(path, o.context, o.channels_first), endings=(".npz",), takes=("channels_first",)
    ),
    Reader(
        help="a .npy file", read=lambda path, o: read_npy(path, o.context, o.channels_first), endings=(".npy",), takes=("channels_first",)
    ),
    Reader(help="a .csv or .parquet file", read=_read_table, endings=READABLE),
    Reader(
        help="a folder or pattern of .png or .jpg files",
        read=lambda source, o: images.read_images(source, o.context, o.size, o.gray),
        endings=images.ENDINGS,
        holds=images.holds_images,
        files=images.image_files,
        takes=("size", "gray"),
    ),
    Reader(
        help="a TFDS name",
        read=lambda name, o: catalogue.read_tfds(name, o.data_dir, o.context, o.download, o.manual_dir),
        pattern=catalogue.NAME,
    ),
)
NAMES = tuple(name for reader in READERS for name in reader.names)
ENDINGS = tuple(ending for reader in READERS for ending in reader.endings)
HELP = ", ".join(reader.help for reader in READERS)


def is_file_name(source: str | Path) -> bool:
    """Whether a data source names a file rather than a data set: it has an ending that a reader knows.

    >>> is_file_name("mine.csv"), is_file_name("mnist:3.0.1")
    (True, False)
    """
    return Path(source).name.lower().endswith(ENDINGS)


def is_local(source: str | Path) -> bool:
    """Whether a data source is a file, or a folder or pattern of files, rather than the name of a data set."""
    return is_file_name(source) or any(reader.holds is not None and reader.holds(str(source)) for reader in READERS)


def check_options(source: str | Path, options: Mapping[str, Any]) -> None:
    """Refuse options, by name, that the reader of a source does not take.

    Raises:
        ValueError: there are some.

    >>> check_options("digits", {"size": 32})
    Traceback (most recent call last):
    ...
    ValueError: size (--size) is for a folder or pattern of .png or .jpg files. Received: digits
    """
    refused = sorted(set(options) - set(reader_of(source).takes))
    if refused:
        kinds = " or ".join(reader.help for reader in READERS if refused[0] in reader.takes)
        raise ValueError(f"{refused[0]} (--{refused[0].replace('_', '-')}) is for {kinds}. Received: {source}")


def reader_of(source: str | Path, data_dir: str | Path | None = None) -> Reader:
    """The reader of a source; `data_dir` as for `load`.

    Raises:
        ValueError: no reader recognises the source.
    """
    source = str(source)
    several = images.is_several(source)
    for reader in READERS:
        of_one_file = reader.endings and reader.holds is None
        if reader.recognises(source) and not (several and of_one_file):
            return reader
    if several:
        raise _no_images(source)
    if Path(source).is_file():
        raise ValueError(f"The ending of a data file must be one of {', '.join(ENDINGS)}. Received: {source}")
    raise _with_choices(catalogue.unknown_name(source), data_dir)


def check_source(source: str | Path, data_dir: str | Path | None = None) -> None:
    """Refuse a data source that cannot be read, at once: its data are not read, and TensorFlow is not imported.

    A source that passes may still be refused by `load`: the content of a file is not looked at, and TFDS is not asked for a name.

    Args:
        source, data_dir: as for `load`.

    Raises:
        ValueError: as `load` does. The file does not exist or cannot be opened; no reader knows its ending; the source is neither a file
            nor of the form of a TFDS name; or the data_dir is not a folder.

    >>> check_source("digits")
    >>> check_source("missing.csv")
    Traceback (most recent call last):
    ...
    ValueError: There is no such file. Received: missing.csv
    """
    reader = reader_of(source, data_dir)
    if reader.endings:
        reader.files(str(source))
    if reader.in_data_dir:
        catalogue.resolve_data_dir(data_dir)


def check_prepared(name: str, data_dir: str | Path | None = None) -> None:
    """Refuse the name of a TFDS data set that is not prepared in a given data_dir, at once; TFDS is not asked.

    Args:
        name: of the form of a TFDS name; other sources pass.
        data_dir: as for `load`. Where there is none, TFDS may download the data set, and any name passes.

    Raises:
        ValueError: nothing of this name is prepared there.

    >>> check_prepared("digits")
    """
    folder = catalogue.resolve_data_dir(data_dir)
    if folder is None or not reader_of(name, data_dir).in_data_dir or catalogue.is_prepared(name, folder):
        return
    raise _with_choices(catalogue.Unavailable(f"The data set is not prepared in {folder}, where nothing is downloaded", name), data_dir)


def check_test(source: Any, test: Any) -> None:
    """Refuse test rows of another file than the data's, at once, as `check_source` does.

    Args:
        source: the data: a name, a path, or an object.
        test: where their test rows are: a path, or an object.

    Raises:
        ValueError: the data are a data set known by a name, which has test rows of its own; or `test` is not a file that can be opened.

    >>> check_test("digits", "mine.csv")
    Traceback (most recent call last):
    ...
    ValueError: Test rows of another file are for data of a file. Received: digits, and test rows mine.csv
    """
    if isinstance(source, str | Path) and not is_local(source):
        raise ValueError(f"Test rows of another file are for data of a file. Received: {source}, and test rows {test}")
    if isinstance(test, str | Path):
        if not is_local(test):
            raise ValueError(f"Test rows must be in a file whose ending is one of {', '.join(ENDINGS)}. Received: {test}")
        reader_of(test).files(str(test))


def read_source(
    source: str | Path,
    data_dir: str | Path | None = None,
    *,
    context: str | None = None,
    allow_blanks: bool = False,
    download: bool | None = None,
    **options: Any,
) -> Source:
    """Read a data source as it is, in its own units; `prepare` takes the result, so that a source need not be read twice.

    Args:
        source, data_dir, context, download: as for `load`.
        allow_blanks: whether blank cells of a table are read as NaN.
        **options: `manual_dir`, `size`, `gray` and `channels_first`, as for `load`.

    Returns:
        A `Source`.

    Raises:
        ValueError: the source cannot be read.

    >>> read_source("digits").splits["test"].x.shape
    (250, 8, 8, 1)
    """
    asked = ReadOptions(context=context, allow_blanks=allow_blanks, data_dir=data_dir, download=download, **options)
    try:
        return reader_of(source, data_dir).read(str(source), asked)
    except catalogue.Unavailable as error:
        raise _with_choices(error, data_dir) from error.__cause__


def available(data_dir: str | Path | None = None) -> list[str]:
    """Names that `load` finds without a download: the embedded data sets, and those prepared in the data_dir.

    Args:
        data_dir: a TFDS data_dir; None for TFDS_DATA_DIR, and then for TFDS's own default.

    Returns:
        A list of names, such as `["digits", "mnist", "wine_quality/red"]`.

    >>> available()[0]
    'digits'
    """
    return [*NAMES, *catalogue.prepared(data_dir)]


def _no_images(source: str) -> ValueError:
    return ValueError(
        f"A folder or a pattern must hold images ({', '.join(images.ENDINGS)}); other rows in several files are streamed (--stream). "
        f"Received: {source}"
    )


def _with_choices(error: catalogue.Unavailable, data_dir: str | Path | None) -> ValueError:
    """An error about a name that cannot be read, with what can be, and what may have been meant."""
    if images.is_several(error.name):
        return _no_images(error.name)
    names = available(data_dir)
    meant = did_you_mean(error.name, [*names, *catalogue.listed()])
    files = "" if meant else f"; or give the path of a file ({', '.join(ENDINGS)})"
    return ValueError(f"{error.reason}.{meant} Found without a download: {', '.join(names)}{files}. Received: {error.name!r}")
