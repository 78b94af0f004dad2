"""Every setting once: its default, type, help and choices.

Each dataclass below is one group of settings, and each field is one setting. The networks and constructors (`tfar.MADE`), the command
line, `tfar.training.fit`, checkpoints and recipes read them here. A setting that is added to a dataclass is an argument of the constructor
(after `scripts/generate_constructors.py`), an option of the command line and part of what a checkpoint compares. Nothing here imports
TensorFlow, so that `tfar --help` and the refusal of a bad argument are immediate.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, get_args

Cell = Literal["lstm", "gru", "rnn"]
Connectivity = Literal["even", "random", "placed"]
Schedule = Literal["plateau", "cosine", "constant"]
OptimizerName = Literal["adam", "adamw", "adamax", "nadam", "lion", "rmsprop", "adagrad", "adadelta", "sgd"]  # Keras' names
Strategy = Literal["none", "mirrored", "multiworker"]
VocabularyKind = Literal["characters", "bytes"]
HeadName = Literal["auto", "bernoulli", "categorical", "normal", "normal_mixture", "laplace_mixture", "discretized_logistic_mixture"]
Order = str | Sequence[int] | None  # a name, or a permutation of 0..D-1
Seed = Annotated[int, "at least 0"]  # NumPy's generators refuse negative seeds

ORDERS = ("natural", "reversed", "random", "alternating", "scan")
CELLS: tuple[str, ...] = get_args(Cell)
CONNECTIVITIES: tuple[str, ...] = get_args(Connectivity)
SCHEDULES: tuple[str, ...] = get_args(Schedule)
OPTIMIZERS: tuple[str, ...] = get_args(OptimizerName)
WITH_AUTOMATIC_RATE = ("adam", "adamw")  # optimizers for which `tfar.automatic` chooses a learning rate


class Shown(NamedTuple):
    """How a setting is shown to a user: one line of help, and what stands for its value there."""

    help: str
    metavar: str | None = None
    flag: str | None = None  # its name on the command line where that is not the field's
    command_line: bool = True  # whether the command line sets it; otherwise Python alone does
    automatic: bool = False  # whether `tfar.automatic` chooses it where no value is given; a network made in Python has the default


def setting(default: Any, help: str, metavar: str | None = None, *, density: bool = True, **shown: Any) -> Any:
    """A field of a settings dataclass, with its default value, its help, and what else `Shown` has.

    `density` says of a setting of a network whether the density depends on it once the weights are given: if so, weights are refused by a
    network with another value.
    """
    return dataclasses.field(default=default, metadata={"shown": Shown(help, metavar, **shown), "density": density})


automatic = functools.partial(setting, None, automatic=True)  # a field whose default is None


def settings_of(group: type) -> dict[str, dataclasses.Field]:
    """The fields of a settings dataclass by name."""
    return {field.name: field for field in dataclasses.fields(group)}


def without_density(family: type) -> set[str]:
    """The arguments of a family's network that its density does not depend on, once its weights are given."""
    return {"name", "trainable"} | {name for name, field in settings_of(family).items() if not field.metadata["density"]}


# Families


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of models: the settings of its network, and what the constructor and the command line know about it.

    Attributes:
        name: on the command line.
        summary: one line for help.
        head: the default head of its constructor, by name.
        data: "vectors", "images" or "text": what it models.
        takes_columns: whether it models tables with a head for each column.
        xla: whether XLA makes training steps so much quicker that compiling them pays within a few epochs.
        training: values of automatic fields of `Training`, by name, that do not depend on the data; see `tfar.automatic`.
        tables: the same, and values of the family's settings, for a table with a head for each column.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    head: ClassVar[str] = "bernoulli"
    data: ClassVar[Literal["vectors", "images", "text"]] = "vectors"
    takes_columns: ClassVar[bool] = True
    xla: ClassVar[bool] = True
    training: ClassVar[Mapping[str, Any]] = {}
    tables: ClassVar[Mapping[str, Any]] = {}

    context_size: int = setting(0, "number C of features that the density is conditioned on; 0 for none", command_line=False)
    dtype: str | None = setting(None, "dtype policy of the network, 'float64'; None for Keras' own", command_line=False, density=False)


