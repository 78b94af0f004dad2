"""`tfar train`: from a data set to the folder of a trained model."""

import dataclasses
import functools
import inspect
import os
import time
from pathlib import Path

import keras
import numpy as np

from tfar import datasets, heads, models, plotting, training
from tfar.cli import outputs, runs, text
from tfar.cli.evaluate import references, report
from tfar.cli.training_run import SETTINGS, checkpoint_of, fitted, verbosity, written
from tfar.distributions import AutoregressiveDistribution
from tfar.files import refuse_existing
from tfar.options import TEXT_FAMILIES
from tfar.orders import DRAWN, is_drawn
from tfar.training import callbacks, refit
from tfar.validation import check_counts


def run(args):
    """Train a model, and write its folder. A training that was killed goes on where it was when the command is given again."""
    if args.model in TEXT_FAMILIES:
        return text.train(args)
    out = refuse_existing(args.out)
    check_counts(score_rows=args.score_rows)
    division = {"seed": args.data_seed, "fold": args.fold, "folds": args.folds}
    dataset = datasets.load(args.data, args.data_dir, levels=args.levels, context=args.context, manual_dir=args.manual_dir, **division)
    model = build(args, dataset)
    print(f"{dataset}\n{args.model}: {model.head!r}, {model.count_params():,} parameters", flush=True)
    if not plotting.available():
        print(f"no pictures will be made: {plotting.MISSING}", flush=True)
    trained = runs.Run(out, model, dataset.to_config())
    drawn = out.with_name(f"{out.name}.pictures")
    extra = watchers(args, trained, dataset, drawn)
    if args.pictures_every and not checkpoint_of(out).exists():
        for stale in drawn.glob("epoch-*.png"):
            stale.unlink()
    weights = model.get_weights()
    fit = fitted(functools.partial(training.fit, model, dataset.train, dataset.validation, callbacks=extra), args, out)
    if args.refit and not fit.interrupted:
        fit, metrics = refitted(model, weights, dataset, fit, args)
    else:
        metrics = measure(model, dataset, fit, args)
    with written(out, model, trained.data, fit, metrics) as folder:
        if args.pictures_every and drawn.exists():
            os.replace(drawn, folder / "pictures")
    if plotting.available():
        pictures(trained, dataset, fit, metrics, args.seed)
    print(report(f"{args.model} on {dataset.name}, test", metrics["test"], metrics))
    print("\n".join(str(path) for path in sorted(out.iterdir())))


def build(args, dataset):
    """The model that the arguments ask for, with a head that fits the data and weights drawn from `args.seed`."""
    allowed = {
        "binary": ("bernoulli", "categorical"),
        "categorical": ("categorical", "discretized_logistic_mixture"),
        "continuous": ("normal_mixture", "normal", "laplace_mixture"),
    }[dataset.kind]
    name = allowed[0] if args.head == "auto" else args.head
    if name not in allowed:
        raise ValueError(f"the head of {dataset.kind} data must be one of {allowed}. Received: --head {name}")
    head = {
        "bernoulli": lambda: heads.Bernoulli(),
        "categorical": lambda: heads.Categorical(dataset.levels),
        "normal": lambda: heads.Normal(args.min_scale),
        "normal_mixture": lambda: heads.NormalMixture(args.components, args.min_scale),
        "laplace_mixture": lambda: heads.LaplaceMixture(args.components, args.min_scale),
        "discretized_logistic_mixture": lambda: heads.DiscretizedLogisticMixture(args.components, dataset.levels, args.min_scale),
    }[name]()
    keras.utils.set_random_seed(args.seed % 2**32)
    constructor = models.FAMILIES[args.model]
    options = {option: getattr(args, option) for option in args.family_options}
    order = options.get("order")
    if is_drawn(order) and "num_masks" not in options:  # MADE draws its own
        options["order"] = DRAWN[order](dataset.event_shape, 1, args.seed)[0].tolist()
    known = {"seed": args.seed, "data_mean": dataset.train.x.mean(axis=0)}
    options |= {name: value for name, value in known.items() if name in inspect.signature(constructor).parameters}
    return constructor(dataset.event_shape, head=head, context_size=dataset.context_size or 0, **options)


