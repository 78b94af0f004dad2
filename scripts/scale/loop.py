"""What the training loop adds to the compiled step, beside Keras' own `fit`, for every family.

    python scripts/benchmark_scale.py loop [--only FAMILY ...] [--rounds 1] [--epochs 6] [--seconds 1]

Each family takes steps of Adam with clipping in three ways, which take turns in one process; XLA compiles where it does by default:

    bare         loss, gradients and optimizer in one compiled function, called in Python with the same batch
    tfar         epochs of `tfar.training.fit`: batches, states and checks besides; without validation, and without averaged weights, which
                 the others have not
    Keras        epochs of `model.fit` on the same batches: metrics besides

    ms           least wall time of one step, over the rounds and their epochs, the first of which, where steps are compiled, does not count
    tfar / bare, Keras / bare, tfar / Keras    their ratios
"""

import argparse
import time
from pathlib import Path

from scale import record
from scale.measures import NORM, RATE, adam, bare

FEWEST, MOST = 10, 400  # steps in an epoch
LENGTH = 64  # characters in a window
SAME = {"learning_rate": RATE, "clip": NORM, "schedule": "constant", "ema": 0.0, "weight_decay": 0.0, "l2": 0.0}  # as `adam`


def cases():
    """Functions that make a model of each family, and the rows of a batch, by the family's name."""
    import tfar

    image = [14, 14, 1]
    return {
        "logistic": (lambda: tfar.LogisticAutoregressive([784]), 100),
        "nade": (lambda: tfar.NADE([784], hidden_units=500), 100),
        "rnade": (lambda: tfar.RNADE([11], hidden_units=50), 100),
        "neural": (lambda: tfar.NeuralAutoregressive([64], hidden_units=16), 100),
        "made": (lambda: tfar.MADE([784], hidden_units=[500]), 100),
        "deepnade": (lambda: tfar.DeepNADE([784], hidden_units=[500]), 100),
        "nadek": (lambda: tfar.NADEK([784], hidden_units=[500], num_steps=2), 100),
        "pixelcnn": (lambda: tfar.PixelCNN(image, filters=16, num_blocks=3), 20),
        "gated_pixelcnn": (lambda: tfar.GatedPixelCNN(image, filters=16, num_layers=3), 20),
        "rowlstm": (lambda: tfar.RowLSTM(image, filters=16, num_layers=2), 20),
        "diagonal_bilstm": (lambda: tfar.DiagonalBiLSTM(image, filters=16, num_layers=2), 20),
        "charrnn": (lambda: tfar.CharRNN("".join(map(chr, range(32, 96))), LENGTH, units=128, num_layers=1), 64),
    }


def is_text(model):
    from tfar.models import CharacterModel

    return isinstance(model, CharacterModel)


def data_of(model, batch):
    """What the model is trained on: rows, or the codes of a text."""
    import numpy as np

    generator = np.random.default_rng(0)
    if is_text(model):
        return generator.integers(model.head.num_classes, size=20 * batch * LENGTH)
    shape = [20 * batch, *model.event_shape]
    x = generator.integers(2, size=shape) if model.head.discrete else generator.normal(size=shape)
    return x.astype(model.head.dtype.as_numpy_dtype)


def batches_of(model, data, batch):
    """An endless stream of batches."""
    from tfar import datasets, training

    return datasets.windows(data, LENGTH, batch) if is_text(model) else training.batches(data, batch)


def epoch_timer(steps):
    """A Keras callback whose `seconds` are those of one step in each epoch, without validation."""
    import keras

    class Timer(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seconds = []

        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter()

        def on_test_begin(self, logs=None):
            self.seconds.append((time.perf_counter() - self.began) / steps)

    return Timer()


def fitted(model, data, batch, steps, epochs):
    """The seconds of one step in epochs of `tfar.training.fit`; the first one compiles, and does not count."""
    from tfar import training

    timer, text = epoch_timer(steps), {"sequence_length": LENGTH} if is_text(model) else {}
    held = data[: batch * LENGTH] if is_text(model) else data[:batch]
    options = {"epochs": epochs + 1, "epoch_steps": steps, "batch_size": batch, "patience": epochs + 1, **SAME, **text}
    training.fit(model, data, held, callbacks=[timer], **options)
    return timer.seconds[1:]


def keras_fitted(model, data, batch, steps, epochs):
    """As `fitted`, by `model.fit`."""
    timer, stream = epoch_timer(steps), batches_of(model, data, batch)
    model.compile(adam())
    options = {"validation_data": stream.take(1), "callbacks": [timer], "verbose": 0, "shuffle": False}
    model.fit(stream, steps_per_epoch=steps, epochs=epochs + 1, **options)
    return timer.seconds[1:]


def measure(make, batch, rounds, epochs, seconds):
    """The least seconds of one step in each way, by its name; and the steps of an epoch."""
    model = make()
    data = data_of(model, batch)
    run = bare(model, next(iter(batches_of(model, data, batch))), model.network.xla)
    run(1)
    steps = max(FEWEST, min(MOST, int(seconds / run(3))))
    found = {"bare": [], "tfar": [], "Keras": []}
    for _ in range(rounds):
        for name, way in (("tfar", fitted), ("Keras", keras_fitted)):
            found["bare"] += [run(steps) for _ in range(epochs)]
            found[name] += way(make(), data, batch, steps, epochs)
    return {name: min(times) for name, times in found.items()}, steps


def main(words):
    parser = argparse.ArgumentParser("benchmark_scale.py loop", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=list(cases()), choices=list(cases()), help="families (default: all)")
    parser.add_argument("--rounds", type=int, default=1, help="times that each way is compiled anew (default: 1)")
    parser.add_argument("--epochs", type=int, default=6, help="epochs of each round that count (default: 6)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of bare steps in an epoch, about (default: 1)")
    parser.add_argument("--results", type=Path, default=record.FILE, help="the file of the figures")
    args = parser.parse_args(words)
    for family in args.only:
        make, batch = cases()[family]
        least, steps = measure(make, batch, args.rounds, args.epochs, args.seconds)
        found = {f"{name}_ms": round(1e3 * value, 3) for name, value in least.items()}
        found |= {f"{a}_over_{b}": round(least[a] / least[b], 3) for a, b in (("tfar", "bare"), ("Keras", "bare"), ("tfar", "Keras"))}
        found |= {"batch": batch, "steps": steps, "samples": args.rounds * args.epochs, "xla": bool(make().network.xla)}
        print(family, found, flush=True)
        record.update("loop", family, found, args.results)
