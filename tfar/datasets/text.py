"""Text for character models: read from files, archives or TFDS, cut into three splits, and given out in windows."""

import bz2
import fnmatch
import glob
import gzip
import lzma
import math
import os
import tarfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from tfar.datasets.catalogue import SPLIT_NAMES, _prepared_builder, _read, resolve_data_dir
from tfar.datasets.source import SPLITS
from tfar.datasets.vocabulary import Vocabulary

OPENERS = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")


@dataclass(frozen=True, repr=False, eq=False)
class TextData:
    """A text as codes, in three splits.

    Attributes:
      name: what it was loaded as, short: "tiny_shakespeare", the file's name.
      vocabulary: the `Vocabulary` of the codes.
      train, validation, test: codes `[n]`, in the smallest of uint8, uint16 and int32 that holds those of the vocabulary.
      origin: where the text came from: a dict of `source`, `data_dir`, `splits`.
    """

    name: str
    vocabulary: Vocabulary
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    origin: dict = field(default_factory=dict)

    @property
    def splits(self):
        """`{"train": ..., "validation": ..., "test": ...}`."""
        return {name: getattr(self, name) for name in SPLITS}

    def to_config(self):
        """A dict that JSON can hold: name, origin, vocabulary, and the size and a checksum of the codes of each split."""
        return {
            "name": self.name,
            **self.origin,
            "vocabulary": self.vocabulary.to_config(),
            "sizes": {name: len(codes) for name, codes in self.splits.items()},
            "checksums": {name: f"{zlib.crc32(np.ascontiguousarray(codes)):08x}" for name, codes in self.splits.items()},
        }

    def __repr__(self):
        sizes = ", ".join(f"{name}={len(codes):,}" for name, codes in self.splits.items())
        return f"TextData({self.name!r}, {self.vocabulary.kind} of {len(self.vocabulary)} classes, {sizes})"


