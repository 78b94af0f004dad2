"""Where texts are read from: files, folders, patterns, archives, and TFDS."""

from __future__ import annotations

import bz2
import codecs
import fnmatch
import functools
import glob
import gzip
import lzma
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from tfar.datasets.catalogue import NAME, prepared_builder, read_split, resolve_data_dir, unknown_name
from tfar.datasets.source import SPLIT_WORDS, SPLITS
from tfar.reading import check_size, read_limited, reading

OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")

Piece = tuple[str, bytes]  # the file, member or data set that it was read from, and its content


def read_text(source: str | Path, data_dir: str | Path | None = None, binary: bool = False, download: bool | None = None) -> Piece:
    """Read a text as it is: no character is changed or left out, but for the byte order mark (BOM) that some editors begin a file with.

    A file with the mark of UTF-16, as some editors of Windows write, is decoded by it.

    A source is one of

    - a file, which may be compressed: .gz, .xz, .bz2;
    - a folder: all files in it and in its folders, in the order of their names. Hidden files are left out. A file that is not text is
      refused rather than left out; use a pattern to choose files. So is a link that leads out of the folder;
    - a pattern of files, "folder/*.tex" ("folder/**/*.tex" includes the folders in it);
    - a tar archive: .tar, .tar.gz, .tar.xz, .tar.bz2. It is read as a folder. What follows its name is a pattern of its members, in
      which * also stands for /: "archive.tar.xz/*.tex". Links in it are left out;
    - a TFDS name with a feature "text", "tiny_shakespeare": train, validation and test joined again. A file of that name comes first.

    Files are joined by a newline where one does not end in it. So are the records of a TFDS data set, unless each split is a single
    record.

    Args:
        source: see above.
        data_dir: TFDS's folder of prepared data sets; None for the environment's TFDS_DATA_DIR, then for TFDS's default.
        binary: True accepts files that are not UTF-8 text or have NUL bytes.
        download: whether TFDS may download a data set that is not prepared; None: only without a data_dir.

    Returns:
        `(name, bytes)`: a short name, and the text in UTF-8.

    Raises:
        ValueError: nothing is found; the text is empty; a file cannot be unpacked, is far larger unpacked than packed, or is not text; or
            a link leads out of the folder.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "a.txt").write_text("one")
    ...     _ = pathlib.Path(folder, "b.txt").write_text("two")
    ...     read_text(folder + "/*.txt")[1]
    b'one\\ntwo'
    """
    source = str(source)
    if is_local(source):
        name, separator = short_name(source), b"\n"
        pieces = [piece for path, pattern in _paths(source) for piece in _pieces(path, pattern)]
        if not pieces:
            raise _no_files(source)
    else:
        name = source
        pieces, separator = _records(source, data_dir, download)
    if not binary:
        pieces = [(where, _plain(where, data)) for where, data in pieces]
    text = _joined([data for _, data in pieces if data], separator)
    if not text:
        raise ValueError(f"The text is empty. Received: {source}")
    return name, text


def check_text_source(source: str | Path, data_dir: str | Path | None = None) -> None:
    """Refuse a text source that cannot be read, at once: files are opened but not read, and TensorFlow is not imported.

    A source that passes may still be refused by `read_text`: the content of files is not looked at, and TFDS is not asked for a name.

    Args:
        source, data_dir: as for `read_text`.

    Raises:
        ValueError: as `read_text` does. There are no files; one cannot be opened, or its beginning is not that of its format; the source
            is neither a file nor of the form of a TFDS name; or the data_dir is not a folder.

    >>> check_text_source("missing.txt")
    Traceback (most recent call last):
    ...
    ValueError: A text must be a file, a folder, a pattern of files, a tar archive or a TFDS name ... Received: 'missing.txt'
    """
    source = str(source)
    if not is_local(source):
        resolve_data_dir(data_dir)
        if not NAME.fullmatch(source):
            raise _not_a_text(source, unknown_name(source))
        return
    paths = _paths(source)
    if not paths:
        raise _no_files(source)
    for path, _ in paths:
        _check_opens(path)


def text_files(source: str | Path) -> list[tuple[Path, Callable[[], Any]]]:
    """The files of a text that is read by parts: their paths, each with a function that opens it.

    Raises:
        ValueError: there are no files; or the source is an archive or a TFDS name, whose parts do not stand in a row.
    """
    local = is_local(str(source))
    paths = [path for path, _ in _paths(str(source))] if local else []
    if not local or any(is_archive(path.name) for path in paths):
        raise ValueError(f"a text that is read by parts must be a file, a folder or a pattern of files. Received: {source}")
    if not paths:
        raise _no_files(str(source))
    return [(path, functools.partial(_open, path)) for path in paths]


def is_archive(name: str) -> bool:
    """Whether a name is one of a tar archive."""
    return name.lower().endswith(TAR_ENDINGS)


def is_pattern(text: str) -> bool:
    """Whether a path, or a part of one, is a pattern of several."""
    return bool(set(text) & set("*?["))


def is_local(source: str) -> bool:
    """Whether a source is a file, a folder, a pattern of files or an archive, and not a TFDS name."""
    path = Path(source).expanduser()
    return bool(path.exists() or is_pattern(source) or _archive(path))


def _archive(path: Path) -> Path | None:
    """The tar archive that a path names or leads into, or None."""
    return next((p for p in (path, *path.parents) if is_archive(p.name) and p.is_file()), None)


