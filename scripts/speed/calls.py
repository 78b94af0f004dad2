"""Measure what a user calls first, as users call it: eagerly, or by Keras.

    python scripts/benchmark.py calls [--only NAME ...] [--peers PYTHON] [--device cpu|gpu] [--results results/benchmark_calls.json]

Each figure is the median of repeated calls that end on the host, in milliseconds, and the first call, which traces and compiles. The floor
is the useful arithmetic of a call (masked weights are not counted) at the rate of the products of square float32 matrices in the same
process. PYTHON is the interpreter of an environment with PyTorch, where `scripts/speed/torch_peers.py` runs the same tasks;
`scripts/speed/peers.sh` makes one. Peers are measured in the same run, task after task, and never beside tfar.

It writes the JSON file, and the table of docs/performance.md.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from speed.timing import PAGE, ROOT, best, keep, median

STARTS = {  # code that draws a first sample from a file in a new process, after the imports
    "made": "tfar.MADE([784], hidden_units=[500])",
    "pixelcnn": "tfar.PixelCNN([28, 28, 1])",
}


def peak():
    """GFLOPS of products of square float32 matrices."""
    import tensorflow as tf

    a = tf.random.stateless_normal([2048, 2048], [1, 2])
    return 2 * 2048**3 / best(lambda: tf.matmul(a, a).numpy(), 5) / 1e9


def rows_of(model, count):
    import numpy as np

    generator = np.random.default_rng(0)
    shape = [count, *model.event_shape]
    return generator.integers(0, 2, shape).astype("int32") if model.head.discrete else generator.normal(size=shape).astype("float32")


def log_prob(make, batch):
    def task():
        model = make()
        x = rows_of(model, batch)
        return lambda: model.log_prob(x).numpy(), 2 * weights(model) * batch

    return task


def sample(make, batch, **options):
    def task():
        model = make()
        distribution = model.distribution(**options)
        return lambda: distribution.sample(batch, seed=1).numpy(), 2 * weights(model) * batch

    return task


def complete(make, batch):
    def task():
        model = make()
        x, observed = rows_of(model, batch), model.first(0.5)
        return lambda: model.complete(x, observed, seed=1).numpy(), 2 * weights(model) * batch

    return task


def predict(make, count):
    def task():
        model = make()
        model.compile()
        x = rows_of(model, count)
        return lambda: model.predict(x, verbose=0), 2 * weights(model) * count

    return task


def step(make, batch, of_text=False):
    """A training step as `tfar train` takes it with the family's defaults: loss, gradients, clipping, Adam and the averaged weights."""

    def task():
        from tfar import automatic, config, training
        from tfar.training.optimizer import compile_for

        model = make()
        kind = "text" if of_text else "binary" if model.head.discrete else "continuous"
        size = model.network.event_size
        chosen = config.SequenceTraining if of_text else config.Training
        settings = automatic.resolved(chosen(), model.network.family, automatic.Facts(50_000, size, kind))
        compile_for(model, dataclasses.replace(settings, jit=model.network.xla), steps=1)
        x = rows_of(model, batch)
        stream = iter(training.batches(x, batch))
        model.make_train_function()
        return lambda: float(model.train_function(stream)["loss"]), 6 * weights(model) * batch

    return task


def weights(model):
    """Multiplications of a row in one pass: weights that masks leave, times the pixels of an image or the symbols of a text."""
    shape, network = model.event_shape, model.network
    biases = sum(weight.shape[0] for weight in model.trainable_weights if len(weight.shape) == 1)
    shared = len(shape) > 1 or hasattr(model, "vocabulary")
    return (network.effective_parameters() - biases) * (network.event_size if shared else 1)


def tasks():
    """name -> a function that returns what is called, and the floating-point operations of a call."""
    import tfar

    def made(units=500):
        return lambda: tfar.MADE([784], hidden_units=[units], direct=False)

    def nade():
        return tfar.NADE([784], hidden_units=500)

    def rnade():
        return tfar.RNADE([11], hidden_units=50)

    def pixelcnn():
        return tfar.PixelCNN([28, 28, 1])

    def gated():
        return tfar.GatedPixelCNN([28, 28, 1])

    def text():
        return tfar.CharRNN("".join(map(chr, range(32, 97))), length=64, dropout=0.0)

    return {
        "log_prob, MADE 784-500-784, batch 1": log_prob(made(), 1),
        "log_prob, MADE 784-500-784, batch 64": log_prob(made(), 64),
        "log_prob, NADE 784-500, batch 1": log_prob(nade, 1),
        "log_prob, PixelCNN 28x28, batch 1": log_prob(pixelcnn, 1),
        "log_prob, Gated PixelCNN 28x28, batch 1": log_prob(gated, 1),
        "log_prob, RNADE 11-50, batch 1": log_prob(rnade, 1),
        "log_prob, RNADE 11-50, batch 10000": log_prob(rnade, 10_000),
        "predict, RNADE 11-50, 10000 rows": predict(rnade, 10_000),
        "sample, MADE 784-500-784, batch 1": sample(made(), 1),
        "sample, MADE 784-500-784, batch 1, jit_compile=True": sample(made(), 1, jit_compile=True),
        "sample, NADE 784-500, batch 1": sample(nade, 1),
        "sample, NADE 784-500, batch 1, jit_compile=True": sample(nade, 1, jit_compile=True),
        "sample, PixelCNN 28x28, batch 1": sample(pixelcnn, 1),
        "sample, PixelCNN 28x28, batch 1, jit_compile=True": sample(pixelcnn, 1, jit_compile=True),
        "complete, MADE 784-500-784, batch 1": complete(made(), 1),
        "step, MADE 784-500-784, batch 64": step(made(), 64),
        "step, MADE 784-8000-784, batch 64": step(made(8000), 64),
        "step, MADE 784-8000-784, batch 512": step(made(8000), 512),
        "step, NADE 784-500, batch 64": step(nade, 64),
        "step, RNADE 11-50, batch 64": step(rnade, 64),
        "step, CharRNN 3 x 512, batch 16, 64 symbols": step(text, 16, of_text=True),
    }