HIDDEN_DROPOUT = "share of the units of each hidden layer that training drops"
HIDDEN_ACTIVATION = "activation of the hidden layers, by its Keras name"
ORDER_HELP = "order of generation: natural, reversed, or a permutation"
DRAWN_ORDER_HELP = (
    "order of generation: natural, reversed, random, alternating (natural and reversed in turn), scan (of an image, in a direction that "
    "the seed gives), or a permutation"
)
DEFAULT_ORDER_HELP = "order of evaluation and sampling where no other is given; the model learns all orders"
INITIALIZER_HELP = "initializer of the kernels"


@dataclass(frozen=True, kw_only=True)
class LogisticAutoregressive(Family):
    """Settings of `tfar.networks.LogisticAutoregressive`."""

    name = "logistic"
    summary = "logistic autoregressive network, FVSBN (Frey 1998)"
    tables = {"learning_rate": 3e-3}

    order: Order = setting("natural", DRAWN_ORDER_HELP, "ORDER")
    num_masks: int = setting(1, "number of orders whose densities are averaged", "N")
    masks_per_step: int = setting(1, "number of the orders that one training step uses", "N", command_line=False, density=False)
    seed: Seed = setting(0, "seed of the orders that are drawn", command_line=False)


@dataclass(frozen=True, kw_only=True)
class NADE(Family):
    """Settings of `tfar.networks.NADE`."""

    name = "nade"
    summary = "NADE, one hidden layer with shared weights (Larochelle & Murray 2011)"

    hidden_units: int = setting(500, "size of the hidden layer", "H", automatic=True)
    activation: str = setting("sigmoid", "activation of the hidden layer, by its Keras name")
    order: Order = setting("natural", ORDER_HELP, "ORDER")
    rescale: bool = setting(False, "learn a scale of the hidden layer for each position")
    kernel_initializer: Any = setting("glorot_uniform", INITIALIZER_HELP, command_line=False, density=False)


@dataclass(frozen=True, kw_only=True)
class RNADE(NADE):
    """Settings of `tfar.networks.RNADE`."""

    name = "rnade"
    summary = "RNADE, NADE for real values with mixtures (Uria et al. 2013)"
    head = "normal_mixture"
    tables = {"weight_decay": 1.0}

    hidden_units: int = setting(50, "size of the hidden layer", "H", automatic=True)
    means_range: Any = setting((-2.0, 2.0), "range of the values: (lowest, highest), or a pair of each", command_line=False, density=False)
    activation: str = setting("relu", "activation of the hidden layer, by its Keras name")
    rescale: bool = setting(True, "learn a scale of the hidden layer for each position")


@dataclass(frozen=True, kw_only=True)
class NeuralAutoregressive(Family):
    """Settings of `tfar.networks.NeuralAutoregressive`."""

    name = "neural"
    summary = "one hidden layer for each dimension (Bengio & Bengio 2000)"

    hidden_units: int = setting(16, "hidden units of each dimension", "H", automatic=True)
    activation: str = setting("tanh", HIDDEN_ACTIVATION)
    direct: bool = setting(True, "connect the inputs to the outputs directly")
    order: Order = setting("natural", ORDER_HELP, "ORDER")


