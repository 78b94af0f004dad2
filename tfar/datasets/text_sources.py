"""Where texts are read from: files, folders, patterns, archives, and TFDS."""

import bz2
import fnmatch
import glob
import gzip
import lzma
import os
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from tfar.datasets.catalogue import SPLIT_NAMES, prepared_builder, read_split, resolve_data_dir
from tfar.datasets.source import SPLITS

OPENERS = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")


def read_text(source, data_dir=None, binary=False, download=None):
    """Read a text as it is: no character is changed, and none left out.

    A source is one of

    - a file, which may be compressed: .gz, .xz, .bz2;
    - a folder: all its files, and those of the folders in it, in the order of their names. Hidden ones are passed over, and a file
      that is no text is refused rather than left out: a pattern says which are meant;
    - a pattern of files, "folder/*.tex" ("folder/**/*.tex" with the folders in it);
    - a tar archive: .tar, .tar.gz, .tar.xz, .tar.bz2. It is read as a folder, and what follows its name is a pattern of its members,
      in which * stands for / too: "archive.tar.xz/*.tex";
    - a TFDS name with a feature "text", "tiny_shakespeare": train, validation and test joined again. Files of that name come first.

    Files are joined by a newline where one does not end in it, and so are the records of a TFDS data set unless each split is a
    single one.

    Args:
      source: see above.
      data_dir: TFDS's folder of prepared data sets; None for the environment's TFDS_DATA_DIR, then for TFDS's default.
      binary: True takes files that are no UTF-8 text, and those with NUL bytes.
      download: whether TFDS may download what is not prepared; None for yes only without a data_dir.

    Returns:
      `(name, bytes)`: a short name, and the text in UTF-8.

    Raises:
      ValueError: if nothing is found, it is empty, cannot be unpacked, or is no text.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "a.txt").write_text("one")
    ...     _ = pathlib.Path(folder, "b.txt").write_text("two")
    ...     read_text(folder + "/*.txt")[1]
    b'one\\ntwo'
    """
    source = str(source)
    if is_local(source):
        pieces = [(where, data) for path in _paths(source) for where, data in _files(*path)]
        if not pieces:
            raise ValueError(f"There are no files (hidden ones are not read). Received: {source}")
        path = Path(source).expanduser()
        name, separator = (Path(os.path.abspath(path)).name if path.exists() else source), b"\n"
    else:
        name, (pieces, separator) = source, _records(source, data_dir, download)
    if not binary:
        for where, data in pieces:
            _check_text(where, data)
    text = _joined([data for _, data in pieces if data], separator)
    if not text:
        raise ValueError(f"The text is empty. Received: {source}")
    return name, text


def _archive(path):
    """The tar archive that a path names or leads into, or None."""
    return next((p for p in (path, *path.parents) if is_archive(p.name) and p.is_file()), None)


def is_archive(name):
    """Whether a name is one of a tar archive."""
    return name.lower().endswith(TAR_ENDINGS)


def is_pattern(text):
    """Whether a path, or a part of one, stands for several."""
    return bool(set(text) & set("*?["))


def is_local(source):
    """Whether a source is a file, a folder, a pattern of files or an archive, and no TFDS name."""
    path = Path(source).expanduser()
    return bool(path.exists() or is_pattern(source) or _archive(path))


def _paths(source):
    """The files that a local source names, each with the pattern of the members wanted where it is an archive."""
    path = Path(source).expanduser()
    archive = _archive(path)
    if archive:
        return [(archive, path.relative_to(archive).as_posix())]
    if path.exists():
        found = sorted(_below(path)) if path.is_dir() else [path]
    else:
        found = sorted(map(Path, glob.glob(str(path), recursive=True)))
    return [(p, ".") for p in found if os.path.isfile(p)]


def _below(folder, above=()):
    """The files of a folder and of the folders in it, linked ones too, but for hidden ones; no folder within itself."""
    above = (*above, folder.resolve())
    for path in folder.iterdir():
        if _hidden(path.relative_to(folder)):
            continue
        if not path.is_dir():
            yield path
        elif path.resolve() not in above:
            yield from _below(path, above)


def _files(path, pattern):
    """`(where, bytes)` of a file, or of the members of an archive that match the pattern; "." for all."""
    try:
        if is_archive(path.name):
            with tarfile.open(path) as tar:
                found = {}
                # in the archive's own order, because going back in a compressed one means unpacking it again
                for member in tar:
                    name = PurePosixPath(member.name)
                    if member.isfile() and not _hidden(name) and _matches(name, pattern):
                        found[name] = tar.extractfile(member).read()
                return [(f"{path}/{name}", found[name]) for name in sorted(found)]
        with OPENERS.get(path.suffix.lower(), open)(path, "rb") as file:
            return [(path, file.read())]
    except (OSError, EOFError, lzma.LZMAError, zlib.error, tarfile.TarError) as error:
        reason = str(error).splitlines()[:1] or [type(error).__name__]
        raise ValueError(f"The file must be readable and whole ({reason[0].rstrip(':')}). Received: {path}") from error


def _hidden(path):
    return any(part.startswith(".") for part in path.parts)


def _matches(name, pattern):
    return pattern == "." or any(fnmatch.fnmatchcase(str(name), wanted) for wanted in (pattern, f"{pattern}/*"))


def _records(name, data_dir, download=None):
    """The records of a TFDS data set as (name, bytes), and what is put between them."""
    folder = resolve_data_dir(data_dir)
    try:
        builder = prepared_builder(name, folder, download=folder is None if download is None else download)
    except ValueError as error:
        reason = str(error).split(". ")[0]
        raise ValueError(
            f"A text is a file, a folder, a pattern of files, a tar archive or a TFDS name, and this is none ({reason}). Received: {name!r}"
        ) from error
    features = sorted(builder.info.features)
    if "text" not in features:
        raise ValueError(f'{name} must have a feature "text". Received: features {features}')
    splits = [split for role in SPLITS for split in builder.info.splits if SPLIT_NAMES.get(split) == role]
    records = [read_split(builder, split, name)["text"] for split in splits]
    # one record a split is one text that was cut
    separator = b"" if all(len(texts) == 1 for texts in records) else b"\n"
    return [(name, text) for texts in records for text in texts], separator


def _check_text(where, data):
    offset = data.find(b"\0")
    if offset < 0 and not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            offset = error.start
    if offset >= 0:
        raise ValueError(
            f"{where}: a text must be UTF-8 without NUL bytes. A pattern (folder/*.txt) leaves such files out, and a vocabulary of bytes "
            f"(--vocabulary bytes) takes any file. Received: byte 0x{data[offset]:02x} at offset {offset}"
        )


def _joined(pieces, separator):
    return b"".join(p if i == len(pieces) - 1 or p.endswith(separator) else p + separator for i, p in enumerate(pieces))
