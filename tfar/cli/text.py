"""What the commands do for models of text."""

import functools
import math

import keras

from tfar import datasets, plotting
from tfar.cli import runs
from tfar.cli.training_run import fitted, written
from tfar.files import refuse_existing, write_text
from tfar.models.character import CharRNN
from tfar.training import sequences
from tfar.training.baselines import baseline

MOST_TRAINING = 100_000  # characters of the training split that are scored


def train(args):
    """Train a character model, and write its folder."""
    out = refuse_existing(args.out)
    data = datasets.load_text(args.data, args.data_dir, args.vocabulary, args.splits, args.unknown, args.sequence_length)
    keras.utils.set_random_seed(args.seed % 2**32)
    options = {option: getattr(args, option) for option in args.family_options}
    model = CharRNN(data.vocabulary, args.sequence_length, **options)
    print(f"{data}\n{args.model}: {model.count_params():,} parameters", flush=True)
    fit = functools.partial(sequences.fit, model, data.train, data.validation)
    fit = fitted(fit, args, out, "sequence_length", "carry")
    splits = {**data.splits, "train": data.train[:MOST_TRAINING]}
    metrics = {
        "model": args.model,
        "data": data.name,
        **{name: sequences.evaluate(model, codes) for name, codes in splits.items()},
        "baseline_nll": -float(baseline(model.head, data.train[:, None], data.test[:, None]).mean()),
        **runs.record(model, fit, args.command_line),
    }
    with written(out, model, {"kind": runs.TEXT, **data.to_config()}, fit, metrics):
        pass  # the model is there before anything else is made of it
    if plotting.available() and fit.epochs:
        plotting.save(plotting.learning_curve(fit.history, metrics["baseline_nll"]), out / "curve.png")
    write_text(out / "sample.txt", model.sample(1, args.seed, length=2000)[0])
    print(report(f"{args.model} on {data.name}, test", metrics["test"], metrics))
    print("\n".join(str(path) for path in sorted(out.iterdir())))


def evaluate(trained, args):
    """Score a text, and return the name of the data, the scores and a dict of the baseline's NLL."""
    model, streams = trained.model, 64 if args.streams is None else args.streams
    trained.refuse(args, "rows", "num_orders", "batch_size", "seed")
    if args.data is not None:
        if args.split is not None:
            raise ValueError(f"a split is one of the model's own data, others are taken whole. Received: {args.split!r} and {args.data}")
        name, text = datasets.read_text(args.data, args.data_dir, binary=model.vocabulary.kind == "bytes")
        codes = model.vocabulary.encode(text if model.vocabulary.kind == "bytes" else text.decode("utf-8"), model.vocabulary.dtype)
        return name, sequences.evaluate(model, codes, streams), {"baseline_nll": None}
    data = trained.text(args.data_dir)
    codes = data.splits[args.split or "test"]
    independent = -float(baseline(model.head, data.train[:, None], codes[:, None]).mean())
    return f"{data.name}, {args.split or 'test'}", sequences.evaluate(model, codes, streams), {"baseline_nll": independent}


def sample(trained, args):
    """Write texts: to a file, or to the terminal as they come."""
    trained.refuse(args, "context")
    temperature = 1.0 if args.temperature is None else args.temperature
    options = {"length": args.length, "prompt": args.prompt or "", "temperature": temperature, "top_k": args.top_k}
    count = 1 if args.n is None else args.n
    if args.out is None and count == 1:
        pieces = trained.model.write(seed=args.seed, **options)
        first = next(pieces)  # what cannot be written is refused before anything is
        # a byte that is no UTF-8 reaches Python's command line as a lone surrogate
        print(options["prompt"].encode("utf-8", "surrogateescape").decode("utf-8", "replace"), end=first, flush=True)
        for piece in pieces:
            print(piece, end="", flush=True)
        print()
        return
    path = None if args.out is None else refuse_existing(args.out, args.overwrite)
    text = f"\n{'-' * 80}\n".join(trained.model.sample(count, args.seed, **options))
    if path is None:
        print(text)
        return
    write_text(path, text + "\n", args.overwrite)
    print(path)


def report(title, scores, known):
    """What `train` and `evaluate` print of scores from `text_training.evaluate`, and of the baseline's NLL."""
    error = "" if math.isnan(scores["nll_error"]) else f" +- {scores['nll_error']:.4f} (standard error)"
    lines = [
        f"{title}: {scores['characters']:,} characters",
        f"  NLL       {scores['nll']:8.4f}{error} nats per character, {scores['bits_per_character']:.4f} bits",
    ]
    if known["baseline_nll"] is not None:
        lines.append(f"  baseline  {known['baseline_nll']:8.4f} nats, frequencies of the characters")
    return "\n".join(lines)