@dataclass(frozen=True, kw_only=True)
class MADE(Family):
    """Settings of `tfar.networks.MADE`."""

    name = "made"
    summary = "masked autoencoder (Germain et al. 2015)"
    # Chosen on validation rows of Adult: without dropout, 500 units over-fit in a few passes.
    tables = {"hidden_units": (512, 512), "dropout": 0.5, "learning_rate": 2e-3, "weight_decay": 0.02, "batch_size": 256}

    hidden_units: Sequence[int] = setting((2000,), "sizes of the hidden layers", "H", automatic=True)
    activation: str = setting("relu", HIDDEN_ACTIVATION)
    direct: bool = setting(True, "connect the inputs to the outputs directly")
    num_masks: int = setting(1, "number of orders or connectivities whose densities are averaged", "N")
    masks_per_step: int = setting(1, "number of masks that one training step uses, each for its share of the rows", "N", density=False)
    order: Order = setting("natural", DRAWN_ORDER_HELP, "ORDER")
    connectivity: Connectivity = setting("even", "how the degrees of the hidden units are assigned")
    conditioning: bool = setting(False, "connectivity-conditioning weights, for more than one mask")
    dropout: float = setting(0.0, HIDDEN_DROPOUT, "P", density=False, automatic=True)
    seed: Seed = setting(0, "seed of the orders and connectivities that are drawn", command_line=False)
    window: int | None = setting(None, "number of degrees that a unit sees of the hidden units before it (default: all)", "N")


@dataclass(frozen=True, kw_only=True)
class DeepNADE(Family):
    """Settings of `tfar.networks.DeepNADE`."""

    name = "deepnade"
    summary = "Deep NADE, trained for all orders at once (Uria et al. 2014)"
    tables = {"patience": 20}

    hidden_units: Sequence[int] = setting((500, 500), "sizes of the hidden layers", "H", automatic=True)
    activation: str = setting("relu", HIDDEN_ACTIVATION)
    order: Order = setting("natural", DEFAULT_ORDER_HELP, "ORDER")
    kernel_initializer: Any = setting("glorot_uniform", INITIALIZER_HELP, command_line=False, density=False)
    dropout: float = setting(0.0, HIDDEN_DROPOUT, "P", density=False, automatic=True)
    seed: Seed = setting(0, "seed of the patterns that training draws", command_line=False, density=False)


@dataclass(frozen=True, kw_only=True)
class NADEK(Family):
    """Settings of `tfar.networks.NADEK`."""

    name = "nadek"
    summary = "NADE-k, k steps of inference, for binary values in any order (Raiko et al. 2014)"
    takes_columns = False

    num_steps: int = setting(5, "number k of inference steps", "K")
    hidden_units: Sequence[int] = setting((500, 500), "sizes of the hidden layers", "H", automatic=True)
    activation: str = setting("tanh", HIDDEN_ACTIVATION)
    data_mean: Any = setting(
        None, "mean of each dimension, where missing values start; None for a running mean", command_line=False, density=False
    )
    order: Order = setting("natural", DEFAULT_ORDER_HELP, "ORDER")
    kernel_initializer: Any = setting("glorot_uniform", INITIALIZER_HELP, command_line=False, density=False)
    dropout: float = setting(0.0, HIDDEN_DROPOUT, "P", density=False, automatic=True)
    seed: Seed = setting(0, "seed of the patterns that training draws", command_line=False, density=False)


@dataclass(frozen=True, kw_only=True)
class ImageFamily(Family):
    """Settings that all networks of images share; see `tfar.networks.images.ImageNetwork`."""

    data = "images"
    takes_columns = False
    training = {"batch_size": 16}  # more steps in a pass, which takes about half as long again as with 64

    filters: int = setting(32, "number of channels", "F")
    kernel_size: int = setting(7, "size of the first convolution, odd, at least 3", "K")
    head_filters: Sequence[int] = setting((32, 32), "channels of the 1x1 convolutions at the end", "F")
    dropout: float = setting(0.0, "share of the channels that training drops", "P", density=False)
    positions: bool = setting(True, "add a learned position embedding to each pixel")
    linear_means: bool = setting(False, "let means of a mixture depend linearly on the pixel's earlier colours", command_line=False)


@dataclass(frozen=True, kw_only=True)
class PixelCNN(ImageFamily):
    """Settings of `tfar.networks.PixelCNN`."""

    name = "pixelcnn"
    summary = "PixelCNN, masked convolutions, for images (van den Oord et al. 2016)"
    xla = False  # without it a step is no slower, and compiling takes seconds less
    training = {**ImageFamily.training, "learning_rate": 3e-3}

    num_blocks: int = setting(15, "number of residual blocks", "N")
    activation: str = setting("relu", "activation of the residual blocks and the head, by its Keras name")


