"""What the lecture says of all these models, measured: the cost of scores and samples, and what a linear probe reads off hidden units."""

import json
import time

import keras
import numpy as np
import tensorflow as tf

import tfar
from slides.protocol import COLOURS, ROOT, SEED, data, figure, milliseconds, number, plain, processor_seconds, result_of, shipped, table

MODELS = {  # shipped models of binarized MNIST, and how many steps one after the other a score takes
    "FVSBN": ("logistic", 1),
    "one network for each dimension": ("neural", 1),
    "NADE": ("nade", 784),
    "MADE": ("made", 1),
    "Deep NADE, one order": ("deepnade", 784),
    "NADE-5, one order": ("nadek", 784),
    "PixelCNN": ("pixelcnn", 1),
    "Row LSTM": ("rowlstm", 28),
    "Diagonal BiLSTM": ("diagonal_bilstm", 55),
}
ORDER_AGNOSTIC = ("Deep NADE, one order", "NADE-5, one order")  # a score of theirs is D passes already, each of another pattern
IMAGES = {"PixelCNN": "pixelcnn", "Row LSTM": "rowlstm", "Diagonal BiLSTM": "diagonal_bilstm"}
PUBLISHED = {"PixelCNN": 81.30, "Row LSTM": 80.54, "Diagonal BiLSTM": 79.20}  # van den Oord et al. 2016, table 4
ROWS = 16
FAMILIES = {  # the image networks that are trained here, and whether XLA compiles their steps: whichever is quicker
    "PixelCNN": (tfar.PixelCNN, {"num_blocks": 6}, False),
    "Gated PixelCNN": (tfar.GatedPixelCNN, {"num_layers": 3, "kernel_size": 5, "skip_filters": 24, "head_filters": [24]}, False),
    "Row LSTM": (tfar.RowLSTM, {"num_layers": 2, "kernel_size": 5}, True),
    "Diagonal BiLSTM": (tfar.DiagonalBiLSTM, {"num_layers": 2, "kernel_size": 5}, True),
}
CHANNELS, BUDGET, EPOCH = 24, 25, 50  # filters; processor seconds of training without compiling; steps between two looks at the clock
TRAINED, CHOOSING, TESTED = 3000, 500, 1000  # images of the probe
RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # times the mean square of a feature


def run(lecture):
    """Measure and draw."""
    x = data("binarized_mnist").test.x[:ROWS]
    found = {
        name: lecture.part("claims", name, {"rows": ROWS}, lambda model=model: cost(f"{model}-binarized_mnist", x))
        for name, (model, _) in MODELS.items()
    }
    lecture.draw("claims-cost", of_cost(found))
    trained = {name: [result_of(recipe)["nll"], result_of(recipe)["seconds"]] for name, recipe in IMAGES.items()}
    lecture.part("claims", "training", {"models": trained, "throughput": throughput()}, dict)
    curves = {name: learned(lecture, name) for name in FAMILIES}
    lecture.part("claims", "families", {"curves": curves}, lambda: {"budget": BUDGET})
    lecture.draw("claims-families", of_families(curves))
    look = f"lecture: linear probe, labels of {TESTED} test images of MNIST"
    lecture.part("claims", "probe", {"rows": [TRAINED, CHOOSING, TESTED]}, probe, look)


def regions(found):
    """The tables of the page."""
    costs = []
    for name, (_, steps) in MODELS.items():
        part = found[name]
        naive = 784 * part["log_prob"]
        passes = ("", "") if name in ORDER_AGNOSTIC else (f"about {number(naive, 0)} s", number(naive / part["sample"], 0))
        costs.append((name, number(part["nll"]), f"{steps}", milliseconds(part["log_prob"]), milliseconds(part["sample"]), *passes))
    speed = found["training"]["throughput"]
    images = [
        (
            name,
            number(PUBLISHED[name]),
            number(nll),
            number(seconds / 60, 0),
            number(speed[IMAGES[name]], 0),
            milliseconds(found[name]["sample"]),
        )
        for name, (nll, seconds) in found["training"]["models"].items()
    ]
    probes = [(name, f"{part['size']:,}", f"{part['accuracy']:.1%}") for name, part in found["probe"]["of"].items()]
    families = [
        (name, f"{one['parameters']:,}", f"{len(one['nll']) * EPOCH:,}", number(min(one["nll"])), milliseconds(one["sample"]))
        for name, one in found["families"]["curves"].items()
    ]
    header = [
        "model",
        "test NLL",
        "steps of a score",
        f"`log_prob`, {ROWS} images",
        f"`sample`, {ROWS} images",
        "784 passes",
        "cache is faster by",
    ]
    return {
        "cost": table(header, costs),
        "images": table(
            ["model", "published NLL", "NLL here", "minutes of training", "images a second, one size", f"`sample`, {ROWS} images"], images
        ),
        "families": table(["family", "parameters", "steps", "validation NLL, nats", f"`sample`, {ROWS} images"], families),
        "probe": table(["features", "number", "test accuracy"], probes),
    }


