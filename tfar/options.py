"""What the command line can set: the families with their options, and those of heads, data and training.

Plain data without TensorFlow, so that `tfar --help` is quick. A family joins the command line by an entry in
`FAMILIES`: its options are keyword arguments of the constructor of that name in `tfar.models.FAMILIES`, or of
`tfar.CharRNN`, with defaults that are good without tuning.
"""

from argparse import ArgumentTypeError, BooleanOptionalAction
from dataclasses import dataclass, field
from pathlib import Path

ORDERS = ("natural", "reversed", "random", "alternating", "scan")
SCHEDULES = ("plateau", "cosine", "constant")
CONNECTIVITIES = ("even", "random", "placed")


@dataclass(frozen=True)
class Option:
    """One setting.

    Attributes:
        name: keyword argument that it sets; with dashes, its name on the command line. A bool has `--no-name` too.
        type: turns one word into a value; bool for a switch.
        default: what is taken without it.
        help: one line; the default is added to it.
        many: takes any number of words, and gives a list.
        choices: the values allowed, or None.
        metavar: what stands for the value in the help.
    """

    name: str
    type: object
    default: object
    help: str
    many: bool = False
    choices: tuple | None = None
    metavar: str | None = None

    def add_to(self, parser):
        """Add the option to an argparse parser."""
        flag = f"--{self.name.replace('_', '-')}"
        if self.type is bool:
            action, word = BooleanOptionalAction, "yes" if self.default else "no"
            parser.add_argument(flag, action=action, default=self.default, help=f"{self.help} (default: {word})")
            return
        shown = " ".join(map(str, self.default)) if self.many else self.default
        parser.add_argument(
            flag,
            type=self.type,
            default=self.default,
            nargs="*" if self.many else None,
            choices=self.choices,
            metavar=self.metavar,
            help=self.help if self.default is None else f"{self.help} (default: {shown})",
        )


@dataclass(frozen=True)
class Family:
    """A family of models on the command line.

    Attributes:
        summary: one line for the help.
        options: its own `Option`s.
        training: other defaults of the options in `TRAINING`, by name.
        text: whether it is a model of text.
    """

    summary: str
    options: tuple = ()
    training: dict = field(default_factory=dict)
    text: bool = False


