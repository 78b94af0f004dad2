"""The logistic autoregressive network: samples beside data, parameters, and what more of them buy."""

import keras
import numpy as np

import tfar
from slides.protocol import COLOURS, DATA, MODEL, SEED, data, figure, images, number, plain, result_of, shipped, table
from tfar import plotting

SIDE = 8  # images in a row of a grid
SIZES = (4, 16, 64, 784)
EPOCHS = 10
TRAINING = {
    "epochs": EPOCHS,
    "epoch_steps": 500,
    "batch_size": 100,
    "learning_rate": 5e-3,
    "schedule": "cosine",
    "weight_decay": 0.0,
    "patience": EPOCHS,
}
SMALL = {"NADE": (8, 32), "MADE": (8, 32, 125)}  # hidden units of the networks that are trained here
RECIPES = {"logistic": "FVSBN", "nade": "NADE", "made": "MADE", "neural": "neural"}
CLASSES = {"logistic": tfar.LogisticAutoregressive, "nade": tfar.NADE, "made": tfar.MADE, "neural": tfar.NeuralAutoregressive}


def run(lecture):
    """Measure and draw."""
    model, rows = shipped("logistic-binarized_mnist"), data("binarized_mnist")
    samples = model.sample(SIDE**2, seed=SEED).numpy()
    pictures = {"training data": images(rows.train.x[: SIDE**2]), "samples": images(samples)}
    lecture.draw("logistic-samples", plotting.image_grids(pictures, SIDE))
    lecture.part("logistic", "sizes", {"sizes": list(SIZES)}, sizes)
    points = {name: [list(recipe_point(recipe)) for recipe in RECIPES if RECIPES[recipe] == name] for name in RECIPES.values()}
    for name, units in SMALL.items():
        points[name] = sorted([*([*small(lecture, name, hidden)] for hidden in units), *points[name]])
    lecture.part("logistic", "capacity", {"points": points}, lambda: {"rows": len(rows.validation.x)})
    lecture.draw("logistic-capacity", of_capacity(points))


def regions(found):
    """The tables of the page."""
    rows = [(f"{size:,}", f"{part['formula']:,}", f"{part['effective']:,}", f"{part['stored']:,}") for size, part in found["sizes"]["of"]]
    points = [
        (name, f"{parameters:,}", number(nll)) for name, several in found["capacity"]["points"].items() for parameters, nll in several
    ]
    return {
        "sizes": table(["d", "d(d-1)/2 + d", "`effective_parameters()`", "stored"], rows),
        "capacity": table(["model", "effective parameters", "validation NLL, nats"], points),
    }


def sizes():
    """The number of parameters by the lecture's formula, by the network, and as they are stored."""
    of = []
    for size in SIZES:
        model = tfar.LogisticAutoregressive([size])
        counts = {"formula": size * (size - 1) // 2 + size, "effective": model.network.effective_parameters()}
        of.append((size, counts | {"stored": sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)}))
    return {"of": of}


def recipe_point(recipe):
    """Effective parameters and validation NLL of a recipe of binarized MNIST."""
    found, words = result_of(recipe), result_of(recipe)["train"].split()
    hidden = {"hidden_units": int(words[words.index("--hidden-units") + 1])} if "--hidden-units" in words else {}
    network = CLASSES[recipe]([28, 28, 1], **hidden).network
    return network.effective_parameters(), found["validation_nll"]


def small(lecture, name, hidden):
    """Effective parameters and validation NLL of a small network that is trained here."""
    settings = {"hidden_units": hidden, "epochs": EPOCHS}
    found = lecture.training("logistic", f"{name}, H = {hidden}", settings, lambda: trained(name, hidden), minutes=10)
    return found["parameters"], found["validation_nll"]


def trained(name, hidden):
    """Train a NADE, or a MADE without direct connections."""
    keras.utils.set_random_seed(SEED)
    options = {"hidden_units": hidden} if name == "NADE" else {"hidden_units": [hidden], "direct": False}
    model, rows = CLASSES[name.lower()]([28, 28, 1], **options), data("binarized_mnist")
    fitted = tfar.training.fit(model, rows.train, rows.validation, **TRAINING)
    return {"parameters": model.network.effective_parameters(), "validation_nll": float(min(fitted.history["val_nll"]))}


def of_capacity(points):
    """Draw validation NLL against parameters."""
    picture = figure(7, 4.4)
    axes = picture.add_subplot()
    for (name, several), colour in zip(points.items(), (DATA, MODEL, *COLOURS[1:]), strict=False):
        axes.plot(*np.array(several).T, "-o", color=colour, label=name)
    parameters, nll = points["FVSBN"][0]
    place = {"xytext": (40, 90), "textcoords": "offset points", "ha": "center", "fontsize": 9}
    axes.annotate("FVSBN has no size to choose", points["FVSBN"][0], **place, arrowprops={"arrowstyle": "-", "color": DATA})
    axes.set_xscale("log")
    axes.set_xlabel("effective parameters")
    axes.set_ylabel("validation NLL, nats")
    axes.legend(frameon=False)
    plain(axes)
    return picture
