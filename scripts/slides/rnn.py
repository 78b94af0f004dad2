"""Recurrent networks: "hello" symbol by symbol, and how far back a cell remembers."""

import time

import keras
import numpy as np
import tensorflow as tf

import tfar
from slides.protocol import COLOURS, SEED, figure, number, plain, result_of, run_of, table

SYMBOLS, FILLER, CUE = 8, 8, 9  # the first symbol is one of 8; then come fillers, a cue, and the first symbol again
DISTANCES = (10, 30, 100, 300)
CELLS = {  # settings of the network by the name of its curve
    "RNN": {"cell": "rnn"},
    "GRU": {"cell": "gru"},
    "LSTM": {"cell": "lstm"},
    "LSTM, chrono": {"cell": "lstm", "chrono": True},
}
UNITS, ROWS, STEPS, ROUND, RATE = 32, 32, 1000, 50, 5e-3
HELLO_EPOCHS = 14  # few enough that the softmax still hesitates
SHAKESPEARE, PROMPT, LENGTH, TEMPERATURE = "charrnn-shakespeare_complete", "KING LEAR:", 700, 0.8
TESTED = 1000  # fresh sequences that measure the accuracy; its standard error is at most 0.016


def run(lecture):
    """Measure and draw."""
    found = lecture.part("rnn", "hello", {"units": 16, "epochs": HELLO_EPOCHS}, hello)
    lecture.draw("rnn-hello", of_softmaxes(found))
    accuracy = {(name, distance): recalled(lecture, name, distance)["accuracy"] for distance in DISTANCES for name in CELLS}
    curves = {name: [accuracy[name, distance] for distance in DISTANCES] for name in CELLS}
    lecture.draw("rnn-memory", of_memory(curves))
    lecture.part("rnn", "memory", {"distances": list(DISTANCES), "accuracy": curves}, lambda: {"chance": 1 / SYMBOLS})
    result = result_of(SHAKESPEARE)
    wanted = {"nll": result["nll"], "prompt": PROMPT, "length": LENGTH, "temperature": TEMPERATURE, "seed": SEED}
    text = lecture.training("rnn", SHAKESPEARE, wanted, written, minutes=60)["text"]
    figures = {key: result[key] for key in ("nll", "nll_error", "rows", "parameters", "baseline_nll", "seconds")}
    lecture.part("rnn", "shakespeare", figures, lambda: {"text": text})


def regions(found):
    """The tables of the page."""
    rows = [(name, *(number(value, 2) for value in values)) for name, values in found["memory"]["accuracy"].items()]
    shown = found["hello"]
    softmaxes = [
        (f'"{"hello"[:position]}"', f"{target}", *(number(value, 2) for value in row))
        for position, (target, row) in enumerate(zip("hello", shown["softmax"], strict=True))
    ]
    play = found["shakespeare"]
    scores = f"{number(play['nll'], 3)} ± {number(play['nll_error'], 3)}"
    return {
        "shakespeare": table(
            ["parameters", "minutes of training", "test characters", "nats per character", "independent characters"],
            [(f"{play['parameters']:,}", number(play["seconds"] / 60, 0), f"{play['rows']:,}", scores, number(play["baseline_nll"], 3))],
        ),
        "lear": f"```text\n{play['text']}\n```",
        "hello": table(["read", "next", *(f"p({symbol})" for symbol in shown["vocabulary"])], softmaxes),
        "memory": table(["cell", *(f"T = {distance}" for distance in found["memory"]["distances"])], rows),
    }


def hello():
    """The softmaxes of a small network that was shown "hello"."""
    keras.utils.set_random_seed(SEED)
    model = tfar.CharRNN("helo", length=5, units=16, num_layers=1, dropout=0.0)
    model.compile(keras.optimizers.Adam(0.05))
    codes = model.vocabulary.encode("hello")[None]
    model.fit(np.tile(codes, [32, 1]), epochs=HELLO_EPOCHS, verbose=0)
    softmax = tf.nn.softmax(model.network(codes)).numpy()[0]
    return {"vocabulary": [model.vocabulary.decode([k]) for k in range(4)], "softmax": softmax.round(4).tolist()}