def short_name(source: str | Path) -> str:
    """What a text of files is called."""
    path = Path(source).expanduser()
    return Path(os.path.abspath(path)).name if path.exists() else str(source)


def _paths(source: str) -> list[tuple[Path, str]]:
    """The files that a local source names, each with the pattern of the wanted members where it is an archive."""
    path = Path(source).expanduser()
    archive = _archive(path)
    if archive:
        return [(archive, path.relative_to(archive).as_posix())]
    if path.exists():
        paths = sorted(_below(path, path.resolve())) if path.is_dir() else [path]
    else:
        paths = sorted(map(Path, glob.glob(str(path), recursive=True)))
    return [(p, ".") for p in paths if os.path.isfile(p)]


def _below(folder: Path, root: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """The files of a folder and of the folders in it, links included and hidden ones left out; no folder within itself.

    Raises:
        ValueError: a link leads out of `root`: a folder that somebody else made must not choose the files that are read.
    """
    above = (*above, folder.resolve())
    for path in folder.iterdir():
        if _is_hidden(path.relative_to(folder)):
            continue
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            raise ValueError(f"Links must not lead out of the folder; name the file or folder itself. Received: {path} -> {path.resolve()}")
        if not path.is_dir():
            yield path
        elif path.resolve() not in above:
            yield from _below(path, root, above)


def _pieces(path: Path, pattern: str) -> list[Piece]:
    """The content of a file, or of the members of an archive that match the pattern; "." for all."""
    with reading(path, "readable and whole"):
        if is_archive(path.name):
            return _members(path, pattern)
        with _open(path) as file:
            return [(str(path), read_limited(file, path.stat().st_size))]


def _members(path: Path, pattern: str) -> list[Piece]:
    contents: dict[PurePosixPath, bytes] = {}
    packed, declared = path.stat().st_size, 0
    with tarfile.open(path) as tar:
        # in the archive's own order: to go back in a compressed one is to unpack it again
        for member in tar:
            name = PurePosixPath(member.name)
            declared += member.size
            check_size(declared, packed, f"what it holds up to {name}")
            file = tar.extractfile(member) if member.isfile() and not _is_hidden(name) and _matches(name, pattern) else None
            if file is not None:
                contents[name] = file.read()
    return [(f"{path}/{name}", contents[name]) for name in sorted(contents)]


def _open(path: Path) -> Any:
    return OPENERS.get(path.suffix.lower(), open)(path, "rb")


def _check_opens(path: Path) -> None:
    """Refuse a file that cannot be opened, or whose first bytes are not those of its format."""
    with reading(path, "readable and whole"):
        if is_archive(path.name):
            tarfile.open(path).close()
        else:
            with _open(path) as file:
                file.read(1)


def _is_hidden(path: PurePath) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _matches(name: PurePosixPath, pattern: str) -> bool:
    return pattern == "." or any(fnmatch.fnmatchcase(str(name), wanted) for wanted in (pattern, f"{pattern}/*"))


def _records(name: str, data_dir: str | Path | None, download: bool | None) -> tuple[list[Piece], bytes]:
    """The records of a TFDS data set, and what is put between them."""
    folder = resolve_data_dir(data_dir)
    try:
        builder = prepared_builder(name, folder, download=folder is None if download is None else download)
    except ValueError as error:
        raise _not_a_text(name, error) from error
    features = sorted(builder.info.features)
    if "text" not in features:
        raise ValueError(f'{name} must have a feature "text". Received: features {features}')
    splits = [split for role in SPLITS for split in builder.info.splits if SPLIT_WORDS.get(split) == role]
    records = [read_split(builder, split, name)["text"] for split in splits]
    # one record a split is one text that was cut
    separator = b"" if all(len(texts) == 1 for texts in records) else b"\n"
    return [(name, text) for texts in records for text in texts], separator


def _plain(where: str, data: bytes) -> bytes:
    """A text as UTF-8 without a byte order mark.

    Raises:
        ValueError: it is not text.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        with reading(where, "UTF-16, as its byte order mark says"):
            data = data.decode("utf-16").encode()
    data = data.removeprefix(codecs.BOM_UTF8)
    offset = data.find(b"\0")
    if offset < 0 and not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            offset = error.start
    if offset >= 0:
        raise ValueError(
            f"{where}: a text must be UTF-8 without NUL bytes. Use a pattern (folder/*.txt) to leave such files out, or a vocabulary of "
            f"bytes (--vocabulary bytes), which takes any file. Received: byte 0x{data[offset]:02x} at offset {offset}"
        )
    return data


def _joined(pieces: Sequence[bytes], separator: bytes) -> bytes:
    last = len(pieces) - 1
    parts: Iterable[bytes] = (p if i == last or p.endswith(separator) else p + separator for i, p in enumerate(pieces))
    return b"".join(parts)


def _no_files(source: str) -> ValueError:
    return ValueError(f"There are no files (hidden files are left out). Received: {source}")


def _not_a_text(name: str, error: ValueError) -> ValueError:
    """The error for a name that TFDS refuses, with the first sentence of its own error."""
    reason = str(error).split(". ")[0]
    return ValueError(f"A text must be a file, a folder, a pattern of files, a tar archive or a TFDS name ({reason}). Received: {name!r}")