def load_text(source, data_dir=None, vocabulary="characters", splits=(90, 5, 5), unknown=False, sequence_length=1, download=None):
    """Load a text, encode it, and cut it into three splits one after the other.

    A vocabulary of characters is that of the whole text, as char-rnn and nanoGPT define it: which characters there are is known
    to the model, whatever the split. With `unknown=True` it is that of the training split alone.

    The splits end at the given percentages of the characters (bytes for a vocabulary of bytes), rounded down. So (90, 5, 5) are the
    splits of TFDS' tiny_shakespeare, and the test split of (85, 5, 10) is nanoGPT's last tenth.

    Args:
      source, data_dir, download: as for `read_text`.
      vocabulary: "characters"; "bytes", which takes any file; or a `Vocabulary`, such as that of a trained model.
      splits: percentages of train, validation and test, all positive, that sum to 100.
      unknown: True gives characters that are not in the training split a class of their own; for "characters" only.
      sequence_length: what a split must have at least.

    Returns:
      A `TextData`.

    Raises:
      ValueError: for a source that cannot be read, characters that a given vocabulary lacks, percentages that do not sum to 100, and
        a split shorter than `sequence_length`.

    >>> import tempfile, os
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "a.txt")
    ...     _ = open(path, "w").write("abracadabra" * 10)
    ...     data = load_text(path)
    >>> data
    TextData('a.txt', characters of 5 classes, train=99, validation=5, test=6)
    >>> data.train.dtype.name, data.vocabulary.decode(data.test)
    ('uint8', 'adabra')
    """
    if not isinstance(vocabulary, Vocabulary) and vocabulary not in ("characters", "bytes"):
        raise ValueError(f'vocabulary must be "characters", "bytes" or a Vocabulary. Received: {vocabulary!r}')
    if unknown and vocabulary != "characters":
        raise ValueError(f'unknown=True goes with vocabulary="characters": others are complete. Received: vocabulary={vocabulary!r}')
    splits = _percentages(splits)
    if vocabulary == "bytes":
        vocabulary = Vocabulary.bytes()
    binary = vocabulary != "characters" and vocabulary.kind == "bytes"
    name, text = read_text(source, data_dir, binary, download)
    if not binary:
        text = text.decode("utf-8")

    ends = [int(len(text) * sum(splits[: i + 1]) // 100) for i in range(2)] + [len(text)]
    starts = [0, *ends[:2]]
    for split, start, end in zip(SPLITS, starts, ends, strict=True):
        if end - start < sequence_length:
            raise ValueError(
                f"{name}: each split must have at least one sequence of {sequence_length} characters. "
                f"Received: {end - start} in {split}, of {len(text)} in all"
            )
    if vocabulary == "characters":
        vocabulary = Vocabulary.of(text[: ends[0]] if unknown else text, unknown)
    codes = vocabulary.encode(text, vocabulary.dtype)
    local = _is_local(str(source))
    origin = {
        "source": str(Path(source).expanduser().absolute()) if local else str(source),
        "data_dir": None if local else resolve_data_dir(data_dir),
        "splits": list(splits),
    }
    return TextData(name, vocabulary, *(codes[start:end] for start, end in zip(starts, ends, strict=True)), origin)


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
    if _is_local(source):
        pieces = [(where, data) for path in _paths(source) for where, data in _files(*path)]
        if not pieces:
            raise ValueError(f"There are no files (hidden ones are not read). Received: {source}")
        path = Path(source).expanduser()
        name, separator = (path.resolve().name if path.exists() else source), b"\n"
    else:
        name, (pieces, separator) = source, _records(source, data_dir, download)
    if not binary:
        for where, data in pieces:
            _check_text(where, data)
    text = _joined([data for _, data in pieces if data], separator)
    if not text:
        raise ValueError(f"The text is empty. Received: {source}")
    return name, text


def steps_per_pass(num_codes, length, batch_size):
    """How many batches of `windows` make one pass over a text of `num_codes` characters.

    Raises:
      ValueError: if the text is shorter than one batch, or a number is no whole number >= 1.

    >>> steps_per_pass(1_003_854, length=50, batch_size=50)
    401
    """
    for name, value in (("length", length), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"{name} must be a whole number >= 1. Received: {value!r}")
    if num_codes < batch_size * length:
        raise ValueError(f"A batch of {batch_size} x {length} needs {batch_size * length} characters. Received: {num_codes}")
    # less than a window is left over, so that a pass may begin anywhere in the first window
    return max(1, (num_codes - length + 1) // (batch_size * length))


def windows(codes, length, batch_size, seed=0, carry=False, start_step=0):
    """An endless dataset of batches of consecutive characters. Step s is a function of the arguments and of s alone.

    - carry=False: each pass cuts the text into windows from a random phase on and shuffles them; every character is in one window at
      most, and left out are only less than a window at either end, and windows that do not fill a batch.
    - carry=True: the text is cut into B equal parts and row b goes through the b-th, so that a row continues that of the batch before.
      Every pass begins at the start of the parts; `seed` has no effect.

    Args:
      codes: integers `[n]`.
      length: of a window.
      batch_size: B.
      seed: whole number >= 0.
      carry: see above.
      start_step: the step to begin with, at no cost of those before. With carry it may lie inside a pass: the state there is the
        caller's to restore.

    Returns:
      A `tf.data.Dataset` of int32 `[B, length]`; with carry of `(x, reset)`, where `reset`, a bool scalar, is True in the first step
      of every pass. `steps_per_pass` tells how many steps that has.

    Raises:
      ValueError: for codes that are no integers `[n]`, or shorter than one batch, and numbers that are no whole numbers.

    >>> for x, reset in windows(np.arange(12), length=2, batch_size=2, carry=True).take(3):
    ...     print(x.numpy().tolist(), bool(reset))
    [[0, 1], [6, 7]] True
    [[2, 3], [8, 9]] False
    [[0, 1], [6, 7]] True
    """
    import tensorflow as tf

    codes = np.asarray(codes)
    if codes.ndim != 1 or codes.dtype.kind not in "iu":
        raise ValueError(f"codes must be integers [n]. Received: {codes.dtype} {list(codes.shape)}")
    for name, value in (("seed", seed), ("start_step", start_step)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
            raise ValueError(f"{name} must be a whole number >= 0. Received: {value!r}")
    steps = steps_per_pass(len(codes), length, batch_size)
    rows = tf.range(batch_size, dtype=tf.int64)
    text = tf.constant(codes)

    def gather(starts):
        return tf.cast(tf.gather(text, starts[:, None] + tf.range(length, dtype=tf.int64)), tf.int32)

    def stream(step):
        at = step % steps
        return gather(rows * (len(codes) // batch_size) + at * length), tf.equal(at, 0)

    phases = min(length, len(codes) - steps * batch_size * length + 1)

    def shuffled(step):
        key = tf.random.experimental.stateless_fold_in(tf.constant([seed, 0], tf.int64), step // steps)
        # "philox" by name: the choice of "auto_select" depends on the device
        phase = tf.random.stateless_uniform([], key, 0, phases, tf.int64, alg="philox")
        last = (len(codes) - phase) // length - 1
        index = tf.random.experimental.index_shuffle(step % steps * batch_size + rows, key, last)
        return gather(phase + index * length)

    steps_from = tf.data.Dataset.counter(start_step)
    return steps_from.map(stream if carry else shuffled, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _percentages(splits):
    numbers = tuple(splits) if isinstance(splits, tuple | list) else ()
    if len(numbers) != 3 or not all(isinstance(p, int | float) and p > 0 for p in numbers) or not math.isclose(sum(numbers), 100):
        raise ValueError(f"splits must be three percentages, all positive, that sum to 100. Received: {splits!r}")
    return numbers


def _archive(path):
    """The tar archive that a path names or leads into, or None."""
    return next((p for p in (path, *path.parents) if p.name.lower().endswith(TAR_ENDINGS) and p.is_file()), None)


def _is_local(source):
    path = Path(source).expanduser()
    return bool(path.exists() or set(source) & set("*?[") or _archive(path))


def _paths(source):
    """The files that a local source names, each with the pattern of the members wanted where it is an archive."""
    path = Path(source).expanduser()
    archive = _archive(path)
    if archive:
        return [(archive, path.relative_to(archive).as_posix())]
    if path.is_dir():
        found = [p for p in sorted(path.rglob("*")) if not _hidden(p.relative_to(path))]
    else:
        found = [path] if path.exists() else sorted(map(Path, glob.glob(str(path), recursive=True)))
    return [(p, ".") for p in found if os.path.isfile(p)]


def _files(path, pattern):
    """`(where, bytes)` of a file, or of the members of an archive that match the pattern; "." for all."""
    try:
        if path.name.lower().endswith(TAR_ENDINGS):
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
        builder = _prepared_builder(name, folder, download=folder is None if download is None else download)
    except ValueError as error:
        reason = str(error).split(". ")[0]
        raise ValueError(
            f"A text is a file, a folder, a pattern of files, a tar archive or a TFDS name, and this is none ({reason}). Received: {name!r}"
        ) from error
    features = sorted(builder.info.features)
    if "text" not in features:
        raise ValueError(f'{name} must have a feature "text". Received: features {features}')
    splits = [split for role in SPLITS for split in builder.info.splits if SPLIT_NAMES.get(split) == role]
    records = [_read(builder, split, name)["text"] for split in splits]
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