@dataclass(frozen=True, kw_only=True)
class GatedPixelCNN(ImageFamily):
    """Settings of `tfar.networks.GatedPixelCNN`."""

    name = "gated_pixelcnn"
    summary = "Gated PixelCNN, two stacks, for images (van den Oord et al. 2016)"
    training = {**ImageFamily.training, "learning_rate": 3e-3}

    num_layers: int = setting(10, "number of layers", "N")
    skip_filters: int = setting(64, "channels of the skip connections", "F")
    head_filters: Sequence[int] = setting((64,), "channels of the 1x1 convolutions at the end", "F")


@dataclass(frozen=True, kw_only=True)
class PixelRNN(ImageFamily):
    """Settings that both PixelRNNs share."""

    num_layers: int = setting(7, "number of LSTM layers", "N")


@dataclass(frozen=True, kw_only=True)
class RowLSTM(PixelRNN):
    """Settings of `tfar.networks.RowLSTM`."""

    name = "rowlstm"
    summary = "Row LSTM, a PixelRNN, for images (van den Oord et al. 2016)"


@dataclass(frozen=True, kw_only=True)
class DiagonalBiLSTM(PixelRNN):
    """Settings of `tfar.networks.DiagonalBiLSTM`."""

    name = "diagonal_bilstm"
    summary = "Diagonal BiLSTM, a PixelRNN, for images (van den Oord et al. 2016)"


@dataclass(frozen=True, kw_only=True)
class CharRNN(Family):
    """Settings of `tfar.networks.CharRNN`."""

    name = "charrnn"
    summary = "recurrent network that reads and writes text, character by character"
    head = "categorical"
    data = "text"
    takes_columns = False
    training = {"learning_rate": 3e-3, "clip": 1.0, "batch_size": 64, "epochs": 30, "schedule": "cosine"}

    cell: Cell = setting("lstm", "cell of the recurrent layers")
    units: int = setting(512, "size of each layer's state", "H")
    num_layers: int = setting(3, "number of recurrent layers", "N")
    dropout: float = setting(0.4, "share of each layer's outputs that training drops", "P", density=False)
    embedding: int | None = setting(None, "size of the learned embedding of a character (default: one-hot codes)", "E")
    memory: float | None = setting(
        None,
        "longest memory in characters at initialisation (chrono initialisation; default: Keras' biases, of 2 to 4)",
        "T",
        density=False,
    )


FAMILIES: dict[str, type[Family]] = {
    family.name: family
    for family in (
        LogisticAutoregressive,
        NADE,
        RNADE,
        NeuralAutoregressive,
        MADE,
        DeepNADE,
        NADEK,
        PixelCNN,
        GatedPixelCNN,
        RowLSTM,
        DiagonalBiLSTM,
        CharRNN,
    )
}

# Heads


class HeadFacts(NamedTuple):
    """What must be known of a head before TensorFlow is imported; `tfar.heads` registers its class against it.

    Attributes:
        kinds: kinds of data that it fits, the one that it fits best first: "binary", "categorical", "continuous".
        options: the arguments of its constructor: those of `HeadSettings`, and `num_classes` or `levels` of the data.
    """

    kinds: tuple[str, ...]
    options: tuple[str, ...] = ()


HEADS: dict[str, HeadFacts] = {  # of the heads that fit a kind of data the first is that of `--head auto`
    "bernoulli": HeadFacts(("binary",)),
    "categorical": HeadFacts(("categorical", "binary"), ("num_classes",)),
    "normal_mixture": HeadFacts(("continuous",), ("num_components", "min_scale")),
    "normal": HeadFacts(("continuous",), ("min_scale",)),
    "laplace_mixture": HeadFacts(("continuous",), ("num_components", "min_scale")),
    "discretized_logistic_mixture": HeadFacts(("categorical",), ("num_components", "levels", "min_scale")),
}