def order(text):
    """An order from the command line: a word, a list `2,0,1`, or a text or .npy file that holds the permutation.

    >>> order("reversed"), order("2,0,1")
    ('reversed', [2, 0, 1])
    """
    if text in ORDERS:
        return text
    if Path(text).suffix == ".npy" and Path(text).is_file():
        import numpy as np

        return np.load(text, allow_pickle=False).ravel().tolist()
    try:
        return _integers(text)
    except ValueError:  # the name of a file
        try:
            return _integers(Path(text).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise ArgumentTypeError(f"expected {', '.join(ORDERS)}, integers like 2,0,1, or a file of them. Received: {text!r}") from None


def _integers(words):
    return [int(word) for word in words.replace(",", " ").split()]


def seed(text):
    """A seed from the command line: NumPy's generators, which use it, take no negative one.

    >>> seed("3")
    3
    """
    if not text.isdecimal():
        raise ArgumentTypeError(f"expected a whole number of at least 0. Received: {text!r}")
    return int(text)


ORDER = Option(
    "order",
    order,
    "natural",
    "natural, reversed, random, alternating (natural and reversed in turn), scan (of an image, in a direction that the seed gives), "
    "a list 2,0,1,... or a file of it",
    metavar="ORDER",
)
ORDER_USED = Option("order", order, "natural", "that evaluation and sampling use; the model learns all", metavar="ORDER")
MODEL_SEED = Option("seed", seed, 0, "of the weights, of the orders that are drawn, and of the shuffling")
MASKS = Option("num_masks", int, 1, "how many orders or connectivities are averaged", metavar="N")
UNITS_DROPPED = Option("dropout", float, 0.0, "share of the units of each hidden layer that training drops", metavar="P")

CONVOLUTIONS = (
    Option("filters", int, 32, "channels", metavar="F"),
    Option("kernel_size", int, 7, "of the first convolution, odd, at least 3", metavar="K"),
    Option("dropout", float, 0.0, "share of the channels that training drops", metavar="P"),
    Option("positions", bool, True, "features of its own for each pixel, so that the network knows where it is"),
)
HEAD_FILTERS = Option("head_filters", int, (32, 32), "channels of the 1x1 convolutions at the end", many=True, metavar="F")
OF_IMAGES = {"batch_size": 16}  # a pass over the rows has more steps then, and takes about half as long again as with 64
LSTM_LAYERS = Option("num_layers", int, 7, "number of LSTM layers", metavar="N")

FAMILIES = {
    "logistic": Family(
        "logistic autoregressive network, FVSBN (Frey 1998)",
        (ORDER, MASKS),
        training={"learning_rate": 3e-3},
    ),
    "nade": Family(
        "NADE, one hidden layer with shared weights (Larochelle & Murray 2011)",
        (
            Option("hidden_units", int, 500, "size of the hidden layer", metavar="H"),
            Option("activation", str, "sigmoid", "of the hidden layer, by its Keras name"),
            Option("rescale", bool, False, "learn a factor of the hidden layer for each position"),
            ORDER,
        ),
    ),
    "rnade": Family(
        "RNADE, NADE for real values with mixtures (Uria et al. 2013)",
        (
            Option("hidden_units", int, 50, "size of the hidden layer", metavar="H"),
            Option("activation", str, "relu", "of the hidden layer, by its Keras name"),
            Option("rescale", bool, True, "learn a factor of the hidden layer for each position"),
            ORDER,
        ),
        training={"weight_decay": 1.0},
    ),
    "neural": Family(
        "one hidden layer of its own for each dimension (Bengio & Bengio 2000)",
        (
            Option("hidden_units", int, 16, "units of each dimension", metavar="H"),
            Option("activation", str, "tanh", "of the hidden layers, by its Keras name"),
            Option("direct", bool, True, "connect the inputs to the outputs directly"),
            ORDER,
        ),
    ),
    "made": Family(
        "masked autoencoder (Germain et al. 2015)",
        (
            Option("hidden_units", int, (2000,), "sizes of the hidden layers", many=True, metavar="H"),
            Option("activation", str, "relu", "of the hidden layers, by its Keras name"),
            Option("direct", bool, True, "connect the inputs to the outputs directly"),
            Option("window", int, None, "how many degrees a unit sees of the hidden units before it (default: all)", metavar="N"),
            MASKS,
            Option("masks_per_step", int, 1, "how many of them one training step uses, each for its share of the rows", metavar="N"),
            ORDER,
            Option("connectivity", str, "even", "degrees of the hidden units", choices=CONNECTIVITIES),
            Option("conditioning", bool, False, "connectivity-conditioning weights, for more than one mask"),
            UNITS_DROPPED,
        ),
        training={"learning_rate": 3e-3, "weight_decay": 0.1},
    ),
    "deepnade": Family(
        "Deep NADE, trained for all orders at once (Uria et al. 2014)",
        (
            Option("hidden_units", int, (500, 500), "sizes of the hidden layers", many=True, metavar="H"),
            Option("activation", str, "relu", "of the hidden layers, by its Keras name"),
            UNITS_DROPPED,
            ORDER_USED,
        ),
        training={"patience": 20},
    ),
    "nadek": Family(
        "NADE-k, k steps of inference, for binary values in any order (Raiko et al. 2014)",
        (
            Option("num_steps", int, 5, "of inference", metavar="K"),
            Option("hidden_units", int, (500, 500), "sizes of the hidden layers", many=True, metavar="H"),
            Option("activation", str, "tanh", "of the hidden layers, by its Keras name"),
            UNITS_DROPPED,
            ORDER_USED,
        ),
        training={"patience": 20},
    ),
    "pixelcnn": Family(
        "PixelCNN, masked convolutions, for images (van den Oord et al. 2016)",
        (
            *CONVOLUTIONS,
            Option("num_blocks", int, 15, "number of residual blocks", metavar="N"),
            Option("activation", str, "relu", "of the residual blocks and the head, by its Keras name"),
            HEAD_FILTERS,
        ),
        training={**OF_IMAGES, "learning_rate": 3e-3, "jit": False},  # no slower without XLA, which compiles longer
    ),
    "gated_pixelcnn": Family(
        "Gated PixelCNN, two stacks, for images (van den Oord et al. 2016)",
        (
            *CONVOLUTIONS,
            Option("num_layers", int, 10, "number of layers", metavar="N"),
            Option("skip_filters", int, 64, "channels of the skip connections", metavar="F"),
            Option("head_filters", int, (64,), "channels of the 1x1 convolutions at the end", many=True, metavar="F"),
        ),
        training={**OF_IMAGES, "learning_rate": 3e-3},
    ),
    "rowlstm": Family("Row LSTM, a PixelRNN, for images (van den Oord et al. 2016)", (*CONVOLUTIONS, LSTM_LAYERS, HEAD_FILTERS), OF_IMAGES),
    "diagonal_bilstm": Family(
        "Diagonal BiLSTM, a PixelRNN, for images (van den Oord et al. 2016)", (*CONVOLUTIONS, LSTM_LAYERS, HEAD_FILTERS), OF_IMAGES
    ),
}

FAMILIES["charrnn"] = Family(
    "recurrent network that reads and writes text, character by character",
    (
        Option("cell", str, "lstm", "of the recurrent layers", choices=("lstm", "gru", "rnn")),
        Option("units", int, 512, "size of each layer's state", metavar="H"),
        Option("num_layers", int, 3, "number of recurrent layers", metavar="N"),
        Option("dropout", float, 0.4, "share of each layer's outputs that training drops", metavar="P"),
        Option("embedding", int, None, "size of a character's learned vector (default: one-hot codes)", metavar="E"),
        Option("memory", float, None, "characters that the longest memory lasts before training (default: 2 to 4)", metavar="N"),
    ),
    training={"learning_rate": 3e-3, "clip": 1.0, "batch_size": 64, "epochs": 30, "schedule": "cosine"},
    text=True,
)
TEXT_FAMILIES = tuple(name for name, family in FAMILIES.items() if family.text)

TEXT = (
    Option("data_dir", str, None, "folder of prepared TFDS data sets (default: TFDS_DATA_DIR)", metavar="DIR"),
    Option("vocabulary", str, "characters", "what the classes are", choices=("characters", "bytes")),
    Option("splits", float, (90, 5, 5), "percentages that train, validate and test, one after the other", many=True, metavar="P"),
    Option("unknown", bool, False, "a class for characters that the training split lacks"),
    Option("sequence_length", int, 64, "characters that gradients go back through at most", metavar="T"),
    Option("carry", bool, True, "begin a window with the state in which the one before it ended"),
)

HEAD = (
    Option(
        "head",
        str,
        "auto",
        "density of one value; auto: bernoulli or categorical for discrete data, normal_mixture for others",
        choices=("auto", "bernoulli", "categorical", "normal", "normal_mixture", "laplace_mixture", "discretized_logistic_mixture"),
    ),
    Option("components", int, 10, "of a mixture", metavar="K"),
    Option(
        "min_scale",
        float,
        1e-3,
        "smallest scale of a continuous density, in standard deviations, or of levels scaled to [-1, 1]",
        metavar="S",
    ),
)

DATA = (
    Option("data_dir", str, None, "folder of prepared TFDS data sets (default: TFDS_DATA_DIR)", metavar="DIR"),
    Option("levels", int, None, "quantise to this many classes (2: binary)", metavar="L"),
    Option("context", str, None, "condition on this: label, a column's name, a TFDS feature", metavar="NAME"),
    Option("data_seed", seed, 0, "of the division into splits where the data have none"),
    Option("fold", int, None, "test on this fold of a cross-validation, from 0, of data without splits", metavar="K"),
    Option("folds", int, None, "how many folds there are (default: 10)", metavar="N"),
    Option("manual_dir", str, None, "prepare the TFDS data set from original files in this folder", metavar="DIR"),
)

TRAINING = (
    Option("epochs", int, 200, "at most", metavar="N"),
    Option("batch_size", int, 100, "rows in one step", metavar="N"),
    Option("epoch_steps", int, None, "steps in an epoch (default: a pass over the rows, or 100 where that is more)", metavar="N"),
    Option("learning_rate", float, 1e-3, "of Adam, at its highest", metavar="R"),
    Option("schedule", str, "plateau", "of the learning rate", choices=SCHEDULES),
    Option("weight_decay", float, 0.0, "decoupled decay of the kernels, times the learning rate", metavar="W"),
    Option("clip", float, 100.0, "greatest norm of the gradient", metavar="G"),
    Option("patience", int, 10, "epochs without a better validation NLL before training stops", metavar="N"),
    Option("jit", bool, True, "compile the training step by XLA"),
    MODEL_SEED,
    Option("quiet", bool, False, "no progress bar"),
)

SCORING = (Option("score_rows", int, 10_000, "of each split that are scored at the end; some families are slow at it", metavar="N"),)

REFITTING = (Option("refit", bool, False, "then train anew on training and validation rows together, for as many epochs as were best"),)

WATCHING = (
    Option("pictures_every", int, 0, "draw samples, completions and likelihoods every so many epochs; 0: at the end only", metavar="N"),
    Option("tensorboard", str, None, "folder for TensorBoard: NLL, learning rate, and the pictures", metavar="DIR"),
)
