"""The chain rule: a probability as a product of conditionals, and a sample one value after the other."""

import itertools

import numpy as np
import tensorflow as tf

import tfar
from slides.protocol import MODEL, figure, number, table
from tfar import noise

X = (0, 1, 1, 0)  # the lecture's example
WEIGHTS, DRAWN = 1, 7  # seeds of the model's weights and of the sample


def run(lecture):
    """Measure and draw."""
    found = lecture.part("chain", "example", {"x": list(X), "seeds": [WEIGHTS, DRAWN]}, example)
    lecture.draw("chain", of_tree(found))


def regions(found):
    """The tables of the page."""
    example = found["example"]
    rows, product = [], 1.0
    for position, (value, one) in enumerate(zip(X, example["ones"], strict=True)):
        conditional = one if value else 1 - one
        product *= conditional
        given = ", ".join(f"x{i + 1} = {x}" for i, x in enumerate(X[:position]))
        name = f"p(x{position + 1} = {value}{' given ' + given if given else ''})"
        rows.append((name, number(one, 4), number(conditional, 4), number(product, 5)))
    steps = [(step, number(draw["one"], 4), number(draw["noise"], 4), draw["value"]) for step, draw in enumerate(example["steps"], start=1)]
    by_hand, by_model = example["by_hand"], example["by_position_log_prob"]
    sentence = (
        f"By hand: {by_hand:.6f}. By `position_log_prob`: {by_model:.6f}. The probabilities of all 16 values sum to {example['sum']:.6f}."
    )
    return {
        "product": table(["conditional", "p(one)", "p(value)", "product so far"], rows),
        "sums": sentence,
        "steps": table(["step", "p(one)", "noise u", "value: u < p"], steps),
    }


def model():
    """A logistic autoregressive network of four binary variables, with random weights."""
    made = tfar.LogisticAutoregressive([4])
    tfar.testing.randomize(made.network, seed=WEIGHTS)
    return made


def conditional_by_hand(network, before):
    """p(x_d = 1 | x_<d) from the weights: the logistic function of a weighted sum."""
    layer = network.connections[0][0]
    d, kernel, bias = len(before), layer.kernel.numpy(), layer.bias.numpy()
    return 1 / (1 + np.exp(-(bias[d] + np.dot(before, kernel[:d, d]))))


def example():
    """The figures of the section."""
    made = model()
    network, distribution = made.network, made.distribution()
    ones = [float(conditional_by_hand(network, X[:d])) for d in range(4)]
    tree = {
        "".join(map(str, before)): float(conditional_by_hand(network, before))
        for depth in range(4)
        for before in itertools.product((0, 1), repeat=depth)
    }
    everything = np.array(list(itertools.product((0, 1), repeat=4)))
    return {
        "ones": ones,
        "by_hand": float(np.prod([one if value else 1 - one for value, one in zip(X, ones, strict=True)])),
        "by_position_log_prob": float(np.exp(distribution.position_log_prob([X]).numpy().sum())),
        "sum": float(np.exp(distribution.log_prob(everything)).sum()),
        "tree": tree,
        "steps": stepped(network),
        "sampled": made.sample(1, seed=DRAWN).numpy()[0].tolist(),
    }


def stepped(network):
    """A sample, drawn by hand with `step`, from the noise that `sample` uses."""
    uniforms = noise.uniform(noise.seeds_of(DRAWN, 1), 4).numpy()[0]
    state, previous, steps = network.initial_state(1), tf.zeros([1]), []
    for index, u in enumerate(uniforms):
        if index % network.block_size == 0:
            state = network.enter_block(state, index // network.block_size, previous)
        logit, state = network.step(state, tf.constant(index), previous)
        one = float(tf.sigmoid(logit[0, 0]))
        previous = tf.fill([1], float(u < one))
        steps.append({"one": one, "noise": float(u), "value": int(u < one)})
    return steps


def of_tree(found):
    """Draw all values as paths through a tree, those of the example in colour."""
    picture = figure(9, 4.2)
    axes = picture.add_subplot()
    for before, one in found["tree"].items():
        depth = len(before)
        for value, share in ((0, 1 - one), (1, one)):
            after = before + str(value)
            on = tuple(map(int, after)) == X[: depth + 1]
            start, end = (depth, place(before)), (depth + 1, place(after))
            axes.plot(*zip(start, end, strict=True), color=MODEL if on else "#bbbbbb", linewidth=6 * share + 0.3, solid_capstyle="round")
            if on or depth < 2:
                across, up = (0.5, 0.5) if depth < 3 else (0.6, 0.6)
                axes.text(
                    start[0] + across * (end[0] - start[0]),
                    start[1] + up * (end[1] - start[1]),
                    f"{share:.2f}",
                    ha="center",
                    va="center",
                    fontsize=9,
                    color=MODEL if on else "#777777",
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
                )
    for values in itertools.product("01", repeat=4):
        after = "".join(values)
        probability = np.prod([found["tree"][after[:d]] if after[d] == "1" else 1 - found["tree"][after[:d]] for d in range(4)])
        on = tuple(map(int, after)) == X
        axes.text(
            4.06, place(after), f"{after}  {probability:.3f}", va="center", fontsize=8, color=MODEL if on else "black", family="monospace"
        )
    axes.set_xlim(-0.05, 4.7)
    for depth in range(4):
        axes.text(depth + 0.5, 1.04, f"$p(x_{depth + 1} \\mid x_{{<{depth + 1}}})$", ha="center", fontsize=11)
    axes.text(4.3, 1.04, "$p(x)$", ha="center", fontsize=11)
    axes.set_axis_off()
    return picture


def place(values):
    """The height of a node of the tree, from 0 to 1."""
    return 1 - (int(values or "0", 2) + 0.5) / 2 ** len(values)