def measured(task, most, repeats):
    """A row of the results: milliseconds of a call and of the first, and its floor."""
    call, operations = task()
    ms, first = median(call, repeats, seconds=8)
    floor = operations / most / 1e6
    return {"ms": round(ms, 3), "first_ms": round(first), "floor_ms": round(floor, 4)}


def started(name):
    """Milliseconds from a `.keras` file to a first sample in a new process, and of `import tfar` after TensorFlow and TFP."""
    code = """
import sys, time
import keras, tensorflow, tensorflow_probability
began = time.perf_counter()
import tfar, tfar.models
imported = time.perf_counter()
tfar.load_model(sys.argv[1]).sample(1, seed=1).numpy()
print(1e3 * (imported - began), 1e3 * (time.perf_counter() - imported))
"""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "model.keras"))
        save = f"import tfar; {STARTS[name]}.save({path!r})"
        subprocess.run([sys.executable, "-c", save], check=True, capture_output=True)
        done = subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True)
    imported, sampled = map(float, done.stdout.split()[-2:])
    return {"ms": round(sampled), "import_ms": round(imported)}


def peers(python, names, repeats):
    """The same tasks in PyTorch: name -> milliseconds; tasks without a peer are left out."""
    done = subprocess.run(
        [python, Path(__file__).with_name("torch_peers.py"), str(repeats), *names], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def table(found):
    """The table in Markdown."""
    head = ["task", "tfar, ms", "PyTorch, ms", "tfar / PyTorch", "floor, ms", "first call, ms"]
    lines = [
        f"{found['cores']} cores, {found['peak_gflops']:.0f} GFLOPS of matrix products; TensorFlow {found['tensorflow']}"
        + (f", PyTorch {found['torch']}." if found["torch"] else "."),
        "",
        f"| {' | '.join(head)} |",
        "| --- |" + " ---: |" * (len(head) - 1),
    ]
    for name, row in found["rows"].items():
        peer = row.get("peer_ms")
        cells = [name, f"{row['ms']:.2f}", "" if peer is None else f"{peer:.2f}", "" if peer is None else f"{row['ms'] / peer:.2f}"]
        cells += ["" if "floor_ms" not in row else f"{row['floor_ms']:.2f}", f"{row.get('first_ms', row['ms']):.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(words=None):
    parser = argparse.ArgumentParser("benchmark.py calls", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="WORD", default=[""], help="tasks whose names have one of these words")
    parser.add_argument("--peers", metavar="PYTHON", help="the interpreter of an environment with PyTorch")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu", help="cpu hides GPUs (default: cpu)")
    parser.add_argument("--repeats", type=int, default=30, help="calls of each (default: 30)")
    parser.add_argument("--results", type=Path, default=ROOT / "results" / "benchmark_calls.json", help="the file of figures")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page that shows them")
    args = parser.parse_args(words)
    if args.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    import tensorflow as tf

    if args.device == "gpu" and not tf.config.list_physical_devices("GPU"):
        sys.exit("benchmark: --device gpu needs a GPU that TensorFlow sees. Received: none")
    chosen = {name: task for name, task in tasks().items() if any(word in name for word in args.only)}
    most, rows = peak(), {}
    for name, task in chosen.items():
        rows[name] = measured(task, most, args.repeats)
        print(name, rows[name], flush=True)
    for name in STARTS:
        if any(word in (task := f"first sample of a .keras file, {name}") for word in args.only):
            rows[task] = started(name)
            print(task, rows[task], flush=True)
    others = peers(args.peers, list(chosen), args.repeats) if args.peers else {"torch": None, "rows": {}}
    for name, ms in others["rows"].items():
        rows[name]["peer_ms"] = ms
    facts = {"cores": os.cpu_count(), "device": args.device, "peak_gflops": round(most, 1), "repeats": args.repeats}
    found = {**facts, "tensorflow": tf.__version__, "torch": others["torch"], "rows": rows}
    keep(found, args.results, args.page, "calls", table(found))
