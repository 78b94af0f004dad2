"""TFDS builders of three tables of the UCI Machine Learning Repository that RNADE's paper models and TFDS lacks.

They are prepared from the original files, which the user puts into TFDS's manual folder. They keep the columns that the paper modelled
(Uria, Murray & Larochelle 2013): no discrete ones, and one of each pair correlated above 0.98.
"""

import gzip
import hashlib
import inspect
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from tfar.reading import read_limited, reading


class Table(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A table in a text file, as one split "train" of a dict `features` of float32 scalars, and a class.

    Attributes:
        URL, FILE: the folder on the web and the name of the original file.
        SHA256: of that file, unpacked.
        COLUMNS: the names of all its columns in order, separated by spaces.
        LEFT_OUT: likewise, the columns that are not features.
        LABEL, CLASSES: the column that is kept as a class, and its values.
    """

    VERSION = tfds.core.Version("1.0.0")
    URL: ClassVar[str]
    FILE: ClassVar[str]
    SHA256: ClassVar[str]
    COLUMNS: ClassVar[str]
    LEFT_OUT: ClassVar[str]
    LABEL: ClassVar[str]
    CLASSES: ClassVar[tuple[str, ...]]

    @property
    def MANUAL_DOWNLOAD_INSTRUCTIONS(self) -> str:
        """What TFDS tells the user to do."""
        return f"Put {self.FILE} (or {self.FILE}.gz) of {self.URL} into the manual folder, or into a folder in it"

    @classmethod
    def kept(cls) -> list[str]:
        """The names of the features, in the order of the file.

        >>> {builder.name: len(builder.kept()) for builder in (BostonHousing, Ionosphere, ParkinsonsTelemonitoring)}
        {'boston_housing': 10, 'ionosphere': 32, 'parkinsons_telemonitoring': 15}
        """
        left_out = cls.LEFT_OUT.split()
        return [name for name in cls.COLUMNS.split() if name not in left_out]

    def _info(self) -> tfds.core.DatasetInfo:
        features = {"features": dict.fromkeys(self.kept(), np.float32), self.LABEL: tfds.features.ClassLabel(names=self.CLASSES)}
        return tfds.core.DatasetInfo(
            builder=self,
            description=inspect.cleandoc(self.__doc__ or ""),
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("features", self.LABEL),
            homepage=self.URL,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        return {"train": self._generate_examples(self._original(dl_manager.manual_dir))}

    def _original(self, folder: Any) -> str:
        """The text of the original file, in the manual folder or in a folder there."""
        patterns = [f"{below}{self.FILE}{packed}" for below in ("", "*/") for packed in ("", ".gz")]
        path: Path | None = next((path for pattern in patterns for path in folder.glob(pattern)), None)
        if path is None:
            raise ValueError(f"The original file is missing. {self.MANUAL_DOWNLOAD_INSTRUCTIONS}. Received: {folder}")
        content = path.read_bytes()
        if path.suffix == ".gz":
            with reading(path, "readable and whole"):
                content = read_limited(gzip.GzipFile(fileobj=io.BytesIO(content)), len(content))
        digest = hashlib.sha256(content).hexdigest()
        if digest != self.SHA256:
            raise ValueError(f"{path} must be the original of {self.URL}, with SHA-256 {self.SHA256}. Received: SHA-256 {digest}")
        return content.decode()

    def _generate_examples(self, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, line in enumerate(text.splitlines()):
            row = dict(zip(self.COLUMNS.split(), line.replace(",", " ").split(), strict=True))
            if row[self.LABEL] != self.LABEL:  # not the header
                yield number, {"features": {name: float(row[name]) for name in self.kept()}, self.LABEL: row[self.LABEL]}


class ParkinsonsTelemonitoring(Table, skip_registration=True):
    """5,875 voice recordings of 42 people with early Parkinson's disease: two scores of it and measures of the voice.

    A. Tsanas, M. A. Little, P. E. McSharry and L. O. Ramig (2009), CC BY 4.0. Sex 0 is male, 1 female.
    """

    URL = "https://archive.ics.uci.edu/ml/machine-learning-databases/parkinsons/telemonitoring/"
    FILE = "parkinsons_updrs.data"
    SHA256 = "f2c7d5025dec4e92e7feae367a5f7ccf58789a10ac6b54bdf15976c599f9dd39"
    COLUMNS = (
        "subject# age sex test_time motor_UPDRS total_UPDRS Jitter(%) Jitter(Abs) Jitter:RAP Jitter:PPQ5 Jitter:DDP Shimmer Shimmer(dB) "
        "Shimmer:APQ3 Shimmer:APQ5 Shimmer:APQ11 Shimmer:DDA NHR HNR RPDE DFA PPE"
    )
    LEFT_OUT = "subject# age sex Jitter(%) Jitter:RAP Shimmer Shimmer:APQ3"
    LABEL, CLASSES = "sex", ("0", "1")


class Ionosphere(Table, skip_registration=True):
    """351 radar returns from the ionosphere, good or bad: the real and imaginary parts of 17 pulses, less the first.

    V. G. Sigillito, S. P. Wing, L. V. Hutton and K. B. Baker (1989), CC BY 4.0.
    """

    URL = "https://archive.ics.uci.edu/ml/machine-learning-databases/ionosphere/"
    FILE = "ionosphere.data"
    SHA256 = "46d52186b84e20be52918adb93e8fb9926b34795ff7504c24350ae0616a04bbd"
    COLUMNS = " ".join([*(f"a{number:02d}" for number in range(1, 35)), "class"])
    LEFT_OUT = "a01 a02 class"
    LABEL, CLASSES = "class", ("b", "g")


class BostonHousing(Table, skip_registration=True):
    """506 suburbs of Boston: the median value of their homes, and what may bear on it.

    D. Harrison and D. L. Rubinfeld (1978). The column B encodes race: for comparisons of densities only.
    """

    URL = "https://archive.ics.uci.edu/ml/machine-learning-databases/housing/"
    FILE = "housing.data"
    SHA256 = "baadf72995725d76efe787b664e1f083388c79ba21ef9a7990d87f774184735a"
    COLUMNS = "CRIM ZN INDUS CHAS NOX RM AGE DIS RAD TAX PTRATIO B LSTAT MEDV"
    LEFT_OUT = "ZN CHAS RAD TAX"
    LABEL, CLASSES = "CHAS", ("0", "1")


# not in TFDS's own registry, where a name that another package has registered would be an error for all data sets
BUILDERS = {builder.name: builder for builder in (ParkinsonsTelemonitoring, Ionosphere, BostonHousing)}