def written():
    """What the network of all of Shakespeare writes after a prompt."""
    model = run_of(SHAKESPEARE)
    return {"text": model.sample(1, seed=SEED, prompt=PROMPT, length=LENGTH, temperature=TEMPERATURE)[0]}


def of_softmaxes(found):
    """Draw the softmax after each symbol."""
    picture = figure(6, 3.2)
    axes = picture.add_subplot()
    softmax = np.array(found["softmax"]).T
    axes.imshow(softmax, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(softmax.shape):
        value = softmax[row, column]
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if value > 0.5 else "black", fontsize=10)
    axes.set_xticks(range(5), ["(start)", *"hell"])
    axes.set_yticks(range(4), found["vocabulary"])
    axes.set_xlabel("symbol read last")
    axes.set_ylabel("next symbol")
    return picture


def sequences(generator, rows, distance):
    """Draw sequences `[rows, distance + 1]` whose last symbol is their first.

    >>> sequences(np.random.default_rng(0), 1, 4).tolist()
    [[6, 8, 8, 9, 6]]
    """
    x = np.full([rows, distance + 1], FILLER, np.int32)
    x[:, 0] = x[:, -1] = generator.integers(SYMBOLS, size=rows)
    x[:, -2] = CUE
    return x


def recalled(lecture, name, distance):
    """The accuracy of a cell at a distance."""
    settings = {"units": UNITS, "rows": ROWS, "most_steps": STEPS, "learning_rate": RATE}
    return lecture.training("rnn", f"{name}, T = {distance}", settings, lambda: remember(CELLS[name], distance), minutes=15)


def remember(settings, distance):
    """Train a cell to repeat the first symbol of a sequence at its end; stop when two rounds in a row repeat nearly all."""
    keras.utils.set_random_seed(SEED)
    generator, began = np.random.default_rng(SEED), time.perf_counter()
    size = distance + 1
    memory = 1.5 * distance if settings.get("chrono") else None
    network = tfar.networks.CharRNN(
        [size], 10, num_classes=10, cell=settings["cell"], units=UNITS, num_layers=1, dropout=0.0, memory=memory
    )
    model = tfar.AutoregressiveModel(network, tfar.heads.Categorical(10))
    optimizer = keras.optimizers.Adam(RATE, clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    observed = np.arange(size) < size - 1

    @tf.function(jit_compile=True, autograph=False)
    def step(x):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(model.distribution().conditional_log_prob(x, observed))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True))
        return loss

    @tf.function(jit_compile=True, autograph=False)
    def answers(x):
        return tf.argmax(network(x)[:, -1], axis=-1)

    taken, good, curve = 0, 0, []
    while taken < STEPS and good < 2:
        loss = np.mean([step(tf.constant(sequences(generator, ROWS, distance))).numpy() for _ in range(ROUND)])
        taken += ROUND
        good = good + 1 if loss < 0.02 else 0
        curve.append(round(float(loss), 4))
    x = sequences(np.random.default_rng(SEED + 1), TESTED, distance)
    accuracy = float((answers(tf.constant(x)).numpy() == x[:, -1]).mean())
    return {"accuracy": accuracy, "steps": taken, "loss": curve, "seconds": round(time.perf_counter() - began, 1)}


def of_memory(curves):
    """Draw accuracy against distance."""
    picture = figure(7, 4.2)
    axes = picture.add_subplot()
    for index, (name, values) in enumerate(curves.items()):  # the first are broad: curves that agree stay visible
        width = 7 - 1.7 * index
        axes.plot(DISTANCES, values, f"-{'osD^'[index]}", color=COLOURS[index], label=name, linewidth=width, markersize=width + 6)
    axes.axhline(1 / SYMBOLS, color="black", linewidth=1, linestyle=":", label="guess")
    axes.set_xscale("log")
    axes.set_xticks(DISTANCES, map(str, DISTANCES))
    axes.minorticks_off()
    axes.set_xlabel("T, symbols between a symbol and its repetition")
    axes.set_ylabel("share repeated")
    axes.set_ylim(0, 1.05)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    plain(axes)
    return picture