def learned(lecture, name):
    """The learning curve of a family on digits, within BUDGET."""
    settings = {"filters": CHANNELS, "budget": BUDGET, "epoch_steps": EPOCH}
    return lecture.training("claims", f"{name}, digits", settings, lambda: learn(name), minutes=10)


class Clock(keras.callbacks.Callback):
    """Ends a training when its budget of processor time is spent; the first epoch, which compiles, counts as much as the second.

    Attributes:
        seconds: processor time at the end of each epoch.
    """

    def on_train_begin(self, logs=None):
        self.seconds, self.began = [], 0.0

    def on_epoch_end(self, epoch, logs=None):
        now = time.process_time()
        if epoch == 1:
            self.seconds = [now - self.began]
        self.seconds.append(self.seconds[-1] + now - self.began if epoch else 0.0)
        self.began = now
        self.model.stop_training = self.seconds[-1] >= BUDGET


def learn(name):
    """Train a family on the digits; return NLLs of the validation rows and processor seconds of training, and those of a sample."""
    keras.utils.set_random_seed(SEED)
    family, options, xla = FAMILIES[name]
    digits = data("digits")
    model, clock = family(digits.event_shape, filters=CHANNELS, **options), Clock()
    fitted = tfar.training.fit(
        model,
        digits.train,
        digits.validation,
        callbacks=[clock],
        epochs=1000,
        epoch_steps=EPOCH,
        batch_size=ROWS,
        learning_rate=3e-3,
        schedule="constant",
        patience=1000,
        jit=xla,
    )
    sample = processor_seconds(lambda: model.sample(ROWS, seed=SEED), 3)
    nll = [float(value) for value in fitted.history["val_nll"]]
    return {"parameters": model.count_params(), "nll": nll, "seconds": clock.seconds, "sample": sample}


def throughput():
    """Training images a second of networks of one width, in batches of 64, by the benchmark's name of the family."""
    path = ROOT / "results" / "benchmark_throughput.txt"
    if not path.is_file():
        raise FileNotFoundError(f"the lecture needs {path.relative_to(ROOT)}, which 'python scripts/benchmark.py images' writes")
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    return {line[0]: float(line[-3]) for line in lines if len(line) > 8 and line[1] == "28x28," and line[5] == "64"}


def cost(name, x):
    """Processor seconds of a score and of a sample, compiled by XLA, and the NLL that the model's card gives."""
    model, x = shipped(name), tf.constant(x)
    score = tf.function(lambda: model.distribution().log_prob(x), jit_compile=True, autograph=False)
    draw = tf.function(lambda: model.distribution().sample(ROWS, seed=SEED), jit_compile=True, autograph=False)
    metrics = json.loads((ROOT / "saved_models" / name / "metrics.json").read_text(encoding="utf-8"))
    return {"log_prob": processor_seconds(score, 3), "sample": processor_seconds(draw, 3), "nll": metrics["test"]["nll"]}


def probe():
    """Test accuracy of a linear classifier of digits from raw pixels and from hidden units of three models."""
    mnist = data("mnist", levels=2, context="label")
    x = np.concatenate([mnist.train.x[: TRAINED + CHOOSING], mnist.test.x[:TESTED]])
    labels = np.concatenate([mnist.train.context[: TRAINED + CHOOSING], mnist.test.context[:TESTED]]).argmax(axis=1)
    found = {}
    for name, features in {"raw pixels": pixels, "random units": drawn, "NADE": nade, "MADE": made, "PixelCNN": pixelcnn}.items():
        values = np.concatenate([features(part) for part in np.array_split(x, 40)]).astype(np.float64)
        found[name] = {"size": values.shape[1], "accuracy": accuracy(values, labels)}
    return {"of": found}