def measure(model, dataset, fit, args):
    """The content of metrics.json; NLLs in nats, of standardised values where the data are continuous."""
    known = dataset.train.joined(dataset.validation) if args.refit and not fit.interrupted else dataset.train
    return {
        "model": args.model,
        "data": dataset.name,
        **{name: score(model, dataset, name, args) for name in dataset.splits},
        **references(model.head, known.x, dataset.test.x[: args.score_rows]),
        **runs.record(model, fit, args.command_line),
    }


def score(model, dataset, name, args):
    """The scores of a split's first rows."""
    found = training.evaluate(model, dataset.splits[name].take(slice(args.score_rows)), args.batch_size)
    return found | ({"nll_own_units": found["nll"] - dataset.log_jacobian} if dataset.kind == "continuous" else {})


def refitted(model, initial_weights, dataset, fit, args):
    """Train anew on training and validation rows, and return the `Fit` and metrics.json, whose validation NLL is from before.

    Ctrl-C gives the model the weights of the first training back.
    """
    weights, began = model.get_weights(), time.perf_counter()
    validation = score(model, dataset, "validation", args)
    print(f"training on training and validation rows together for {fit.best_epoch} epochs", flush=True)
    settings = {name: getattr(args, name) for name in SETTINGS if name != "patience"}
    try:
        refit.refit(model, initial_weights, dataset.train, dataset.validation, fit, verbose=verbosity(args), **settings)
    except KeyboardInterrupt:
        model.set_weights(weights)
        print("\ninterrupted: going on with the weights of the training without validation rows", flush=True)
        fit = dataclasses.replace(fit, interrupted=True)
        return fit, measure(model, dataset, fit, args)
    fit = dataclasses.replace(fit, seconds=fit.seconds + time.perf_counter() - began)
    return fit, {**measure(model, dataset, fit, args), "validation": validation, "refit": True}


def watchers(args, run, dataset, folder):
    """The Keras callbacks that log to TensorBoard and draw pictures into a folder as the model learns, where they are asked for."""
    found = []
    if args.tensorboard:
        callbacks.require_tensorboard()
        found.append(keras.callbacks.TensorBoard(args.tensorboard, write_graph=False))
    if (args.tensorboard or args.pictures_every) and plotting.available():
        context, count = contexts(run, dataset, 36)
        labels = sum(run.label_cells(context, count), []) or None
        where = folder if args.pictures_every else None, Path(args.tensorboard, "pictures") if args.tensorboard else None
        rows = dataset.validation.take(slice(8))
        found.append(callbacks.SamplePictures(*where, args.pictures_every, count, args.seed, context, labels, rows))
    return found


def contexts(run, dataset, count):
    """What to draw samples for, and how many, at most `count`: classes in turn, else contexts of test rows."""
    names, context = run.preparation.context_names, dataset.test.context
    if names is not None:
        count -= count % len(names) if len(names) < count else 0  # a grid with no gaps
        return run.contexts(None, count), count
    return None if context is None else context[np.arange(count) % len(context)], count


def pictures(run, dataset, fit, metrics, seed):
    """Draw the learning curve, samples, and what each pixel of some test images costs into the run's folder."""
    if fit.epochs:
        plotting.save(plotting.learning_curve(fit.history, metrics["baseline_nll"]), run.folder / "curve.png")
    context, count = contexts(run, dataset, 64)
    x = run.model.sample(count, seed, context).numpy()
    outputs.write_picture(run, run.folder / "samples.png", x, dataset.test.x, context=context)
    rows = dataset.test.take(slice(8))
    images, distribution = run.as_images(rows.x), run.model.distribution(rows.context)
    if images is not None and isinstance(distribution, AutoregressiveDistribution):
        plotting.save(plotting.nll_maps(images, distribution.position_log_prob(rows.x)), run.folder / "nll.png")
