"""What a user of public data, and of models trained on them, should know: licence, intended use, limitations."""

from __future__ import annotations

from typing import NamedTuple


class Notice(NamedTuple):
    """Sentences about a data set, for model cards.

    Attributes:
        licence: of the data.
        use: what a model trained on them is for.
        limits: what it must not be taken for.
    """

    licence: str
    use: str
    limits: str


BENCHMARK = "Comparison of density models on a published benchmark, examples, and a start for training on similar data."
HANDWRITING = (
    "The model has seen handwritten digits alone, centred and of one size. It gives any other image a score as well, which is no judgement "
    "of that image."
)
TABLE = "The model describes one sample of rows. Its conditional densities are associations in that sample, not effects."

NOTICES: dict[str, Notice] = {
    "digits": Notice(
        "Optical Recognition of Handwritten Digits (E. Alpaydin and C. Kaynak, UCI Machine Learning Repository): CC BY 4.0.",
        BENCHMARK,
        HANDWRITING,
    ),
    "binarized_mnist": Notice(
        "No licence is stated with the binarised images; MNIST, from which they are made, is usually given as CC BY-SA 3.0.",
        BENCHMARK,
        HANDWRITING,
    ),
    "mnist": Notice("MNIST is usually given as CC BY-SA 3.0.", BENCHMARK, HANDWRITING),
    "fashion_mnist": Notice(
        "MIT (Zalando SE).",
        BENCHMARK,
        "The model has seen grey product photographs of ten classes of clothing, 28 x 28 pixels. Other photographs, clothing worn by "
        "people among them, are outside its data.",
    ),
    "wine_quality": Notice(
        "CC BY 4.0 (P. Cortez and others, UCI Machine Learning Repository).",
        BENCHMARK,
        f"{TABLE} All wines are Portuguese vinho verde.",
    ),
    "parkinsons_telemonitoring": Notice(
        "CC BY 4.0 (A. Tsanas and M. Little, UCI Machine Learning Repository).",
        BENCHMARK,
        "Rows of one patient stand in the training and in the test rows: the data are 5,875 recordings of 42 patients, and the folds "
        "divide recordings. The test NLL is therefore not that of a patient whom the model has not seen. The model is not for diagnosis. "
        f"{TABLE}",
    ),
    "ionosphere": Notice(
        "CC BY 4.0 (V. Sigillito and others, UCI Machine Learning Repository).",
        BENCHMARK,
        f"A fold has about 35 test rows, so that its NLL is uncertain by several nats. {TABLE}",
    ),
    "boston_housing": Notice(
        "No licence is stated (D. Harrison and D. L. Rubinfeld, by StatLib and the UCI Machine Learning Repository).",
        "Comparison of density models on a published benchmark. Any other use is advised against.",
        "The column B, the 12th of the original table, is derived from race: 1000 (b - 0.63)^2, where b is the share of Black residents of "
        "a town. Neither decisions nor statements about housing, places or people should rest on the model or on its samples. "
        f"{TABLE}",
    ),
    "tiny_shakespeare": Notice(
        "The text is in the public domain.",
        "Comparison of character models, examples, and a start for training on similar texts.",
        "The model writes text that resembles its source and has no meaning. It knows the characters of that source alone.",
    ),
    "stacks_project_tex.tar.xz": Notice(
        "GNU Free Documentation License 1.2 or later (The Stacks project authors).",
        "Comparison of character models, examples, and a start for training on similar texts.",
        "The model writes text that resembles LaTeX and mathematics and is neither: its theorems and proofs are not true. It may repeat "
        "passages of its source.",
    ),
}


def notice_of(name: str) -> Notice | None:
    """What is known about a data set; None for data that are not public or not known here.

    Args:
        name: as in a description of data, with the name of a configuration or a version.

    >>> notice_of("wine_quality/red").licence
    'CC BY 4.0 (P. Cortez and others, UCI Machine Learning Repository).'
    """
    return NOTICES.get(name.partition("/")[0].partition(":")[0])
