"""Deep NADE: one network for all orders, averages over them, and completions of any pattern."""

import numpy as np
import tensorflow as tf

from slides.protocol import MODEL, SEED, data, figure, images, milliseconds, number, plain, processor_seconds, shipped, table
from tfar import plotting
from tfar.orders import random_orders

COUNTS = (1, 2, 8, 32, 128)  # orders whose probabilities are averaged
ROWS = 100  # the first test rows
IMAGE, DRAWS = 5, 6  # a test image, and completions of each pattern
BATCH = 16  # rows of the timing


def run(lecture):
    """Measure and draw."""
    model, test = shipped("deepnade-binarized_mnist"), data("binarized_mnist").test.x
    observed = patterns()
    x = np.repeat(test[IMAGE : IMAGE + 1], len(observed) * DRAWS, axis=0)
    draws = model.complete(x, np.repeat(observed, DRAWS, axis=0)[..., None], seed=SEED).numpy()
    draws = images(draws).reshape(len(observed), DRAWS, 28, 28)
    lecture.draw("deepnade-completions", plotting.completions(images(x[: len(observed)]), observed, draws))
    look = f"lecture: NLL against the number of orders, first {ROWS} test rows"
    found = lecture.part("deepnade", "orders", {"counts": list(COUNTS), "rows": ROWS}, lambda: orders(model, test[:ROWS]), look)
    lecture.draw("deepnade-orders", of_orders(found))
    lecture.part("deepnade", "cost", {"rows": BATCH}, lambda: cost(model, test[:BATCH]))


def regions(found):
    """The tables of the page."""
    orders, cost = found["orders"], found["cost"]
    rows = [
        (count, number(nll), number(better), number(error))
        for count, nll, better, error in zip(orders["counts"], orders["nll"], orders["gain"], orders["gain_error"], strict=True)
    ]
    names = {"pass": "one pass of the network (all outputs, given one pattern)", "log_prob": "`log_prob`, one order", "sample": "`sample`"}
    times = [(name, milliseconds(cost[key]), number(cost[key] / cost["log_prob"])) for key, name in names.items()]
    return {
        "orders": table(["orders", f"NLL of {orders['rows']} test rows", "gain over one order", "± of the gain"], rows),
        "cost": table([f"{cost['rows']} rows", "processor time", "relative to `log_prob`"], times),
    }


def patterns():
    """Observed pixels, bool `[5, 28, 28]`: above, left, around a square, every third row, and a random tenth."""
    observed = np.zeros([5, 28, 28], bool)
    observed[0, :14] = observed[1, :, :14] = observed[2] = observed[3, ::3] = True
    observed[2, 8:20, 8:20] = False
    observed[4] = np.random.default_rng(SEED).random([28, 28]) < 0.1
    return observed


def orders(model, x):
    """NLL of test rows, averaged over the probabilities in the first n of some random orders."""
    network, every = model.network, random_orders(model.network.event_size, max(COUNTS), SEED)

    @tf.function(jit_compile=True, autograph=False)
    def score(order):
        return model.head.log_prob(network(tf.constant(x), order=order), tf.constant(x), event_ndims=3)

    scores = np.stack([score(tf.constant(order)).numpy().astype(np.float64) for order in every])  # (128, N)
    averaged = np.stack([-(np.logaddexp.reduce(scores[:count], axis=0) - np.log(count)) for count in COUNTS])  # (counts, N)
    gain = averaged[0] - averaged
    return {
        "nll": averaged.mean(axis=1).tolist(),
        "nll_error": (averaged.std(axis=1, ddof=1) / len(x) ** 0.5).tolist(),
        "gain": gain.mean(axis=1).tolist(),
        "gain_error": (gain.std(axis=1, ddof=1) / len(x) ** 0.5).tolist(),
    }


def cost(model, x):
    """Processor seconds of a pass, of an exact score and of a sample."""
    x = tf.constant(x)
    half = tf.constant(np.broadcast_to(np.arange(model.network.event_size) < 392, [1, len(x), model.network.event_size]))
    once = tf.function(lambda: model.network.masked_nll(x, half, None, model.head), jit_compile=True, autograph=False)
    score = tf.function(lambda: model.distribution().log_prob(x), jit_compile=True, autograph=False)
    draw = tf.function(lambda: model.distribution().sample(len(x), seed=SEED), jit_compile=True, autograph=False)
    return {name: processor_seconds(f, 3) for name, f in {"pass": once, "log_prob": score, "sample": draw}.items()}


def of_orders(found):
    """Draw the NLL against the number of orders."""
    picture = figure(6.5, 3.6)
    axes = picture.add_subplot()
    axes.plot(found["counts"], found["nll"], "-o", color=MODEL)
    axes.set_xscale("log", base=2)
    axes.set_xticks(found["counts"], map(str, found["counts"]))
    axes.set_xlabel("orders whose probabilities are averaged")
    axes.set_ylabel(f"NLL of {found['rows']} test rows, nats")
    plain(axes)
    return picture