def pixels(x):
    """The pixels, `[N, 784]`."""
    return x.reshape(len(x), -1)


def drawn(x):
    """Rectified units with random weights, as many as MADE has."""
    weights = np.random.default_rng(SEED).normal(size=[784, 750]) / 10
    return np.maximum(pixels(x) @ weights, 0)


def nade(x):
    """NADE's hidden units when all pixels are read, `[N, 500]`."""
    network = shipped("nade-binarized_mnist").network
    return network.activation(tf.cast(pixels(x), tf.float32) @ network.input_kernel + network.hidden_bias).numpy()


def made(x):
    """MADE's hidden units, `[N, 750]`."""
    network = shipped("made-binarized_mnist").network
    layer = network.connections[0][0]
    before = (tf.cast(pixels(x), tf.float32) - layer.mean) @ layer.masked_kernel() + layer.bias
    return network.activation(before).numpy()


def pixelcnn(x):
    """PixelCNN's last features, averaged over squares of 7 x 7 pixels, `[N, 4 * 4 * 96]`."""
    network = shipped("pixelcnn-binarized_mnist").network
    features = network.features_of(network.as_images(x), None, False)
    return tf.nn.avg_pool2d(features, 7, 7, "VALID").numpy().reshape(len(x), -1)


def accuracy(values, labels):
    """Test accuracy of ridge regression on one-hot labels; its penalty is the one of the best accuracy on the rows for choosing."""
    values = values - values[:TRAINED].mean(axis=0)
    values = np.concatenate([values, np.full([len(values), 1], np.sqrt(np.square(values[:TRAINED]).mean()))], axis=1)
    x, y = values[:TRAINED], np.eye(10)[labels[:TRAINED]]
    gram, product = x.T @ x, x.T @ y
    strength = np.trace(gram) / len(gram)
    right = {}
    for ridge in RIDGES:
        guesses = (values[TRAINED:] @ np.linalg.solve(gram + ridge * strength * np.eye(len(gram)), product)).argmax(axis=1)
        right[ridge] = guesses == labels[TRAINED:]
    best = max(RIDGES, key=lambda ridge: right[ridge][:CHOOSING].mean())
    return float(right[best][CHOOSING:].mean())


def of_families(curves):
    """Draw the validation NLL against the seconds of training, and the least against the time of a sample."""
    picture = figure(10, 4)
    panels = picture.subplots(1, 2, sharey=True, width_ratios=[1.4, 1])
    for colour, (name, one) in zip(COLOURS, curves.items(), strict=False):
        panels[0].plot(one["seconds"], np.minimum.accumulate(one["nll"]), color=colour, label=name)
        panels[1].plot(1000 * one["sample"] / ROWS, min(one["nll"]), "o", color=colour, markersize=8)
    least = min(min(one["nll"]) for one in curves.values())
    panels[0].set_ylim(least - 0.5, least + 8)
    panels[0].set_ylabel("validation NLL, nats")
    panels[0].set_xlabel("processor time of training, s")
    panels[0].legend(frameon=False)
    panels[1].set_xlabel("processor time of one sampled image, ms")
    panels[1].set_xlim(0, 1200 * max(one["sample"] for one in curves.values()) / ROWS)
    for axes in panels:
        plain(axes)
    return picture


def of_cost(found):
    """Draw the NLL against the processor time of a sample."""
    picture = figure(8, 4.4)
    axes = picture.add_subplot()
    for index, (name, part) in enumerate(found.items()):
        seconds = part["sample"] / ROWS
        axes.plot(1000 * seconds, part["nll"], "o", color=COLOURS[index % len(COLOURS)], markersize=8)
        left = name in ("Row LSTM", "Diagonal BiLSTM")
        place = {"xytext": (-7, 0), "ha": "right"} if left else {"xytext": (7, 0)}
        axes.annotate(name, (1000 * seconds, part["nll"]), **place, va="center", textcoords="offset points", fontsize=9)
    axes.set_xscale("log")
    axes.set_xlabel("processor time of one sampled image, ms")
    axes.set_ylabel("test NLL, nats")
    axes.margins(x=0.15)
    plain(axes)
    return picture