@dataclass(frozen=True, kw_only=True)
class HeadSettings:
    """Which density one value has."""

    head: HeadName = setting("auto", "density of one value; auto: a head for each column of a table, else one that fits the data")
    num_components: int = setting(10, "number of components of a mixture", "K", flag="components")
    min_scale: float = setting(1e-3, "smallest scale of a continuous density, in standard deviations, or of levels scaled to [-1, 1]", "S")


# Data


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Where data come from, and how they are divided and quantised; see `tfar.datasets.load`."""

    data_dir: str | None = setting(None, "folder of prepared TFDS data sets (default: TFDS_DATA_DIR)", "DIR")
    levels: int | None = setting(None, "quantise to K classes (2: binary; 256: images in [0, 1])", "K")
    context: str | None = setting(None, "condition on this: label, a column's name, a TFDS feature", "NAME")
    data_seed: Seed = setting(0, "seed of the division into splits, of data without splits", "SEED")
    fold: int | None = setting(None, "test on fold K of a cross-validation, from 0, of data without splits", "K")
    folds: int | None = setting(None, "number of folds (default: 10)", "N")
    manual_dir: str | None = setting(None, "prepare the TFDS data set from original files in this folder", "DIR")
    test: str | None = setting(None, "test on the rows of this file; those of --data train and validate", "FILE")
    size: int | None = setting(None, "resize image files to N x N pixels: their central square", "N")
    gray: bool | None = setting(None, "convert image files to grey")
    channels_first: bool | None = setting(None, "arrays are images [N, C, H, W] (default: such are refused)")
    stream: bool = setting(False, "read training rows from their files as they are needed: of a folder or a pattern like 'big/*.parquet'")
    held_rows: int = setting(10_000, "of a stream: rows that validate, and that test, a tenth each at most", "N")
    buffer_rows: int | None = setting(None, "of a stream: rows that are shuffled together (default: 32 MiB of them)", "N")
    skip_damaged: bool = setting(False, "of a stream: leave out damaged shards and records, and count them")


@dataclass(frozen=True, kw_only=True)
class TableSettings:
    """How a table is read, what its columns are, see `tfar.datasets.load_table`, and which of them others can be given."""

    columns: Sequence[str] | None = setting(None, "keep these columns only", "COLUMN")
    drop: Sequence[str] = setting((), "leave these columns out", "COLUMN")
    categorical: Sequence[str] = setting((), "columns whose values are categories", "COLUMN")
    numeric: Sequence[str] = setting((), "columns whose values are numbers, and no identifiers", "COLUMN")
    delimiter: str | None = setting(None, "character between the cells of a text file (default: found in the file)", "CHARACTER")
    decimal: str | None = setting(None, "decimal mark of a text file, '.' or ',' (default: found in the file)", "MARK")
    header: bool | None = setting(None, "whether the first row of a text file names the columns (default: found in the file)")
    na_values: Sequence[str] = setting((), "more words of a text file that stand for a blank", "WORD")
    groups: str | None = setting(None, "keep rows with the same value of this column, such as a patient, in one split", "COLUMN")
    condition_on: Sequence[str] = setting((), "columns that come first in the order, so that the others can be drawn given them", "COLUMN")


@dataclass(frozen=True, kw_only=True)
class TextSettings:
    """Where a text comes from, and how it is encoded and divided; see `tfar.datasets.load_text`."""

    data_dir: str | None = setting(None, "folder of prepared TFDS data sets (default: TFDS_DATA_DIR)", "DIR")
    vocabulary: VocabularyKind = setting("characters", "what the classes are")
    splits: Sequence[float] = setting((90.0, 5.0, 5.0), "percentages that train, validate and test, one after the other", "P")
    unknown: bool = setting(False, "add a class for characters that the training split lacks")
    stream: bool = setting(False, "read files that are larger than memory by parts; the codes are in a temporary file")


# Training


@dataclass(frozen=True, kw_only=True)
class Training:
    """Settings of `tfar.training.fit`.

    Where a field is None, `tfar.automatic` chooses its value before the first step, by the family and the data.

    Raises:
        ValueError: a number is out of range, the schedule or the optimizer is unknown, or an optimizer needs a learning rate.
    """

    epochs: int = automatic("maximum number of epochs", "N")
    batch_size: int = automatic("rows in one step", "N")
    epoch_steps: int | None = automatic("steps in an epoch, at whose end the validation rows are scored", "N")
    optimizer: OptimizerName = setting("adam", "Keras' optimizer, by its name there; any but adam and adamw needs --learning-rate")
    learning_rate: float = automatic("peak learning rate", "R")
    schedule: Schedule = automatic("schedule of the learning rate")
    weight_decay: float = automatic("decoupled decay of the kernels, times the learning rate", "W")
    l2: float = automatic("L2 penalty of the kernels, L / 2 for each unit of their squared norm, divided by the number of rows", "L")
    ema: float = automatic("momentum of the exponential moving average of the weights; 0 for none", "M")
    clip: float = automatic("gradient-norm clipping threshold", "G")
    patience: int = automatic("epochs without a better validation NLL before training stops", "N")
    jit: bool | None = automatic("compile the training step by XLA")
    seed: Seed = setting(0, "seed of the weights, of the orders that are drawn, and of the shuffling", "SEED")

    def __post_init__(self) -> None:
        from tfar.validation import check_choices, check_counts, check_flags, check_numbers, check_seeds

        def given(*names: str) -> dict[str, Any]:
            return {name: value for name in names if (value := getattr(self, name)) is not None}

        check_counts(**given("epochs", "batch_size", "epoch_steps", "patience"))
        check_choices(SCHEDULES, **given("schedule"))
        check_choices(OPTIMIZERS, optimizer=self.optimizer)
        if self.learning_rate is None and self.optimizer not in WITH_AUTOMATIC_RATE:
            raise ValueError(
                f"a learning rate (--learning-rate) must be given for optimizers other than {' and '.join(WITH_AUTOMATIC_RATE)}, for which "
                f"it is automatic. Received: optimizer={self.optimizer!r}"
            )
        check_numbers("(0, inf)", **given("learning_rate"))
        check_numbers("[0, inf)", **given("weight_decay", "l2"))
        check_numbers("[0, 1)", **given("ema"))
        check_numbers("(0, inf]", **given("clip"))  # Keras does not clip at a norm of 0 or less
        check_flags(**given("jit"))
        check_seeds(seed=self.seed)


@dataclass(frozen=True, kw_only=True)
class SequenceTraining(Training):
    """Settings of `tfar.training.fit` for a text: truncated backpropagation through time."""

    batch_size: int = automatic("windows of text in one step", "N")
    sequence_length: int = setting(64, "characters in a window: backpropagation through time is truncated at its ends", "T")
    carry: bool = setting(True, "begin a window in the state in which the one before it ended")

    def __post_init__(self) -> None:
        from tfar.validation import check_counts, check_flags

        super().__post_init__()
        check_counts(sequence_length=self.sequence_length)
        check_flags(carry=self.carry)


@dataclass(frozen=True, kw_only=True)
class AfterTraining:
    """What `tfar train` does beside and after the training of arrays."""

    score_rows: int = setting(10_000, "rows of each split that are scored at the end; some families are slow at it", "N")
    refit: bool = setting(False, "then train anew on training and validation rows together, up to the best epoch")
    pictures_every: int = setting(0, "draw samples, completions and likelihoods every N epochs; 0: at the end only", "N")
    tensorboard: str | None = setting(None, "folder for TensorBoard: NLL, learning rate, and the pictures", "DIR")


@dataclass(frozen=True, kw_only=True)
class Devices:
    """Where `tfar train` trains. They change no result but rounding, and a training may be resumed with others."""

    strategy: Strategy = setting("none", "where to train: on one device, mirrored on all of this machine, or with the workers of TF_CONFIG")
    worker_timeout: int = setting(600, "seconds to wait for the other workers to come", "S")


@dataclass(frozen=True, kw_only=True)
class Reporting:
    """What `tfar train` prints."""

    quiet: bool = setting(False, "print no progress")
